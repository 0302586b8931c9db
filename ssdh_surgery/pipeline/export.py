"""A deploy net and its weights as an ONNX model, which tells how its pictures are prepared."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ssdh_surgery
from ssdh_surgery import files
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.errors import SurgeryError, UsageError, did_you_mean, require_extra
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.encode.transform import InputTransform, TransformOptions
from ssdh_surgery.pipeline.files.outputs import refuse_existing
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need, read_source
from ssdh_surgery.pipeline.nets.deploy_net import makes_codes
from ssdh_surgery.pipeline.nets.trained_files import newest_weights, recorded_deploy
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.workspace import Workspace

if TYPE_CHECKING:
    from ssdh_surgery.engines.onnx.model import Model


@dataclass(frozen=True)
class ExportOptions:
    """What a command line says; None is left to the workspace.

    `deploy` is a path, `-` or `zoo:NAME/deploy`; `blob` the one that the model ends with, None
    for all outputs of the net; `input_shapes` those of inputs that are to be others than the
    net says.
    """

    deploy: str | None = None
    weights: Path | None = None
    blob: str | None = None
    net: str | None = None
    input_shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    transform: TransformOptions = field(default_factory=TransformOptions)


@dataclass(frozen=True)
class Exported:
    """What was written: inputs and outputs by name with their sizes, the batch as `N`.

    `transform` says in words what is done to a picture, None where that is not known;
    `bound_by` what binds the model to one size of the batch, None for nothing. `deploy` and
    `weights` are the net and its weights, as they were named or found.
    """

    path: Path
    size: int
    opset: int
    inputs: Mapping[str, Sequence[int | str]]
    outputs: Mapping[str, Sequence[int | str]]
    transform: str | None
    bound_by: str | None
    deploy: str
    weights: Path

    def as_json(self) -> dict[str, Any]:
        """The answer in JSON."""
        return {
            "file": str(self.path),
            "bytes": self.size,
            "opset": self.opset,
            "inputs": {name: list(sizes) for name, sizes in self.inputs.items()},
            "outputs": {name: list(sizes) for name, sizes in self.outputs.items()},
        }


def export(options: ExportOptions, out: Path, *, force: bool = False) -> Exported:
    """Write a net as an ONNX model.

    Raises:
        UsageError: it was not said which net or weights, or a transform of what is no picture.
        FileError, ParseError: a file cannot be read, or `out` exists.
        EngineError: a layer that ONNX cannot express, or that has no weights.
        DataError: the weights do not fit.
        MissingExtra: onnx is not installed.
    """
    require_extra("onnx", "writing ONNX models", "onnx")
    known = _known(options)
    deploy = options.deploy or str(recorded_deploy(known))
    weights = options.weights or newest_weights(known)
    refuse_existing(out, force=force, inputs=[deploy, weights])
    source = read_source(deploy)
    need(source, *NETS)
    net = net_of(source.document)
    options = replace(options, blob=options.blob or _code_below_classifier(net, known))
    last = _last_writer(net, options.blob)
    model = _model(net, weights, options, last)
    transform = _transform(options, known, source, model)
    recipe = {
        "version": ssdh_surgery.__version__,
        "model": {
            "net": files.digest(source.data),
            "weights": files.file_digest(weights),
            **_code_recipe(net, options.blob, model),
        },
        "transform": transform.recipe() if transform else None,
    }
    data = model.checked({"recipe": json.dumps(recipe)})
    files.write_bytes(out, data)
    from ssdh_surgery.engines.onnx.model import OPSET, sizes_of

    return Exported(
        path=out,
        size=len(data),
        opset=OPSET,
        inputs=sizes_of(model.inputs),
        outputs=sizes_of(model.outputs),
        transform=transform.words() if transform else None,
        bound_by=model.plan.bound_by,
        deploy=deploy,
        weights=weights,
    )


def _known(options: ExportOptions) -> NetRecord | None:
    """What the workspace knows of the net: nothing of one that was named and is not its own."""
    workspace = Workspace.find()
    if workspace is None:
        return None
    if options.deploy is None or options.net is not None:
        return workspace.net(options.net)
    return workspace.net_deployed_as(Path(options.deploy))


def _code_below_classifier(net: Net, known: NetRecord | None) -> str | None:
    """The code's blob where the net has its classifier still; None: all outputs are wanted."""
    code, classifier = (known.get(name) if known else None for name in ("code", "classifier"))
    if code is None or not net.named(str(classifier)) or code not in net.blob_names:
        return None
    return str(code)


def _last_writer(net: Net, blob: str | None) -> Layer | None:
    """The layer that the model ends with; None for all.

    Raises:
        SurgeryError: no layer writes a blob of that name.
    """
    if blob is None:
        return None
    graph = net.graph(net.state("TEST"))
    found = graph.last(blob)
    if found is None or found.writer is None:
        tops = [top for layer in graph.layers for top in layer.tops]
        raise SurgeryError(
            f"no layer writes a blob '{blob}'",
            location=Location(net.file),
            hint=did_you_mean(blob, tops),
            blob=blob,
        )
    return found.writer


def _model(net: Net, weights: Path, options: ExportOptions, last: Layer | None) -> Model:
    from ssdh_surgery.engines.onnx.model import build
    from ssdh_surgery.engines.onnx.params import read_params
    from ssdh_surgery.engines.onnx.plan import plan

    reach = None if last is None else [last]
    planned = plan(net, net.state("TEST"), inputs=options.input_shapes, reach=reach)
    return build(planned, read_params(planned, weights), [options.blob] if options.blob else None)


def _transform(
    options: ExportOptions, known: NetRecord | None, source: SourceFile, model: Model
) -> InputTransform | None:
    """What is done to pictures; None where the net takes none, or nothing is known of it."""
    if known is None and options.transform == TransformOptions():
        return None
    inputs = list(model.plan.inputs.values())
    where = Location(source.name)
    if len(inputs) == 1 and len(inputs[0]) == 4:
        _, channels, height, width = inputs[0]
        return InputTransform(options.transform, known, (channels, height, width), where)
    if options.transform != TransformOptions():
        raise UsageError(
            f"{source.name} has not one input of pictures, so there is none to warp, crop or scale"
        )
    return None


def _code_recipe(net: Net, blob: str | None, model: Model) -> dict[str, Any]:
    """The one blob that comes out, its layer, and its width where it is a code."""
    if blob is None and len(model.plan.outputs) == 1:
        (blob,) = model.plan.outputs
    if blob is None:
        return {"blob": None, "layer": None, "bits": None}
    graph = net.graph(net.state("TEST"))
    found = graph.last(blob)
    layer = found.writer if found else None
    width = math.prod(model.shapes[blob][1:])
    return {
        "blob": blob,
        "layer": layer.name if layer else None,
        "bits": width if makes_codes(graph, layer) else None,
    }
