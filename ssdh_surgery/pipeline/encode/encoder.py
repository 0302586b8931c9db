"""A net that makes codes: its files, its transform and its engine, found and opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from ssdh_surgery.pipeline.nets.snapshots import weights_misfit
from ssdh_surgery.pipeline.nets.trained_files import newest_weights, recorded_deploy
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.retrieval.codes.codes import THRESHOLD, UNKNOWN_LABEL, Codes, pack


@dataclass(frozen=True)
class EncoderOptions:
    """The options of a command line about the net; None takes the value of the workspace.

    `batch` is the number of inputs that the net takes at a time, `gpu` is CUDA's number, and
    `caffe` is the executable next to which the engine `binary` finds its tool.
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

    `width` is the number of activations of an image; `passed_over` has a sentence for each
    snapshot that is newer than the weights, but incomplete or of another net.

    Args:
        options: the options of the command line.
        source: the deploy net, if it was read before.

    Raises:
        UsageError: no option and no workspace names the net.
        FileError, DataError, EngineError: a file cannot be read, or does not fit.
    """

    def __init__(self, options: EncoderOptions, source: SourceFile | None = None) -> None:
        self.options = options
        self.record = _net_record(options)
        deploy = options.deploy or recorded_deploy(self.record)
        code = self.record.get("code") if self.record else None
        net = self.net = DeployNet(source or read_source(str(deploy)), options.blob, code)
        passed_over: list[str] = []
        self.weights = options.weights or newest_weights(
            self.record, partial(weights_misfit, net.params, net.source.name), passed_over.append
        )
        self.passed_over = tuple(passed_over)
        self.blob = net.blob
        self.transform = InputTransform(options.transform, self.record, net.shape, net.location)
        self._layer = net.layer.name if net.layer else None
        extraction = Extraction(
            net.net,
            self.weights,
            net.input,
            net.shape,
            net.blob,
            self._layer,
            options.batch,
            options.gpu,
        )
        self.engine = open_extractor(options.engine, extraction, options.caffe)
        self._extractor = self.engine.extractor
        self.width = self._extractor.width

    @property
    def bits(self) -> int:
        """The width of a code, 0 if the blob holds features."""
        return self.width if self.net.is_code else 0

    @property
    def batch(self) -> int:
        """The number of images that are best encoded at a time."""
        return max(1, self._extractor.batch // self.transform.crops)

    def recipe(self, source: str, root: str | None = None) -> dict[str, Any]:
        """How the codes are made: the model, the transform, the engine and the source.

        `root` is the folder that ids are relative to, or the LMDB that has them as keys.
        """
        return {
            "version": ssdh_surgery.__version__,
            "model": {
                "net": files.digest(self.net.source.data),
                "weights": files.file_digest(self.weights),
                "blob": self.blob,
                "layer": self._layer,
                **self._other_threshold(),
            },
            "transform": self.transform.recipe(),
            "engine": self.engine.name,
            "source": source,
            "root": root,
        }

    def _other_threshold(self) -> dict[str, float]:
        """The threshold of codes that have another one than those of a Sigmoid."""
        threshold = self.net.threshold
        return {} if threshold in (None, THRESHOLD) else {"threshold": threshold}

    def activations(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The values of the blob [n, K] for n images, as `transform.prepare` returns them.

        For several crops of an image it is their mean.
        """
        rows = np.concatenate(inputs)
        size = self._extractor.batch
        parts = [
            self._extractor.activations(rows[start : start + size])
            for start in range(0, len(rows), size)
        ]
        values = np.concatenate(parts)
        crops = self.transform.crops
        if crops == 1:
            return values
        mean: NDArray[np.float32] = values.reshape(-1, crops, self.width).mean(1)
        return mean

    def codes_of(self, images: Iterable[NDArray[Any]], ids: Sequence[str], source: str) -> Codes:
        """The codes of a few images [C, H, W]."""
        activations = self.activations([self.transform.prepare(each) for each in images])
        labels = np.full(len(ids), UNKNOWN_LABEL, np.int64)
        return Codes(
            (
                np.empty((len(ids), 0), np.uint8)
                if self.net.threshold is None
                else pack(activations, self.net.threshold)
            ),
            self.bits,
            np.array(ids, str),
            labels,
            self.recipe(source),
            activations,
            name=source,
        )


def _net_record(options: EncoderOptions) -> NetRecord | None:
    """The record of the net in the workspace.

    A deploy net that the user names has the record that lists it, or, as another file of the
    same net, the only record. A file from elsewhere has none.
    """
    workspace, deploy = Workspace.find(), options.deploy
    if workspace is None:
        return None
    if deploy is None or options.net is not None:
        return workspace.net(options.net)
    record = workspace.net_deployed_as(deploy)
    if record is None and len(workspace.nets) == 1 and deploy.exists():
        return workspace.net(None)
    return record
