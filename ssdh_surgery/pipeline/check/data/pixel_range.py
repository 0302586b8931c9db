"""SSDH135 to SSDH139: scales and means that do not suit the pixels, or the other phase."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.data.pixel_range import scale_doubt, unit_mean_doubt
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import (
    MEAN_OUT_OF_RANGE,
    MIRRORED_TESTS,
    RAW_PIXELS,
    SCALE_OUT_OF_RANGE,
    TESTS_PREPARED_OTHERWISE,
    Finding,
)
from ssdh_surgery.pipeline.check.data.images import PixelSample, pixel_sample
from ssdh_surgery.pipeline.check.data.means import mean_of
from ssdh_surgery.pipeline.check.data.transforms import setting_location
from ssdh_surgery.pipeline.check.subject import Subject

# The layers that prepare images by a `transform_param`; WindowData has a scale of its own.
_IMAGES = frozenset(["Data", "ImageData"])
# Input of this size at most is next to nothing for a net.
_TINY = 0.02
_DARK = 2.0
_LARGE_RATE = 0.01
# Layers that bring pixels of any range into one that a net learns from, or may do so.
_NORMALISING = frozenset(["BatchNorm", "MVN", "LRN", "Power", "Scale", "Bias", "Eltwise"])
_LEARNING = frozenset(["Convolution", "InnerProduct"])
_SMALL_FILLER = 0.005


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the range of the pixels that each net gets."""
    yield from _phases(subject)
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            if layer.type not in _IMAGES:
                continue
            transform = layer.parameter.transform_param
            # A net alone may be one that is never tested.
            if transform.mirror and state.phase == "TEST" and subject.solver.nets:
                yield MIRRORED_TESTS.at(
                    setting_location(layer, "mirror"),
                    f"layer '{layer.name}' mirrors images at random in tests, too",
                    "give tests a layer of their own without mirror: include { phase: TEST }",
                )
            sample = pixel_sample(layer, subject.folder)
            if sample is not None:
                yield from _range(layer, sample, subject)
                if state.phase == "TRAIN" and _is_raw(layer, sample):
                    yield from _raw_pixels(net, layer, state, subject)


def _phases(subject: Subject) -> Iterator[Finding]:
    """Layers of the same blob that prepare images in one phase unlike in the other."""
    training = [each for each in subject.nets if each[1].phase == "TRAIN"]
    testing = [each for each in subject.nets if each[1].phase == "TEST"]
    for net, state in training:
        for layer in net.layers_in(state):
            for test_net, test_state in testing:
                for other in test_net.layers_in(test_state):
                    if (
                        {layer.type, other.type} <= _IMAGES
                        and layer.tops[:1] == other.tops[:1]
                        and layer.entry is not other.entry
                        and _readers(net, layer, state) == _readers(test_net, other, test_state)
                    ):
                        yield from _differences(layer, other, subject)


def _readers(net: Net, layer: Layer, state: State) -> set[tuple[str, str]]:
    """The layers that read the images, by name and type; they may prepare them as well."""
    graph = net.graph(state)
    return {
        (reader.name, reader.type)
        for blob in graph.writes(layer)[:1]
        for reader, _ in graph.consumers(blob)
        if reader.tops and not reader.is_judge
    }


def _differences(train: Layer, test: Layer, subject: Subject) -> Iterator[Finding]:
    scales = [each.parameter.transform_param.scale for each in (train, test)]
    samples = [pixel_sample(each, subject.folder) for each in (train, test)]
    are_alike = all(sample is None or not sample.is_float for sample in samples)
    if scales[0] != scales[1] and are_alike:
        yield TESTS_PREPARED_OTHERWISE.at(
            setting_location(test, "scale"),
            f"TRAIN multiplies pixels by {scales[0]:g} (layer '{train.name}', line {train.line}), "
            + (f"TEST by {scales[1]:g}" if scales[1] != 1 else "TEST does not"),
            f"write scale: {scales[0]:g} in the transform_param of both, if that is the right one",
        )
    means = [_mean_text(each) for each in (train, test)]
    if (means[0] is None) != (means[1] is None) and are_alike:
        field = "mean_file" if "mean_file" in (means[0] or means[1] or "") else "mean_value"
        yield TESTS_PREPARED_OTHERWISE.at(
            setting_location(test, field),
            f"TRAIN subtracts {means[0] or 'no mean'} (layer '{train.name}', line {train.line}), "
            f"TEST {means[1] or 'none'}",
            "subtract the same mean in both phases: tests get what the net was trained on",
        )


def _mean_text(layer: Layer) -> str | None:
    transform = layer.parameter.transform_param
    if transform.mean_file:
        return f"mean_file '{transform.mean_file}'"
    values = ", ".join(f"{value:g}" for value in transform.mean_value)
    return f"mean_value {values}" if any(transform.mean_value) else None


def _range(layer: Layer, sample: PixelSample, subject: Subject) -> Iterator[Finding]:
    """A scale or a mean for pixels of another range."""
    transform = layer.parameter.transform_param
    source = layer.setting("data_param", "source")
    mean = _mean_values(layer, subject)
    scale_place = setting_location(layer, "scale")
    mean_place = setting_location(layer, "mean_file" if transform.mean_file else "mean_value")
    if not sample.is_float:
        if doubt := scale_doubt(transform.scale):
            yield SCALE_OUT_OF_RANGE.at(scale_place, *doubt)
        values = ", ".join(f"{value:g}" for value in transform.mean_value)
        text = f"{transform.mean_file} is" if transform.mean_file else f"mean_value {values} is"
        if sample.largest > _DARK and (doubt := unit_mean_doubt(mean, text)):
            yield MEAN_OUT_OF_RANGE.at(mean_place, *doubt)
        return
    if 0 < sample.largest <= 1 and transform.scale * sample.largest <= _TINY:
        yield SCALE_OUT_OF_RANGE.at(
            scale_place,
            f"the records of {source} are floats of at most {sample.largest:.4g} already: the "
            f"scale makes them {sample.largest * transform.scale:.4g} at most",
            "remove the scale: it is for pixels from 0 to 255",
        )
    if 0 < sample.largest <= 1 and max(map(abs, mean), default=0) > 1:
        yield MEAN_OUT_OF_RANGE.at(
            mean_place,
            f"the mean is for pixels from 0 to 255, but those of {source} are at most "
            f"{sample.largest:.4g}",
            "give the mean of these very records: 'ssdh data mean' computes it",
        )


def _mean_values(layer: Layer, subject: Subject) -> list[float]:
    """The means of the channels; empty without a mean."""
    transform = layer.parameter.transform_param
    if not transform.mean_file:
        return list(transform.mean_value)
    try:
        mean = mean_of(layer, subject.folder)
    except SsdhError:
        return []
    return [] if mean is None else [float(value) for value in mean.max(axis=(1, 2))]


def _is_raw(layer: Layer, sample: PixelSample) -> bool:
    """Whether a net gets pixels up to 255 as they are."""
    transform = layer.parameter.transform_param
    has_mean = bool(transform.mean_file or any(transform.mean_value))
    return not has_mean and transform.scale == 1 and not sample.is_float and sample.largest > _DARK


def _raw_pixels(net: Net, layer: Layer, state: State, subject: Subject) -> Iterator[Finding]:
    """Raw pixels for a net that starts from large random weights at a large rate."""
    solver = subject.message
    if solver is None or solver.base_lr < _LARGE_RATE or solver.type not in ("SGD", "Nesterov"):
        return
    if subject.weights or subject.is_resumed:
        return
    if any(each.type in _NORMALISING for each in net.layers_in(state)):
        return
    graph = net.graph(state)
    for blob in graph.writes(layer)[:1]:
        for reader, _ in graph.consumers(blob):
            if reader.type in _LEARNING and _has_large_weights(reader):
                yield RAW_PIXELS.at(
                    layer.location,
                    f"layer '{reader.name}' gets pixels from 0 to 255 as they are, and learns from "
                    f"random weights at base_lr {solver.base_lr:g}",
                    "write transform_param { scale: 0.00390625 } in the data layers of both "
                    "phases, or subtract a mean",
                )
                return


def _has_large_weights(layer: Layer) -> bool:
    """Whether the filler of a layer does not make up for large input."""
    param = layer.parameter
    message = param.convolution_param if layer.type == "Convolution" else param.inner_product_param
    filler = message.weight_filler
    if filler.type in ("xavier", "msra"):
        return True
    return filler.type == "gaussian" and filler.std >= _SMALL_FILLER
