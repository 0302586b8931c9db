"""A net that makes codes: its files, its input's transform and its blob, found and opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ssdh_surgery
from ssdh_surgery import files
from ssdh_surgery.caffe import schema
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.data.transform import Transformer
from ssdh_surgery.engines.runner import Engine, open_net
from ssdh_surgery.errors import (
    DataError,
    FileError,
    Location,
    SsdhError,
    SurgeryError,
    UsageError,
    did_you_mean,
)
from ssdh_surgery.pipeline.sources import read_source
from ssdh_surgery.pipeline.workspace import NetRecord, Workspace, seen_from_here
from ssdh_surgery.retrieval.codes import Codes

# Records that are looked at for their common size.
_RECORDS = 100


@dataclass(frozen=True)
class EncoderOptions:
    """What a command line says of the net; None is left to the workspace.

    `resize` is (width, height); `mean_value` in the order of the channels, blue first.
    """

    deploy: Path | None = None
    weights: Path | None = None
    blob: str | None = None
    net: str | None = None
    engine: Engine = "auto"
    resize: tuple[int, int] | None = None
    crop: int | None = None
    mean_value: Sequence[float] | None = None
    mean_file: Path | None = None
    scale: float | None = None
    batch: int = 32


class Encoder:
    """An open net that turns pixels into activations.

    `resize` is what pictures are warped to before the crop, None where it is not known.

    Raises:
        UsageError: it was not said which net, and no workspace says so.
        FileError, DataError, EngineError: a file cannot be read, or does not fit.
    """

    def __init__(self, options: EncoderOptions) -> None:
        workspace = Workspace.find()
        self._known = workspace.net(options.net) if workspace else None
        self.deploy = options.deploy or self._recorded_deploy()
        self.weights = options.weights or self._newest_weights()
        self._net = open_net(self.deploy, self.weights, "TEST", options.engine)
        self._input = self._only_input()
        shape = tuple(self._net.blobs[self._input].shape)
        if len(shape) != 4:
            raise SurgeryError(
                f"the input '{self._input}' takes {len(shape)} dimensions, pictures have 4",
                location=Location(str(self.deploy)),
            )
        self.shape: tuple[int, int, int] = (shape[1], shape[2], shape[3])
        self.blob = self._chosen_blob(options.blob)
        self._end = self._last_writer()
        self.batch = options.batch
        self._net.blobs[self._input].reshape(self.batch, *self.shape)
        self._net.reshape()
        top = tuple(self._net.blobs[self.blob].shape)
        if not top or top[0] != self.batch:
            raise SurgeryError(
                f"the blob '{self.blob}' has no row for each picture", location=self._where()
            )
        self.bits = int(np.prod(top[1:]))
        self.transform = self._stated_transform(options)
        self._transformer = self._opened_transform()
        self.resize = self._resize(options)

    def _where(self) -> Location:
        return Location(str(self.deploy))

    def _recorded_deploy(self) -> Path:
        path = self._known.path("deploy") if self._known else None
        if path is None:
            raise UsageError(
                "no deploy net: ssdh.toml names none" if self._known else "no deploy net",
                hint="run ssdh deploy first, or name one: --deploy FILE",
            )
        return path

    def _newest_weights(self) -> Path:
        prefix = self._known.get("snapshot_prefix") if self._known else None
        if self._known is None or prefix is None:
            raise UsageError("no weights", hint="name them: --weights FILE")
        for folder in _folders(self._known):
            if found := _saved_weights(folder / prefix):
                return seen_from_here(found[-1])
        raise FileError(
            f"no snapshot {prefix}_iter_N.caffemodel yet",
            location=Location(str(self._known.folder)),
            hint="train first (ssdh train), or name the weights: --weights FILE",
        )

    def _only_input(self) -> str:
        if len(self._net.inputs) == 1:
            return self._net.inputs[0]
        names = ", ".join(f"'{name}'" for name in self._net.inputs) or "none"
        raise SurgeryError(
            f"a deploy net has one input, this net has: {names}",
            location=self._where(),
            hint="ssdh deploy makes one of a train net",
        )

    def _chosen_blob(self, given: str | None) -> str:
        code = self._known.get("code") if self._known else None
        name = given or (code if code in self._net.blobs else None)
        if name is None and len(self._net.outputs) == 1:
            name = self._net.outputs[0]
        if name is None:
            outputs = ", ".join(self._net.outputs)
            raise UsageError(f"several outputs: {outputs}", hint="choose one: --blob NAME")
        if name not in self._net.blobs:
            raise SurgeryError(
                f"no blob '{name}'",
                location=self._where(),
                hint=did_you_mean(name, self._net.blobs),
                blob=name,
            )
        return str(name)

    def _last_writer(self) -> str | None:
        layers = Net(read_source(str(self.deploy)).document).layers_in("TEST")
        writers = [layer.name for layer in layers if self.blob in layer.tops]
        return writers[-1] if writers and writers[-1] in self._net.layer_dict else None

    def _stated_transform(self, options: EncoderOptions) -> dict[str, Any]:
        """What is done to a picture, as it stands in the recipe."""
        known = self._known.values if self._known else {}
        values: dict[str, Any] = {
            "crop": options.crop if options.crop is not None else known.get("crop"),
            "scale": options.scale if options.scale is not None else known.get("scale"),
            "mean_value": None,
            "mean_file": None,
            "channels": "gray" if self.shape[0] == 1 else "BGR",
        }
        if options.mean_file is not None:
            values["mean_file"] = str(options.mean_file)
        elif options.mean_value is not None:
            values["mean_value"] = list(options.mean_value)
        elif known.get("mean_file"):
            values["mean_file"] = str(self._located(str(known["mean_file"]), "mean file"))
        else:
            mean = known.get("mean_value")
            values["mean_value"] = [float(each) for each in mean] if mean else None
        for key in ("crop", "scale"):  # plain numbers, not those of tomlkit
            if values[key] is not None:
                values[key] = float(values[key]) if key == "scale" else int(values[key])
        return values

    def _located(self, name: str, what: str) -> Path:
        assert self._known is not None
        for folder in _folders(self._known):
            if (folder / name).exists():
                return seen_from_here(folder / name)
        raise FileError(
            f"the {what} of the net is not there",
            location=Location(name),
            hint="it is looked up from here, from the folder of ssdh.toml, and from above",
        )

    def _opened_transform(self) -> Transformer:
        param: Any = schema.message_class("TransformationParameter")()
        stated = self.transform
        if stated["crop"]:
            param.crop_size = stated["crop"]
        if stated["scale"] is not None:
            param.scale = stated["scale"]
        param.mean_value.extend(stated["mean_value"] or ())
        if stated["mean_file"]:
            param.mean_file = stated["mean_file"]
        return Transformer(param, "TEST")

    def _resize(self, options: EncoderOptions) -> tuple[int, int] | None:
        if options.resize is not None:
            return options.resize
        known = self._known.get("resize") if self._known else None
        if known:
            return int(known[0]), int(known[1])
        if (size := self._record_size()) is not None:
            return size
        return None if self.transform["crop"] else (self.shape[2], self.shape[1])

    def _record_size(self) -> tuple[int, int] | None:
        """The common (width, height) of the records that the train net reads."""
        from ssdh_surgery.data.lmdb_store import LmdbStore

        train = self._known.path("train") if self._known else None
        if self._known is None or train is None or not train.is_file():
            return None
        for layer in Net(read_source(str(train)).document).layers_in("TRAIN"):
            message = layer.core.message("data_param") if layer.type == "Data" else None
            source = message.string("source") if message else ""
            try:
                if not source:
                    continue
                with LmdbStore(self._located(source, "LMDB")) as store:
                    shape = store.scan_shapes(_RECORDS).common
            except SsdhError:
                continue
            if shape is not None:
                return shape[2], shape[1]
        return None

    def picture_size(self) -> tuple[int, int]:
        """The (width, height) that pictures are warped to before the crop.

        Raises:
            DataError: it is not known, so that a crop would cut a part out of each picture.
        """
        if self.resize is None:
            raise DataError(
                "it is not known to which size pictures are warped before the crop of "
                f"{self.transform['crop']}",
                location=self._where(),
                hint="say it: --resize 256x256, as the records were made that the net was "
                "trained on",
            )
        return self.resize

    def recipe(self, source: str) -> dict[str, Any]:
        """How the codes are made: the model, the transform and the source."""
        stated = dict(self.transform)
        if stated["mean_file"]:
            stated["mean_file"] = files.file_digest(stated["mean_file"])
        return {
            "version": ssdh_surgery.__version__,
            "model": {
                "net": files.file_digest(self.deploy),
                "weights": files.file_digest(self.weights),
                "blob": self.blob,
            },
            "transform": {**stated, "resize": list(self.resize) if self.resize else None},
            "source": source,
        }

    def prepared(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels [C, H, W] as the net is given them.

        Raises:
            DataError: they do not fit the mean, the crop or the net's input.
        """
        result = self._transformer(pixels)
        if result.shape != self.shape:
            sizes = [" x ".join(map(str, shape)) for shape in (result.shape, self.shape)]
            raise DataError(
                f"a picture comes to {sizes[0]} (channels x height x width), the net takes "
                f"{sizes[1]}",
                location=self._where(),
                hint="check --crop and --resize, and whether the net takes gray pictures",
            )
        return result

    def activations(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """What the blob holds for at most `batch` inputs, [n, K]."""
        data = self._net.blobs[self._input].data
        for row, each in enumerate(inputs):
            data[row] = each
        data[len(inputs) :] = 0
        self._net.forward(end=self._end)
        values = np.asarray(self._net.blobs[self.blob].data)[: len(inputs)]
        return values.reshape(len(inputs), -1).copy()

    def codes_of(self, pictures: Sequence[NDArray[Any]], ids: Sequence[str], source: str) -> Codes:
        """The codes of a few pictures [C, H, W], at most `batch`."""
        from ssdh_surgery.retrieval.codes import UNKNOWN_LABEL, pack

        activations = self.activations([self.prepared(each) for each in pictures])
        labels = np.full(len(ids), UNKNOWN_LABEL, np.int64)
        return Codes(
            pack(activations),
            self.bits,
            np.array(ids, str),
            labels,
            self.recipe(source),
            activations,
            name=source,
        )


def _saved_weights(prefix: Path) -> list[Path]:
    """The weights that were saved with a prefix, in the order of their iterations."""
    pattern = re.compile(re.escape(prefix.name) + r"_iter_([0-9]+)\.caffemodel(\.h5)?")
    try:
        names = os.listdir(prefix.parent)
    except OSError:
        return []
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    return [prefix.with_name(each[0]) for each in sorted(matches, key=lambda each: int(each[1]))]


def _folders(known: NetRecord) -> Iterator[Path]:
    """Where a path of the net may start: here and above, the workspace's folder and above."""
    for folder in (Path.cwd(), known.folder.absolute()):
        yield from (folder, *folder.parents)
