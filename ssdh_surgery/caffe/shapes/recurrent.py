"""Shapes of RNN, LSTM and the unit that Caffe builds an LSTM of."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes.subject import Shape, Shaped, Subject, count

_PARAM = "recurrent_param"


def rnn(subject: Subject) -> Shaped:
    """Steps x streams x `num_output`; one state is carried on."""
    _check_counts(subject, states=1)
    steps, streams, outputs = _sizes(subject, states=1)
    inputs, static = _inputs(subject), _static(subject, states=1)
    params: list[Shape] = [(outputs, inputs), (outputs,)]
    params += [(outputs, width) for width in static]
    params += [(outputs, outputs), (outputs, outputs), (outputs,)]
    macs = steps * streams * outputs * (inputs + 2 * outputs) + streams * outputs * sum(static)
    tops = [(steps, streams, outputs), (1, streams, outputs)]
    return Shaped(tops[: subject.tops], params, macs)


def lstm(subject: Subject) -> Shaped:
    """Steps x streams x `num_output`; hidden and cell state are carried on."""
    _check_counts(subject, states=2)
    steps, streams, outputs = _sizes(subject, states=2)
    inputs, static, gates = _inputs(subject), _static(subject, states=2), 4 * outputs
    params: list[Shape] = [(gates, inputs), (gates,)]
    params += [(gates, width) for width in static]
    params.append((gates, outputs))
    macs = steps * streams * gates * (inputs + outputs) + streams * gates * sum(static)
    state = (1, streams, outputs)
    return Shaped([(steps, streams, outputs), state, state][: subject.tops], params, macs)


def lstm_unit(subject: Subject) -> Shaped:
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
    return Shaped([cell, cell])


def _exposed(subject: Subject, states: int) -> int:
    """The number of states that are bottoms and tops of their own."""
    return states if subject.param.recurrent_param.expose_hidden else 0


def _check_counts(subject: Subject, states: int) -> None:
    exposed, bottoms = _exposed(subject, states), len(subject.bottoms)
    kind = subject.param.type
    least, tops = 2 + exposed, 1 + exposed
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
        subject.tops == tops,
        f"{kind} Layer produces {tops} top blob(s) as output. ({tops} vs. {subject.tops})",
    )


def _sizes(subject: Subject, states: int) -> tuple[int, int, int]:
    """Steps, streams and outputs."""
    data, marks = subject.bottoms[:2]
    subject.check(
        len(data) >= 2,
        "bottom[0] must have at least 2 axes -- (#timesteps, #streams, ...)",
        bottom=0,
    )
    subject.check(
        len(marks) == 2, "bottom[1] must have exactly 2 axes -- (#timesteps, #streams)", bottom=1
    )
    for axis, name in enumerate(("T_", "N_")):
        subject.check(
            data[axis] == marks[axis],
            f"Check failed: {name} == bottom[1]->shape({axis}) ({data[axis]} vs. {marks[axis]})",
            bottom=1,
        )
    outputs = subject.param.recurrent_param.num_output
    subject.check(outputs > 0, "num_output must be positive", field=f"{_PARAM}.num_output")
    state = (1, data[1], outputs)
    for index in range(len(subject.bottoms) - _exposed(subject, states), len(subject.bottoms)):
        subject.check(
            subject.bottoms[index] == state,
            f"shape mismatch - recurrent input is {state} vs. bottom[{index}]: "
            f"{subject.bottoms[index]}",
            bottom=index,
        )
    return data[0], data[1], outputs


def _inputs(subject: Subject) -> int:
    return count(subject.bottoms[0], subject.axis(2))


def _static(subject: Subject, states: int) -> list[int]:
    """The width of the input that is the same at all steps, where there is one."""
    if len(subject.bottoms) <= 2 + _exposed(subject, states):
        return []
    shape, streams = subject.bottoms[2], subject.bottoms[0][1]
    subject.check(
        len(shape) >= 1 and shape[0] == streams,
        f"Check failed: N_ == bottom[2]->shape(0) ({streams} vs. {shape[0] if shape else 0})",
        bottom=2,
    )
    return [count(shape, subject.axis(1, 2))]
