"""What reads files of strangers: a row each."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from ssdh_surgery.cli import cli


@dataclass(frozen=True)
class Reader:
    """What reads a file.

    Attributes:
        name: what is read, for the report.
        file: the path of the input in the folder of the stock; its first content is the corpus.
        read: reads that file, in that folder.
        is_native: a library in C or C++ reads it, in a process of its own for each input.
    """

    name: str
    file: str
    read: Callable[[], object]
    is_native: bool = False


def command(line: str) -> Callable[[], None]:
    """What runs a command line of ssdh in this process, without its output."""

    def run() -> None:
        with (
            open(os.devnull, "w", encoding="utf-8") as nothing,
            contextlib.redirect_stdout(nothing),
            contextlib.redirect_stderr(nothing),
            contextlib.suppress(click.exceptions.Exit, click.ClickException, click.Abort),
        ):
            cli.main(shlex.split(line), prog_name="ssdh", standalone_mode=False)

    return run


def _weights() -> object:
    from ssdh_surgery.caffe.weights.binary_weights import read_weights

    return read_weights("tiny_iter_2.caffemodel")


def _solver_state() -> object:
    from ssdh_surgery.caffe.weights.solverstate import read_solver_state

    return read_solver_state("tiny_iter_2.solverstate")


def _snapshot() -> None:
    command("check solver.prototxt --snapshot tiny_iter_2.solverstate")()


def _sidecar() -> object:
    from ssdh_surgery.engines.torch.solver.sidecar import read_sidecar

    return read_sidecar(Path("tiny_iter_2.ssdhstate"))


def _mean() -> object:
    from ssdh_surgery.data.mean import read_mean

    return read_mean("mean.binaryproto")


def _datum() -> object:
    from ssdh_surgery.data.datum import read_datum

    return read_datum(Path("datum").read_bytes()).pixels()


def _vectors() -> object:
    from ssdh_surgery.data.image_list import read_list
    from ssdh_surgery.data.list_line import SeveralLabels

    return read_list("vectors.txt", form=SeveralLabels())


def _image_data_list() -> object:
    from ssdh_surgery.data.image_data_list import ImageDataList, ImageFiles

    images = ImageDataList("list.txt")
    files = ImageFiles(images, "", Path())
    lines = range(len(images))
    found = list(files.missing(lines)), list(files.unreadable(lines))
    return images.labels, images.problems(), images.contradiction(), files.names(), found


def _windows() -> object:
    from ssdh_surgery.data.window_file import read_windows

    return read_windows(Path("windows.txt")).labels(0.5, 0.5)


def _image_header() -> object:
    from ssdh_surgery.data.image_header import is_turned, read_image_header

    data = Path("image.jpg").read_bytes()
    return is_turned(data), read_image_header(data)


def _hdf5_data() -> object:
    from ssdh_surgery.data.hdf5_contents import hdf5_contents

    return hdf5_contents([Path("a.h5")], ("codes", "labels"))


def _log() -> object:
    from ssdh_surgery.engines.log_parser import LogParser

    parser = LogParser()
    text = Path("train.log").read_text(encoding="utf-8", errors="replace")
    return [parser.feed(line) for line in text.splitlines()]


def _class_names() -> object:
    from ssdh_surgery.data.class_names import read_class_names

    return read_class_names(Path("labels.txt"))


def _codes(name: str) -> Callable[[], object]:
    def read() -> object:
        from ssdh_surgery.retrieval.codes.code_file import read_features

        return read_features(name)

    return read


def _image(name: str) -> Callable[[], object]:
    def read() -> object:
        from ssdh_surgery.data.image import decode

        return decode(Path(name).read_bytes())

    return read


def _image_header() -> object:
    from ssdh_surgery.data.image_header import read_image_header

    return read_image_header(Path("image.jpg").read_bytes())


READERS = (
    Reader("net: show", "train_val.prototxt", command("show train_val.prototxt")),
    Reader(
        "net: patch",
        "train_val.prototxt",
        command("patch train_val.prototxt --solver none --dry-run"),
    ),
    Reader("net: upgrade", "old/net.prototxt", command("upgrade old/net.prototxt --dry-run")),
    Reader("net: deploy", "deploy_ssdh.prototxt", command("deploy deploy_ssdh.prototxt --dry-run")),
    Reader("nets: diff", "old/net.prototxt", command("diff train_val.prototxt old/net.prototxt")),
    Reader("solver: patch", "solver.prototxt", command("patch solver.prototxt --dry-run")),
    Reader("solver: upgrade", "solver.prototxt", command("upgrade solver.prototxt --dry-run")),
    Reader("caffemodel", "tiny_iter_2.caffemodel", _weights),
    Reader("blobs", "tiny_iter_2.caffemodel", command("weights tiny_iter_2.caffemodel")),
    Reader(
        "caffemodel: upgrade",
        "tiny_iter_2.caffemodel",
        command("upgrade tiny_iter_2.caffemodel --dry-run"),
    ),
    Reader("solverstate", "tiny_iter_2.solverstate", _solver_state),
    Reader("snapshot", "tiny_iter_2.solverstate", _snapshot),
    Reader("ssdhstate", "tiny_iter_2.ssdhstate", _sidecar),
    Reader("mean", "mean.binaryproto", _mean),
    Reader("mean: npy", "mean.npy", command("data mean --convert mean.npy")),
    Reader("Datum", "datum", _datum),
    Reader("LMDB", "records/data.mdb", command("data show records"), is_native=True),
    Reader("LevelDB: table", "level/000005.ldb", command("data show level")),
    Reader("LevelDB: log", "level/000004.log", command("data show level")),
    Reader("LevelDB: manifest", "level/MANIFEST-000002", command("data show level")),
    Reader("image header", "image.jpg", _image_header),
    Reader("list", "list.txt", command("data mean list.txt")),
    Reader("list of ImageData", "list.txt", _image_data_list),
    Reader("window file", "windows.txt", _windows),
    Reader("list of vectors", "vectors.txt", _vectors),
    Reader("codes: npz", "a.npz", _codes("a.npz")),
    Reader("codes: HDF5", "a.h5", _codes("a.h5"), is_native=True),
    # A child process reads it.
    Reader("HDF5 of a data layer", "a.h5", _hdf5_data),
    Reader("codes: Parquet", "a.parquet", _codes("a.parquet"), is_native=True),
    Reader("index: info", "a.index", command("index info a.index")),
    Reader("index: search", "a.index", command("search a.index --queries b.npz")),
    Reader("show: caffemodel", "tiny_iter_2.caffemodel", command("show tiny_iter_2.caffemodel")),
    Reader("show: solverstate", "tiny_iter_2.solverstate", command("show tiny_iter_2.solverstate")),
    Reader("show: index", "a.index", command("show a.index")),
    Reader("show: log", "train.log", command("show train.log")),
    Reader("ssdh.toml", "ssdh.toml", command("deploy --dry-run")),
    Reader("log", "train.log", _log),
    Reader("labels.txt", "labels.txt", _class_names),
    Reader("PNG", "image.png", _image("image.png"), is_native=True),
    Reader("JPEG: header", "image.jpg", _image_header),
    Reader("JPEG", "image.jpg", _image("image.jpg"), is_native=True),
)
