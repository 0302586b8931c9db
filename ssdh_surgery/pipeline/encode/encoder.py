"""A net that makes codes: its files, its transform and its engine, found and opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ssdh_surgery
from ssdh_surgery import files
from ssdh_surgery.engines.extractor import Extraction
from ssdh_surgery.pipeline.encode.engine import EncodeEngine, open_extractor
from ssdh_surgery.pipeline.encode.transform import InputTransform, TransformOptions
from ssdh_surgery.pipeline.files.sources import SourceFile, read_source
from ssdh_surgery.pipeline.nets.deploy_net import DeployNet
from ssdh_surgery.pipeline.nets.trained_files import newest_weights, recorded_deploy
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.retrieval.codes.codes import UNKNOWN_LABEL, Codes, pack


@dataclass(frozen=True)
class EncoderOptions:
    """What a command line says of the net; None is left to the workspace.

    `batch` counts the inputs that the net takes at a time, `gpu` is CUDA's number, `caffe` the
    executable beside which the engine `binary` finds its tool.
    """

    deploy: Path | None = None
    weights: Path | None = None
    blob: str | None = None
    net: str | None = None
    engine: EncodeEngine = "auto"
    gpu: int | None = None
    caffe: str | None = None
    batch: int = 32
    transform: TransformOptions = field(default_factory=TransformOptions)


class Encoder:
    """An open net that turns pixels into activations.

    `width` is the number of activations of a picture.

    Args:
        options: what the command line says.
        source: the deploy net where it was read before; None reads it.

    Raises:
        UsageError: it was not said which net, and no workspace says so.
        FileError, DataError, EngineError: a file cannot be read, or does not fit.
    """

    def __init__(self, options: EncoderOptions, source: SourceFile | None = None) -> None:
        self.known = _known(options)
        deploy = options.deploy or recorded_deploy(self.known)
        self.weights = options.weights or newest_weights(self.known)
        self.options = options
        self.net = DeployNet(
            source or read_source(str(deploy)),
            options.blob,
            self.known.get("code") if self.known else None,
        )
        self.blob = self.net.blob
        self.transform = InputTransform(
            options.transform, self.known, self.net.shape, self.net.location
        )
        self.engine = open_extractor(options.engine, self._extraction(), options.caffe)
        self._extractor = self.engine.extractor
        self.width = self._extractor.width

    def _extraction(self) -> Extraction:
        net, options = self.net, self.options
        layer = net.layer.name if net.layer else None
        blob = net.input, net.shape, net.blob, layer
        return Extraction(net.net, self.weights, *blob, options.batch, options.gpu)

    @property
    def bits(self) -> int:
        """The width of a code, 0 where the blob holds features."""
        return self.width if self.net.is_code else 0

    @property
    def batch(self) -> int:
        """How many pictures are best encoded at a time."""
        return max(1, self._extractor.batch // self.transform.crops)

    def recipe(self, source: str) -> dict[str, Any]:
        """How the codes are made: the model, the transform, the engine and the source."""
        return {
            "version": ssdh_surgery.__version__,
            "model": {
                "net": files.digest(self.net.source.data),
                "weights": files.file_digest(self.weights),
                "blob": self.blob,
                "layer": self.net.layer.name if self.net.layer else None,
            },
            "transform": self.transform.recipe(),
            "engine": self.engine.name,
            "source": source,
        }

    def activations(self, prepared: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """What the blob holds for pictures as `transform.prepared` gives them, [n, K].

        Of several crops it is the mean.
        """
        inputs = np.concatenate(prepared)
        most = self._extractor.batch
        parts = [
            self._extractor.activations(inputs[start : start + most])
            for start in range(0, len(inputs), most)
        ]
        values = np.concatenate(parts)
        crops = self.transform.crops
        if crops == 1:
            return values
        mean: NDArray[np.float32] = values.reshape(-1, crops, self.width).mean(1)
        return mean

    def codes_of(self, pictures: Sequence[NDArray[Any]], ids: Sequence[str], source: str) -> Codes:
        """The codes of a few pictures [C, H, W]."""
        activations = self.activations([self.transform.prepared(each) for each in pictures])
        labels = np.full(len(ids), UNKNOWN_LABEL, np.int64)
        return Codes(
            pack(activations) if self.bits else np.empty((len(ids), 0), np.uint8),
            self.bits,
            np.array(ids, str),
            labels,
            self.recipe(source),
            activations,
            name=source,
        )


def _known(options: EncoderOptions) -> NetRecord | None:
    """What the workspace knows of the net.

    A deploy net that was named is that of its own record, or, as another file of the same net,
    of the only one; nothing is known of a net from elsewhere.
    """
    workspace, deploy = Workspace.find(), options.deploy
    if workspace is None:
        return None
    if deploy is None or options.net is not None:
        return workspace.net(options.net)
    known = workspace.net_deployed_as(deploy)
    if known is None and len(workspace.nets) == 1 and deploy.exists():
        return workspace.net(None)
    return known
