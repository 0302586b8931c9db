"""`ssdh data`: LMDBs made from images; means and contents of databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import (
    labels_file_option,
    max_pixels_option,
    several_labels,
    several_labels_options,
)
from ssdh_surgery.cli.record_table import shapes_text, show_records
from ssdh_surgery.cli.types import FolderPath, MeanPath, SizeType
from ssdh_surgery.names import count_text, size_text

if TYPE_CHECKING:
    from ssdh_surgery.data.build_job import LabelsAs

_FILE = click.Path(path_type=Path)
_root = click.option(
    "--root",
    default="",
    metavar="DIR",
    help="Resolve a list's paths from this folder (default: the current one).",
)
_resize = click.option(
    "--resize", type=SizeType(), metavar="WxH", help="Resize each image to this size."
)
_gray = click.option("--gray", is_flag=True, help="Read images as grayscale.")


@click.group("data", epilog="\b\nExample:\n  ssdh data show photos_lmdb")
def command() -> None:
    """Make LMDBs from images, as Caffe's own tools do, and show what they hold."""


@command.command(
    "build",
    cls=Command,
    sections={
        "Images": ("root", "resize", "gray", "encoded", "skip_bad", "max_pixels"),
        "Labels": ("multi_label", "classes", "labels_as"),
        "Order": ("shuffle", "seed", "split"),
        "Writing": ("resume", "force", "as_json"),
    },
    common=("root", "resize", "gray", "skip_bad", "multi_label", "shuffle", "split", "force"),
    epilog="\b\nExample:\n  ssdh data build photos new_lmdb --resize 64x64 --split 0.5",
)
@click.argument("source", type=_FILE, metavar="LIST|FOLDER")
@click.argument("lmdb", type=FolderPath())
@_root
@_resize
@_gray
@max_pixels_option
@several_labels_options
@labels_file_option
@click.option(
    "--labels-as", type=click.Choice(["lmdb", "hdf5"]),
    help="Write the vectors of --multi-label to this (default: lmdb).",
)  # fmt: skip
@click.option("--encoded", is_flag=True, help="Store the image files, not their pixels.")
@click.option("--shuffle", is_flag=True, help="Shuffle the records.")
@click.option(
    "--seed",
    type=int,
    default=0,
    metavar="N",
    help="Random seed for --shuffle and --split (default: 0).",
)
@click.option(
    "--split", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="X",
    help="Put this share into X_train_lmdb, the rest into X_test_lmdb.",
)  # fmt: skip
@click.option(
    "--skip-bad", is_flag=True, help="Leave out bad lines and images instead of refusing."
)
@click.option(
    "--resume", is_flag=True, help="Keep the records of an interrupted run, and continue it."
)
@click.option("--force", is_flag=True, help="Replace existing LMDBs.")
@shared.json_option
def build_command(
    source: Path,
    lmdb: Path,
    root: str,
    resize: tuple[int, int] | None,
    gray: bool,
    multi_label: bool,
    classes: int | None,
    labels_file: Path | None,
    labels_as: LabelsAs | None,
    encoded: bool,
    shuffle: bool,
    seed: int,
    split: float | None,
    skip_bad: bool,
    resume: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make an LMDB from a list of paths and labels (- is stdin), or a folder of class folders.

    The records are those of convert_imageset. All problems of the list and its images are
    reported together, before anything is written. With --split the side of an image depends
    on its content, so that duplicates are never on both. With --multi-label the label vectors
    go to a second LMDB, X_labels_lmdb next to X_lmdb, with the same keys; or, for an HDF5Data
    layer, to X_labels.h5 and its list X_labels.txt, in the order of the records.

    The classes of a folder are numbered in the order of their names, and labels.txt next to the
    LMDB names them. Where there is a labels.txt already, or in the workspace, its numbers are
    used: a test set gets the labels of its training set, even if it has fewer classes.
    """
    from ssdh_surgery.data.build import build
    from ssdh_surgery.data.record import RecordOptions
    from ssdh_surgery.pipeline.nets.class_numbering import numbering_of_build

    if labels_as is not None and not multi_label:
        raise click.UsageError("--labels-as needs --multi-label")
    options = RecordOptions(resize, gray, encoded, shuffle, seed, split)
    numbering = numbering_of_build(source, lmdb, labels_file)
    with Counter("images") as counter:
        summary = build(
            source,
            lmdb,
            options,
            root=root,
            several=several_labels(multi_label=multi_label, classes=classes),
            labels_as=labels_as or "lmdb",
            numbering=numbering,
            skip_bad=skip_bad,
            resume=resume,
            replace=force,
            progress=counter,
        )
    if summary.is_renumbered and numbering:
        terminal.say(f"the labels are those of {numbering.file}")
    for finding in summary.findings:
        terminal.finding(finding)
    if as_json:
        terminal.answer_json(summary.as_json())
        return
    for path, records in summary.records.items():
        terminal.answer(f"wrote {terminal.path_text(path)}: {count_text(records, 'record')}")
    for path in summary.label_vectors:
        terminal.answer(f"wrote {terminal.path_text(path)}: their label vectors")
    if summary.shapes:
        terminal.answer(f"size {shapes_text(summary.shapes)}")
    if summary.skipped:
        terminal.answer(f"left out {summary.skipped:,}")
    if summary.labels_file is not None:
        terminal.answer(f"the classes are named in {summary.labels_file}")


@command.command(
    "mean", cls=Command, epilog="\b\nExample:\n  ssdh data mean photos_lmdb mean.binaryproto"
)
@click.argument("source", metavar="LMDB|LEVELDB|LIST|FOLDER|MEAN")
@click.argument("out", type=MeanPath(), required=False)
@click.option(
    "--convert", is_flag=True,
    help="Read a mean instead: a binaryproto, .npy, .npz, or values such as 104,117,123.",
)  # fmt: skip
@_root
@click.option(
    "--resize", type=SizeType(), metavar="WxH",
    help="Resize each image to this size; with --convert, make an image of values.",
)  # fmt: skip
@_gray
@max_pixels_option
@click.option("--force", is_flag=True, help="Replace an existing file.")
@shared.json_option
def mean_command(
    source: str,
    out: Path | None,
    convert: bool,
    root: str,
    resize: tuple[int, int] | None,
    gray: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Compute the mean of all images, as compute_image_mean does, and of each channel.

    OUT is an array of NumPy if it ends in .npy, else Caffe's binaryproto. Without OUT only the
    means of the channels are printed.

    With --convert, a mean in one form is written in another. The order of its channels stays:
    Caffe's is B, G, R.
    """
    if convert:
        if root or gray:
            raise click.UsageError("--root and --gray are for images, and --convert reads a mean")
        _convert(source, out, resize, force=force, as_json=as_json)
        return
    from ssdh_surgery.pipeline.data_mean import data_mean

    with Counter("images") as counter:
        result = data_mean(
            Path(source), out, root=root, size=resize, gray=gray, force=force, progress=counter
        )
    if as_json:
        terminal.answer_json(result.as_json())
        return
    if out is not None:
        size = size_text(result.values.shape)
        images = count_text(result.records or 0, "image")
        terminal.answer(f"wrote {terminal.path_text(out)}: the mean of {images}, {size}")
    channels = result.channels
    values = ", ".join(f"{each:.4f}" for each in channels)
    terminal.answer(f"mean of the channels{' (B, G, R)' * (len(channels) == 3)}: {values}")


def _convert(
    source: str, out: Path | None, size: tuple[int, int] | None, *, force: bool, as_json: bool
) -> None:
    """Write a mean in another form, or print the mean of each channel as --mean-value takes it."""
    from ssdh_surgery.pipeline.data_mean import convert_mean

    result = convert_mean(source, out, size=size, force=force)
    if as_json:
        terminal.answer_json(result.as_json())
    elif out is not None:
        terminal.answer(f"wrote {terminal.path_text(out)}: {size_text(result.values.shape)}")
    else:
        terminal.answer(",".join(f"{each:.7g}" for each in result.channels))


@command.command("show", cls=Command, epilog="\b\nExample:\n  ssdh data show photos_lmdb --verify")
@click.argument("lmdb", type=_FILE, metavar="LMDB|LEVELDB")
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw the first images on one PNG.")
@click.option("--verify", is_flag=True, help="Read and decode every record; exit 1 if one fails.")
@click.option("--force", is_flag=True, help="Replace an existing PNG.")
@shared.json_option
def show_command(lmdb: Path, sheet: Path | None, verify: bool, force: bool, as_json: bool) -> int:
    """Show what an LMDB or a LevelDB holds: records, sizes, labels, first keys."""
    from ssdh_surgery.pipeline.data_show import show_data

    with Counter("records") as counter:
        summary = show_data(lmdb, sheet, verify=verify, force=force, progress=counter)
    if summary.unreadable_names is not None:
        terminal.warn(str(summary.unreadable_names))
    if as_json:
        terminal.answer_json(summary.as_json())
    else:
        show_records(summary, str(lmdb))
    if summary.images is not None:
        terminal.say(f"wrote {sheet}: the first {count_text(summary.images, 'image')}")
    return 1 if summary.bad else 0
