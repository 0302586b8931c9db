"""SSDH7xx: doubts about a net's input, its weights and its codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ssdh_surgery import findings as rules
from ssdh_surgery.caffe.weights.not_finite import weights_not_finite
from ssdh_surgery.data.class_names import ClassNames
from ssdh_surgery.data.pixel_range import scale_doubt, unit_mean_doubt
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.encode.encoder import Encoder
from ssdh_surgery.pipeline.encode.source import EncodeSource
from ssdh_surgery.pipeline.encode.transform import InputTransform
from ssdh_surgery.retrieval.codes.health import Health

# The published means of ImageNet's channels, blue first.
_IMAGENET = np.array([103.94, 116.78, 123.68])
_NEAR = 3.0
# Layers that normalise pixels of any range.
_NORMALISING = frozenset(["BatchNorm", "MVN", "Power", "Scale"])
# The number of images whose range of values is measured.
_PROBED = 8
# The inputs of trained nets range from about 1 to 255 in magnitude.
_SMALL, _LARGE = 0.02, 1100.0
_NAMED = 3
# The hint where activations are NaN or infinite.
DIVERGED = "such weights come from a training run that diverged"


def input_findings(encoder: Encoder, source: EncodeSource) -> tuple[Finding, ...]:
    """All doubts, from the net, the workspace and the first images.

    Raises:
        FileError, DataError: the weights cannot be read.
    """
    findings = [*_weights(encoder), *_blob(encoder), *_unlike_training(encoder)]
    if source.is_files:
        findings += _size(encoder.transform)
    else:
        findings += _records_order(encoder.transform, source)
    findings += [*_normalisation(encoder), *_channels(encoder.transform)]
    return (*findings, *_ranges(encoder.transform, source))


def unnamed_labels(names: ClassNames, labels: Sequence[int]) -> Finding:
    """Labels that a file of class names does not reach."""
    count = len(names.names)
    return rules.CLASS_NAMES_UNFIT.at(
        Location(str(names.file)),
        f"the class names end with label {count - 1:,}, but items have labels to {labels[-1]:,}",
        "give a file that names all classes: --labels-file FILE, or none",
    )


def collapse_finding(health: Health) -> Finding | None:
    """A doubt about codes that are nearly all the same, None about others."""
    if not health.is_collapsed:
        return None
    if health.is_at_start:
        return rules.COLLAPSED_CODES.at(
            None,
            "not trained enough: nearly all images have the same code, all ones, because the bias "
            "of 1 that the hash layer starts from still holds",
            "train longer, 'ssdh train --resume --iterations N', or use weights that were trained "
            "with the hash layer",
        )
    return rules.COLLAPSED_CODES.at(
        None,
        "the codes have collapsed: nearly all images have the same one",
        "check that weights, mean and scale are those of this net; otherwise train with a smaller "
        "learning rate",
    )


def _weights(encoder: Encoder) -> Iterator[Finding]:
    needed = [name for name, _ in encoder.net.params]
    if (finding := weights_not_finite(encoder.weights, needed)) is not None:
        yield finding
    missing = encoder.net.layers_without_weights(encoder.weights)
    if missing:
        named = ", ".join(f"'{name}'" for name in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        yield rules.LAYERS_WITHOUT_WEIGHTS.at(
            Location(str(encoder.weights)),
            f"'{encoder.blob}' depends on {named}{more}, which have no weights in this file: "
            "its values are meaningless",
            "give the weights that were trained with the hash layer: --weights FILE",
        )


def _blob(encoder: Encoder) -> Iterator[Finding]:
    layer = encoder.net.layer
    if encoder.options.blob is None and not encoder.net.is_code:
        kind = f"a {layer.type} layer writes it" if layer else "it is the input"
        yield rules.NO_CODE.at(
            encoder.net.location,
            f"the blob '{encoder.blob}' is not a code ({kind}): only its activations are stored",
            "ssdh deploy adds the hash layer to a deploy net; --blob NAME chooses a blob",
        )


def _unlike_training(encoder: Encoder) -> Iterator[Finding]:
    """Options that differ from what the net was trained with."""
    if encoder.record is None:
        return
    options, values = encoder.options.transform, encoder.record.values
    pairs: list[tuple[str, Any, Any]] = [
        ("--crop", options.crop, values.get("crop")),
        ("--scale", options.scale, values.get("scale")),
        ("--resize", options.resize, values.get("resize")),
        ("--channels", options.channels, values.get("channels")),
        ("--mean-value", options.mean_value, values.get("mean_value")),
    ]
    for option, value, trained in pairs:
        if value is not None and trained is not None and _plain(value) != _plain(trained):
            yield rules.UNLIKE_TRAINING.at(
                None,
                f"{option} is {_text(value)}, but by ssdh.toml the net was trained with "
                f"{_text(trained)}",
            )


def _size(transform: InputTransform) -> Iterator[Finding]:
    if transform.is_size_guessed and transform.resize is not None:
        width, height = transform.resize
        yield rules.UNKNOWN_RESIZE.at(
            None,
            "the size that images were resized to for training is unknown: using the size of the "
            f"net's input, {width}x{height}",
            "give it with --resize WxH, and with --crop where training cropped the input from that",
        )


def _normalisation(encoder: Encoder) -> Iterator[Finding]:
    transform = encoder.transform
    values = transform.values
    scale, mean = values["scale"], values["mean_value"]
    if not values["mean_file"] and not mean and scale is None:
        normalised = any(layer.type in _NORMALISING for layer in encoder.net.first_layers)
        if encoder.record is None and not normalised:
            yield rules.NO_MEAN.at(
                None,
                "neither a mean nor a scale is known, so the net gets pixels from 0 to 255",
                "give those of the training: --mean-file, --mean-value, --scale",
            )
        return
    if scale is not None and (doubt := scale_doubt(scale)):
        yield rules.SCALE.at(None, *doubt)
    if mean and (doubt := unit_mean_doubt(mean, f"the mean values {_text(mean)} are")):
        yield rules.MEAN_OF_ANOTHER_SCALE.at(None, *doubt)


def _channels(transform: InputTransform) -> Iterator[Finding]:
    """ImageNet's mean in the other order of channels."""
    mean = transform.values["mean_value"]
    if transform.mean_image is not None:
        mean = transform.mean_image.mean((1, 2)).tolist()
    order = transform.values["channels"]
    if not mean or len(mean) != 3 or order == "gray":
        return
    is_rgb = np.abs(np.array(mean) - _IMAGENET[::-1]).max() < _NEAR
    is_bgr = np.abs(np.array(mean) - _IMAGENET).max() < _NEAR
    if (is_rgb and order == "BGR") or (is_bgr and order == "RGB"):
        yield rules.CHANNEL_ORDER.at(
            None,
            f"the mean {_text(mean)} is ImageNet's in the order {'RGB' if is_rgb else 'BGR'}, but "
            f"the net gets {order}",
            "a net trained by Caffe takes BGR, and its mean begins with blue (104); "
            "--channels RGB is for nets that were trained elsewhere",
        )


def _records_order(transform: InputTransform, source: EncodeSource) -> Iterator[Finding]:
    """Records to be converted to RGB: they do not state their own order."""
    if transform.values["channels"] == "RGB":
        yield rules.CHANNEL_ORDER.at(
            Location(source.name),
            "the records are assumed to be BGR, as convert_imageset writes them, and are "
            "converted to RGB",
            "--channels BGR passes records on as they are",
        )


def _ranges(transform: InputTransform, source: EncodeSource) -> Iterator[Finding]:
    """The range of values of the first items."""
    lowest, highest, brightest = np.inf, -np.inf, 0.0
    for item in itertools.islice(source.items(0), _PROBED):
        try:
            pixels = item.read()
            values = transform.prepare(pixels)
        except SsdhError:
            continue  # reported when it is encoded
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
        brightest = max(brightest, float(np.abs(pixels).max()))
    if highest - lowest == 0 or highest < lowest:
        return
    if brightest <= 1 and max(map(abs, transform.values["mean_value"] or [0])) > 1:
        yield rules.MEAN_OF_ANOTHER_SCALE.at(
            Location(source.name),
            f"the mean is for pixels from 0 to 255, but those of {source.name} are at most "
            f"{brightest:g}",
        )
    elif highest - lowest < _SMALL or max(-lowest, highest) > _LARGE:
        times = "small" if highest - lowest < _SMALL else "large"
        yield rules.INPUT_RANGE.at(
            Location(source.name),
            f"the net gets values from {lowest:.4g} to {highest:.4g}: they may be 255 times too "
            f"{times}",
            "compare mean and scale with the transform_param of the train net",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [float(each) for each in value]
    return value


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(f"{each:g}" for each in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)
