"""`ssdh export`: a deploy net and its weights as an ONNX model, with its transform."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ssdh_surgery
from ssdh_surgery import files
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.weights.not_finite import weights_not_finite
from ssdh_surgery.errors import SurgeryError, UsageError, require_extra
from ssdh_surgery.files import refuse_existing
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.encode.transform import InputTransform, TransformOptions
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need, read_source
from ssdh_surgery.pipeline.nets.deploy_net import code_threshold, params_below
from ssdh_surgery.pipeline.nets.snapshots import weights_misfit
from ssdh_surgery.pipeline.nets.trained_files import newest_weights, recorded_deploy
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ssdh_surgery.engines.onnx.model import Model


# The entry of the metadata with the mean image: base64 of float32, the lowest byte first.
_MEAN_ENTRY = "mean"


@dataclass(frozen=True)
class ExportOptions:
    """The options of a command line; None takes the value of the workspace.

    `deploy` is a path, `-` or `zoo:NAME/deploy`; `blob` is the output of the model, None for all
    outputs of the net; `input_shapes` replaces the net's own.
    """

    deploy: str | None = None
    weights: Path | None = None
    blob: str | None = None
    net: str | None = None
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    transform: TransformOptions = field(default_factory=TransformOptions)


@dataclass(frozen=True)
class ExportResult:
    """A model that was written: inputs and outputs by name with their sizes, the batch as `N`.

    `transform` describes how an image is prepared, None if unknown, and `doubt` what is missing
    in that, if anything; `bound_by` says why the model takes only one batch size, None if it takes
    any. `deploy` and `weights` are the net and its weights, as they were named or found;
    `passed_over` has a sentence for each snapshot that is newer than these weights, but incomplete
    or of another net; `findings` is what Caffe cannot read in the net, and weights that hold nan.
    """

    path: Path
    size: int
    opset: int
    inputs: Mapping[str, Sequence[int | str]]
    outputs: Mapping[str, Sequence[int | str]]
    transform: str | None
    doubt: str | None
    bound_by: str | None
    deploy: str
    weights: Path
    passed_over: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer of `export --json`."""
        return {
            "file": str(self.path),
            "bytes": self.size,
            "opset": self.opset,
            "inputs": {name: list(sizes) for name, sizes in self.inputs.items()},
            "outputs": {name: list(sizes) for name, sizes in self.outputs.items()},
        }


def export(options: ExportOptions, out: Path, *, force: bool = False) -> ExportResult:
    """Write a net as an ONNX model.

    Raises:
        UsageError: the net or its weights are ambiguous or unknown, or the input is not an image.
        FileError, ParseError: a file cannot be read, or `out` exists.
        EngineError: ONNX cannot express a layer, or a layer has no weights.
        DataError: the weights do not fit.
        MissingExtra: onnx is not installed.
    """
    require_extra("onnx", "writing ONNX models", "onnx")
    record = _net_record(options)
    deploy = options.deploy or str(recorded_deploy(record))
    source = read_source(deploy)
    need(source, *NETS)
    weights = options.weights or newest_weights(record)
    refuse_existing(out, force=force, inputs=[deploy, weights])
    net = net_of(source.document)
    options = replace(options, blob=options.blob or _code_below_classifier(net, record))
    last = _last_writer(net, options.blob)
    passed_over: list[str] = []
    params = params_below(net, last)
    weights = options.weights or newest_weights(
        record, partial(weights_misfit, params, deploy), passed_over.append
    )
    refuse_existing(out, force=force, inputs=[weights])
    model = _model(net, weights, options, last)
    transform = _transform(options, record, source, model)
    recipe: dict[str, Any] = {
        "version": ssdh_surgery.__version__,
        "model": {
            "net": files.digest(source.data),
            "weights": files.file_digest(weights),
            **_code_recipe(net, options.blob, model),
        },
        "transform": transform.recipe() if transform else None,
        "mean_image": None,
        "resize_is_known": transform is not None and transform.is_size_known,
    }
    metadata = {}
    if transform is not None and (mean := transform.mean_image) is not None:
        transform.refuse_misfit()
        if (values := _constant_channels(mean)) is not None:
            recipe["transform"]["mean_value"] = values
        else:
            recipe["mean_image"] = {"entry": _MEAN_ENTRY, "shape": list(mean.shape)}
            metadata[_MEAN_ENTRY] = base64.b64encode(mean.astype("<f4").tobytes()).decode()
    data = model.to_bytes({"recipe": json.dumps(recipe), **metadata})
    files.write_bytes(out, data)
    bad = weights_not_finite(weights, [name for name, _ in params])
    from ssdh_surgery.engines.onnx.model import OPSET, sizes_of

    return ExportResult(
        path=out,
        size=len(data),
        opset=OPSET,
        inputs=sizes_of(model.inputs),
        outputs=sizes_of(model.outputs),
        transform=transform.words() if transform else None,
        doubt=transform.unknown_size if transform and not transform.is_size_known else None,
        bound_by=model.plan.bound_by,
        deploy=deploy,
        weights=weights,
        passed_over=tuple(passed_over),
        findings=source.findings if bad is None else (*source.findings, bad),
    )


def _constant_channels(mean: NDArray[np.float32]) -> list[float] | None:
    """The value of each channel of a mean image, None where one has several values."""
    firsts = mean[:, :1, :1]
    values: list[float] = firsts.ravel().tolist()
    return values if (mean == firsts).all() else None


def _net_record(options: ExportOptions) -> NetRecord | None:
    """The record of the net in the workspace; None for a file that no record lists."""
    workspace = Workspace.find()
    if workspace is None:
        return None
    if options.deploy is None or options.net is not None:
        return workspace.net(options.net)
    return workspace.net_deployed_as(Path(options.deploy))


def _code_below_classifier(net: Net, record: NetRecord | None) -> str | None:
    """The blob of the code if the net still has a classifier above it; None takes all outputs."""
    code, classifier = (record.get(name) if record else None for name in ("code", "classifier"))
    if code is None or not net.named(str(classifier)) or code not in net.blob_names:
        return None
    return str(code)


def _last_writer(net: Net, blob: str | None) -> Layer | None:
    """The layer that writes the blob; None for all blobs.

    Raises:
        SurgeryError: no layer writes a blob of that name.
    """
    if blob is None:
        return None
    graph = net.graph(net.state("TEST"))
    last = graph.last(blob)
    if last is None or last.writer is None:
        raise SurgeryError(
            f"no layer writes a blob '{blob}'",
            location=Location(net.file),
            hint=net.name_hint(blob, net.blob_names),
            blob=blob,
        )
    return last.writer


def _model(net: Net, weights: Path, options: ExportOptions, last: Layer | None) -> Model:
    from ssdh_surgery.engines.onnx.model import build
    from ssdh_surgery.engines.onnx.params import read_params
    from ssdh_surgery.engines.onnx.plan import plan

    reach = None if last is None else [last]
    planned = plan(net, net.state("TEST"), inputs=options.input_shapes, reach=reach)
    return build(planned, read_params(planned, weights), [options.blob] if options.blob else None)


def _transform(
    options: ExportOptions, record: NetRecord | None, source: SourceFile, model: Model
) -> InputTransform | None:
    """How images are prepared; None if the net takes none, or if it is unknown."""
    if record is None and options.transform == TransformOptions():
        return None
    inputs = list(model.plan.inputs.values())
    where = Location(source.name)
    if len(inputs) == 1 and len(inputs[0]) == 4:
        _, channels, height, width = inputs[0]
        return InputTransform(options.transform, record, (channels, height, width), where)
    if options.transform != TransformOptions():
        raise UsageError(
            f"{source.name} does not have one input of images, so there is nothing to resize, "
            "crop or scale"
        )
    return None


def _code_recipe(net: Net, blob: str | None, model: Model) -> dict[str, Any]:
    """The output blob, its layer, and its width and threshold if it is a code."""
    if blob is None and len(model.plan.outputs) == 1:
        (blob,) = model.plan.outputs
    if blob is None:
        return {"blob": None, "layer": None, "bits": None, "threshold": None}
    graph = net.graph(net.state("TEST"))
    last = graph.last(blob)
    layer = last.writer if last else None
    threshold = code_threshold(graph, last)
    width = math.prod(model.shapes[blob][1:])
    return {
        "blob": blob,
        "layer": layer.name if layer else None,
        "bits": None if threshold is None else width,
        "threshold": threshold,
    }
