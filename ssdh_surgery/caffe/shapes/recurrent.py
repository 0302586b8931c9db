"""Shapes of RNN, LSTM and the unit that Caffe builds an LSTM of."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.layer_setup import (
    LayerSetup,
    SetupResult,
    Shape,
    count,
    shape_string,
)


def rnn(subject: LayerSetup) -> SetupResult:
    """Steps x streams x `num_output`; one state is carried on."""
    steps, streams, outputs, inputs, static = _widths(subject, states=1)
    params: list[Shape] = [(outputs, inputs), (outputs,)]
    params += [(outputs, width) for width in static]
    params += [(outputs, outputs), (outputs, outputs), (outputs,)]
    macs = steps * streams * outputs * (inputs + 2 * outputs) + streams * outputs * sum(static)
    tops = [(steps, streams, outputs), (1, streams, outputs)]
    return SetupResult(tops[: subject.tops], params, macs)


def lstm(subject: LayerSetup) -> SetupResult:
    """Steps x streams x `num_output`; hidden and cell state are carried on."""
    steps, streams, outputs, inputs, static = _widths(subject, states=2)
    gates = 4 * outputs
    params: list[Shape] = [(gates, inputs), (gates,)]
    params += [(gates, width) for width in static]
    params.append((gates, outputs))
    macs = steps * streams * gates * (inputs + outputs) + streams * gates * sum(static)
    state = (1, streams, outputs)
    return SetupResult([(steps, streams, outputs), state, state][: subject.tops], params, macs)


def lstm_unit(subject: LayerSetup) -> SetupResult:
    """One step of an LSTM."""
    for index, shape in enumerate(subject.bottoms):
        axes = 2 if index == 2 else 3
        subject.check(
            len(shape) == axes,
            f"Check failed: {axes} == bottom[i]->num_axes() ({axes} vs. {len(shape)})",
            bottom=index,
        )
        subject.check(
            shape[0] == 1,
            f"Check failed: 1 == bottom[i]->shape(0) (1 vs. {shape[0]})",
            bottom=index,
        )
        streams = subject.bottoms[0][1]
        subject.check(
            shape[1] == streams,
            f"Check failed: num_instances == bottom[i]->shape(1) ({streams} vs. {shape[1]})",
            bottom=index,
        )
    cell, gates = subject.bottoms[:2]
    subject.check(
        gates[2] == 4 * cell[2],
        f"Check failed: 4 * hidden_dim_ == bottom[1]->shape(2) ({4 * cell[2]} vs. {gates[2]})",
        bottom=1,
    )
    return SetupResult([cell, cell])


def _widths(subject: LayerSetup, states: int) -> tuple[int, int, int, int, list[int]]:
    """Steps, streams, outputs, the width of the input and that of the static one, if any."""
    exposed = states if subject.param.recurrent_param.expose_hidden else 0
    _check_counts(subject, exposed)
    steps, streams = _steps(subject)
    has_static = len(subject.bottoms) > 2 + exposed
    if has_static:
        found = subject.size(0, 2)
        subject.check(
            found == streams,
            f"Check failed: N_ == bottom[2]->shape(0) ({streams} vs. {found})",
            bottom=2,
        )
    outputs = subject.param.recurrent_param.num_output
    subject.check(outputs > 0, "num_output must be positive", field="recurrent_param.num_output")
    inputs = count(subject.bottoms[0], subject.axis(2))
    static = [count(subject.bottoms[2], subject.axis(1, 2))] if has_static else []
    _check_states(subject, (1, streams, outputs), exposed)
    return steps, streams, outputs, inputs, static


def _check_counts(subject: LayerSetup, exposed: int) -> None:
    kind, bottoms, tops = subject.param.type, len(subject.bottoms), subject.tops
    least, wanted = 2 + exposed, 1 + exposed
    subject.check(
        least <= bottoms,
        f"{kind} Layer takes at least {least} bottom blob(s) as input. ({least} vs. {bottoms})",
    )
    subject.check(
        bottoms <= least + 1,
        f"{kind} Layer takes at most {least + 1} bottom blob(s) as input. "
        f"({least + 1} vs. {bottoms})",
    )
    subject.check(
        tops == wanted,
        f"{kind} Layer produces {wanted} top blob(s) as output. ({wanted} vs. {tops})",
    )


def _steps(subject: LayerSetup) -> tuple[int, int]:
    data, marks = subject.bottoms[:2]
    subject.check(
        len(data) >= 2,
        f"bottom[0] must have at least 2 axes -- (#timesteps, #streams, ...) ({len(data)} vs. 2)",
        bottom=0,
    )
    subject.check(
        len(marks) == 2,
        f"bottom[1] must have exactly 2 axes -- (#timesteps, #streams) ({len(marks)} vs. 2)",
        bottom=1,
    )
    for axis, name in enumerate(("T_", "N_")):
        subject.check(
            data[axis] == marks[axis],
            f"Check failed: {name} == bottom[1]->shape({axis}) ({data[axis]} vs. {marks[axis]})",
            bottom=1,
        )
    return data[0], data[1]


def _check_states(subject: LayerSetup, state: Shape, exposed: int) -> None:
    first = len(subject.bottoms) - exposed
    for index, shape in enumerate(subject.bottoms[first:]):
        subject.check(
            shape == state,
            f"shape mismatch - recur_input_blobs_[{index}]: {shape_string(state)} vs. "
            f"bottom[{first + index}]: {shape_string(shape)}",
            bottom=first + index,
        )
