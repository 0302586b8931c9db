"""The commands that write files: a row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        name: what is written, for the report.
        command: its command line, without `ssdh`.
        before: command lines that run first, on a copy of the stock.
        again: the command that a user runs after a failure (default: the same).
        is_gradual: its files appear one after the other, each of them whole.
    """

    name: str
    command: str
    before: tuple[str, ...] = ()
    again: str | None = None
    is_gradual: bool = False


_TRAIN = "train --engine torch --weights tiny_iter_2.caffemodel --no-check --force"
_RESUME = "train --engine torch --no-check --resume --iterations 4"
_EVALUATE = "evaluate --queries a.npz --database b.npz"

WRITERS = (
    Writer(
        "patch, new files",
        "patch train_val.prototxt --bits 4 --suffix _new --solver solver.prototxt",
    ),
    Writer("patch --force", "patch train_val.prototxt --bits 4 --force"),
    Writer("patch --in-place", "patch train_val.prototxt --bits 4 --in-place"),
    Writer("deploy", "deploy --bits 8 --suffix _new"),
    Writer("upgrade", "upgrade old/net.prototxt"),
    Writer("upgrade --in-place", "upgrade old/net.prototxt --in-place"),
    Writer("zoo write", "zoo write lenet --out new"),
    Writer("data build", "data build list.txt new_lmdb"),
    Writer("data build FOLDER", "data build photos new_lmdb"),
    Writer(
        "data build --force",
        "data build list.txt new_lmdb --gray --force",
        ("data build list.txt new_lmdb",),
    ),
    Writer("data build --split", "data build list.txt new_lmdb --split 0.5"),
    Writer(
        "data build --split --force",
        "data build list.txt new_lmdb --split 0.5 --gray --force",
        ("data build list.txt new_lmdb --split 0.5",),
    ),
    Writer("data build --multi-label", "data build vectors.txt new_lmdb --multi-label"),
    Writer(
        "data build --multi-label, HDF5",
        "data build vectors.txt new_lmdb --multi-label --labels-as hdf5",
    ),
    Writer("data mean", "data mean records mean.binaryproto"),
    Writer(
        "data mean --force",
        "data mean records mean.binaryproto --force",
        ("data mean list.txt mean.binaryproto",),
    ),
    Writer("data mean, npy", "data mean records mean.npy"),
    Writer(
        "encode, npz",
        "encode photos -o new.npz --batch 2",
        again="encode photos -o new.npz --batch 2 --resume",
    ),
    Writer(
        "encode, HDF5",
        "encode photos -o new.h5 --batch 2",
        again="encode photos -o new.h5 --batch 2 --resume",
    ),
    Writer(
        "encode, Parquet",
        "encode photos -o new.parquet --batch 2",
        again="encode photos -o new.parquet --batch 2 --resume",
    ),
    Writer("encode --force", "encode photos -o a.npz --force"),
    Writer("index build", "index build a.npz -o new.index"),
    Writer("index build --force", "index build b.npz -o a.index --force"),
    Writer("index add", "index add a.index b.npz"),
    Writer("index add --replace", "index add a.index a.npz b.npz --replace"),
    Writer("index remove", "index remove a.index cats/0.png"),
    Writer("export", "export deploy_ssdh.prototxt -o new.onnx"),
    Writer("evaluate --csv", f"{_EVALUATE} --csv new.csv"),
    Writer("evaluate --html", f"{_EVALUATE} --html new.html"),
    Writer("evaluate --plot", f"{_EVALUATE} --plot new.png"),
    Writer("show --svg", "show train_val.prototxt --svg new.svg"),
    Writer("train, snapshots", _TRAIN, is_gradual=True),
    Writer("train --resume", _RESUME, is_gradual=True),
)
