"""`ssdh data`: LMDBs made of pictures, their mean, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.options import several_labels, several_labels_options
from ssdh_surgery.cli.types import SizeType
from ssdh_surgery.names import size_text

if TYPE_CHECKING:
    from ssdh_surgery.data.build_job import LabelsAs
    from ssdh_surgery.data.datum import Shape
    from ssdh_surgery.pipeline.data_show import ShownData

_FILE = click.Path(path_type=Path)
# So many labels of a histogram, and so many damaged records, are listed.
_LISTED = 20
_BAR = 30

_root = click.option("--root", default="", metavar="DIR", help="Where a list's paths start (here).")
_resize = click.option("--resize", type=SizeType(), help="Warp each picture to this size.")
_gray = click.option("--gray", is_flag=True, help="Read pictures in grey.")


@click.group("data", epilog="\b\nExample:\n  ssdh data show photos_lmdb")
def command() -> None:
    """Make LMDBs of pictures, as Caffe's own tools do, and look into them."""


@command.command(
    "build", epilog="\b\nExample:\n  ssdh data build photos new_lmdb --resize 64x64 --split 0.5"
)
@click.argument("source", type=_FILE, metavar="LIST|FOLDER")
@click.argument("lmdb", type=_FILE)
@_root
@_resize
@_gray
@several_labels_options
@click.option(
    "--labels-as", type=click.Choice(["lmdb", "hdf5"]),
    help="With --multi-label: where the vectors go (lmdb).",
)  # fmt: skip
@click.option("--encoded", is_flag=True, help="Keep pictures as they lie in their files.")
@click.option("--shuffle", is_flag=True, help="In an order drawn from --seed.")
@click.option("--seed", type=int, default=0, metavar="N", help="Of the order and the split (0).")
@click.option(
    "--split", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="X",
    help="This share to X_train_lmdb, the rest to X_test_lmdb.",
)  # fmt: skip
@click.option("--skip-bad", is_flag=True, help="Leave out what is bad instead of refusing.")
@click.option("--resume", is_flag=True, help="Keep what is done when interrupted, and go on.")
@click.option("--force", is_flag=True, help="Replace LMDBs that exist.")
@shared.json_option
def build_command(
    source: Path,
    lmdb: Path,
    root: str,
    resize: tuple[int, int] | None,
    gray: bool,
    multi_label: bool,
    classes: int | None,
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
    """Make an LMDB of a list of paths and labels (- is stdin), or of a folder of class folders.

    The records are those of convert_imageset. Everything that is wrong with the list or a
    picture is told together, before anything is written. With --split a picture's side
    depends on its content, so that duplicates never stand on both. With --multi-label the
    label vectors go to a second LMDB, X_labels_lmdb beside X_lmdb, with the same keys; or, for
    an HDF5Data layer, to X_labels.h5 and its list X_labels.txt, in the order of the records.
    """
    from ssdh_surgery.data.build import build
    from ssdh_surgery.data.record import RecordOptions

    if labels_as is not None and not multi_label:
        raise click.UsageError("--labels-as goes with --multi-label")
    options = RecordOptions(resize, gray, encoded, shuffle, seed, split)
    with Counter("pictures") as counter:
        made = build(
            source,
            lmdb,
            options,
            root=root,
            several=several_labels(multi_label=multi_label, classes=classes),
            labels_as=labels_as or "lmdb",
            skip_bad=skip_bad,
            resume=resume,
            replace=force,
            progress=counter,
        )
    for finding in made.findings:
        terminal.finding(finding)
    if as_json:
        terminal.answer_json(made.as_json())
        return
    for path, records in made.records.items():
        terminal.answer(f"wrote {path}: {records:,} records")
    for path in made.label_vectors:
        terminal.answer(f"wrote {path}: their label vectors")
    if made.shapes:
        terminal.answer(f"size {_shapes(dict(made.shapes))}")
    if made.skipped:
        terminal.answer(f"left out {made.skipped:,}")
    if made.labels_file is not None:
        terminal.answer(f"the classes are named in {made.labels_file}")


@command.command("mean", epilog="\b\nExample:\n  ssdh data mean photos_lmdb mean.binaryproto")
@click.argument("source", type=_FILE, metavar="LMDB|LIST|FOLDER")
@click.argument("out", type=_FILE, required=False)
@_root
@_resize
@_gray
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@shared.json_option
def mean_command(
    source: Path,
    out: Path | None,
    root: str,
    resize: tuple[int, int] | None,
    gray: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Compute the mean of all pictures, as compute_image_mean does, and of each channel.

    Without OUT only the means of the channels are told.
    """
    from ssdh_surgery.data.build import read_source
    from ssdh_surgery.data.compute_mean import list_mean, lmdb_mean
    from ssdh_surgery.data.mean import write_mean
    from ssdh_surgery.pipeline.files.outputs import refuse_existing

    records = source / "data.mdb"
    is_lmdb = source.is_dir() and records.exists()
    if is_lmdb and (root or resize or gray):
        raise click.UsageError(
            f"--root, --resize and --gray are for pictures, and {source} is an LMDB: its records "
            "are taken as they are"
        )
    if out is not None:
        refuse_existing(out, force=force, inputs=[source, records])
    with Counter("pictures") as counter:
        if is_lmdb:
            mean = lmdb_mean(source, progress=counter)
        else:
            images = read_source(source, root)
            mean = list_mean(images, size=resize, gray=gray, progress=counter)
    if out is not None:
        write_mean(out, mean.values)
    if as_json:
        terminal.answer_json(
            {
                "file": str(out) if out else None,
                "records": mean.records,
                "shape": list(mean.values.shape),
                "channels": list(mean.channels),
            }
        )
        return
    if out is not None:
        size = size_text(mean.values.shape)
        terminal.answer(f"wrote {out}: the mean of {mean.records:,} pictures, {size}")
    values = ", ".join(f"{each:.4f}" for each in mean.channels)
    terminal.answer(f"mean of the channels{' (B, G, R)' * (len(mean.channels) == 3)}: {values}")


@command.command("show", epilog="\b\nExample:\n  ssdh data show photos_lmdb --verify")
@click.argument("lmdb", type=_FILE)
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw the first pictures on one PNG.")
@click.option("--verify", is_flag=True, help="Read and decode every record; exit 1 if one fails.")
@click.option("--force", is_flag=True, help="Replace the PNG if it exists.")
@shared.json_option
def show_command(lmdb: Path, sheet: Path | None, verify: bool, force: bool, as_json: bool) -> int:
    """Tell what an LMDB holds: records, sizes, labels, first keys."""
    from ssdh_surgery.pipeline.data_show import show_data, write_sheet
    from ssdh_surgery.pipeline.files.outputs import refuse_existing
    from ssdh_surgery.report.contact_sheet import refuse_sheet_kind

    if sheet is not None:
        refuse_sheet_kind(sheet)
        refuse_existing(sheet, force=force)
    with Counter("records") as counter:
        found = show_data(lmdb, verify=verify, progress=counter)
    if as_json:
        terminal.answer_json(found.as_json())
    else:
        _tell(found, str(lmdb))
    if sheet is not None:
        terminal.say(f"wrote {sheet}: the first {write_sheet(lmdb, sheet)} pictures")
    return 1 if found.bad else 0


def _tell(found: ShownData, name: str) -> None:
    terminal.answer(f"{name}: {found.records:,} records", bold=True)
    whole = "" if found.sized == found.records else f" (of the first {found.sized:,})"
    form = {0: "raw", found.sized: "encoded"}.get(found.encoded, "some encoded")
    terminal.answer(f"size {_shapes(dict(found.shapes))}, {form}{whole}")
    terminal.answer(f"first keys: {', '.join(found.first_keys)}")
    terminal.answer(f"{len(found.labels):,} labels:")
    most = max(found.labels.values(), default=1)
    for label, count in sorted(found.labels.items())[:_LISTED]:
        terminal.answer(f"  {label:>6}  {count:>9,}  {'#' * max(1, _BAR * count // most)}")
    if len(found.labels) > _LISTED:
        terminal.answer(f"  and {len(found.labels) - _LISTED:,} more, to {max(found.labels)}")
    for key, why in list((found.bad or {}).items())[:_LISTED]:
        terminal.warn(f"record '{key}': {why}")
    if found.bad is not None:
        good = found.records - len(found.bad)
        terminal.answer(f"{good:,} of {found.records:,} records can be read")


def _shapes(shapes: dict[Shape, int]) -> str:
    sizes = sorted(shapes.items(), key=lambda each: -each[1])
    told = [size_text(shape) for shape, _ in sizes[:3]]
    more = f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else ""
    return ", ".join(told) + more + " (channels x height x width)"
