"""Shapes of RNN, LSTM and LSTMUnit, of which Caffe builds an LSTM."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.layer_setup import (
    LayerSetup,
    SetupResult,
    Shape,
    count,
    shape_string,
)


def rnn(setup: LayerSetup) -> SetupResult:
    """Steps x streams x `num_output`; one state is carried over."""
    steps, streams, outputs, inputs, static = _widths(setup, states=1)
    params: list[Shape] = [(outputs, inputs), (outputs,)]
    params += [(outputs, width) for width in static]
    params += [(outputs, outputs), (outputs, outputs), (outputs,)]
    macs = steps * streams * outputs * (inputs + 2 * outputs) + streams * outputs * sum(static)
    tops = [(steps, streams, outputs), (1, streams, outputs)]
    return SetupResult(tops[: setup.tops], params, macs)


def lstm(setup: LayerSetup) -> SetupResult:
    """Steps x streams x `num_output`; the hidden and the cell state are carried over."""
    steps, streams, outputs, inputs, static = _widths(setup, states=2)
    gates = 4 * outputs
    params: list[Shape] = [(gates, inputs), (gates,)]
    params += [(gates, width) for width in static]
    params.append((gates, outputs))
    macs = steps * streams * gates * (inputs + outputs) + streams * gates * sum(static)
    state = (1, streams, outputs)
    return SetupResult([(steps, streams, outputs), state, state][: setup.tops], params, macs)


def lstm_unit(setup: LayerSetup) -> SetupResult:
    """One step of an LSTM."""
    for index, shape in enumerate(setup.bottoms):
        axes = 2 if index == 2 else 3
        setup.check(
            len(shape) == axes,
            f"Check failed: {axes} == bottom[i]->num_axes() ({axes} vs. {len(shape)})",
            bottom=index,
        )
        setup.check(
            shape[0] == 1,
            f"Check failed: 1 == bottom[i]->shape(0) (1 vs. {shape[0]})",
            bottom=index,
        )
        streams = setup.bottoms[0][1]
        setup.check(
            shape[1] == streams,
            f"Check failed: num_instances == bottom[i]->shape(1) ({streams} vs. {shape[1]})",
            bottom=index,
        )
    cell, gates = setup.bottoms[:2]
    setup.check(
        gates[2] == 4 * cell[2],
        f"Check failed: 4 * hidden_dim_ == bottom[1]->shape(2) ({4 * cell[2]} vs. {gates[2]})",
        bottom=1,
    )
    return SetupResult([cell, cell])


def _widths(setup: LayerSetup, states: int) -> tuple[int, int, int, int, list[int]]:
    """Steps, streams, outputs, and the widths of the input and of the static input, if any."""
    exposed = states if setup.param.recurrent_param.expose_hidden else 0
    _check_counts(setup, exposed)
    steps, streams = _steps(setup)
    has_static = len(setup.bottoms) > 2 + exposed
    if has_static:
        static_streams = setup.size(0, 2)
        setup.check(
            static_streams == streams,
            f"Check failed: N_ == bottom[2]->shape(0) ({streams} vs. {static_streams})",
            bottom=2,
        )
    outputs = setup.param.recurrent_param.num_output
    setup.check(outputs > 0, "num_output must be positive", field="recurrent_param.num_output")
    inputs = count(setup.bottoms[0], setup.axis(2))
    static = [count(setup.bottoms[2], setup.axis(1, 2))] if has_static else []
    _check_states(setup, (1, streams, outputs), exposed)
    return steps, streams, outputs, inputs, static


def _check_counts(setup: LayerSetup, exposed: int) -> None:
    kind, bottoms, tops = setup.param.type, len(setup.bottoms), setup.tops
    least, expected = 2 + exposed, 1 + exposed
    setup.check(
        least <= bottoms,
        f"{kind} Layer takes at least {least} bottom blob(s) as input. ({least} vs. {bottoms})",
    )
    setup.check(
        bottoms <= least + 1,
        f"{kind} Layer takes at most {least + 1} bottom blob(s) as input. "
        f"({least + 1} vs. {bottoms})",
    )
    setup.check(
        tops == expected,
        f"{kind} Layer produces {expected} top blob(s) as output. ({expected} vs. {tops})",
    )


def _steps(setup: LayerSetup) -> tuple[int, int]:
    data, marks = setup.bottoms[:2]
    setup.check(
        len(data) >= 2,
        f"bottom[0] must have at least 2 axes -- (#timesteps, #streams, ...) ({len(data)} vs. 2)",
        bottom=0,
    )
    setup.check(
        len(marks) == 2,
        f"bottom[1] must have exactly 2 axes -- (#timesteps, #streams) ({len(marks)} vs. 2)",
        bottom=1,
    )
    for axis, name in enumerate(("T_", "N_")):
        setup.check(
            data[axis] == marks[axis],
            f"Check failed: {name} == bottom[1]->shape({axis}) ({data[axis]} vs. {marks[axis]})",
            bottom=1,
        )
    return data[0], data[1]


def _check_states(setup: LayerSetup, state: Shape, exposed: int) -> None:
    first = len(setup.bottoms) - exposed
    for index, shape in enumerate(setup.bottoms[first:]):
        setup.check(
            shape == state,
            f"shape mismatch - recur_input_blobs_[{index}]: {shape_string(state)} vs. "
            f"bottom[{first + index}]: {shape_string(shape)}",
            bottom=first + index,
        )
