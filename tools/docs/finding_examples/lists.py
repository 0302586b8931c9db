"""Examples of the findings about lists and folders of images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from finding_examples.example import Append, Data, Example, NotRun, Replace, Runs, Shell, Write
from ssdh_surgery import findings as rules

_LIST = "train.txt"
_BUILD = "ssdh data build train.txt new_lmdb"
_CONVERT = "convert_imageset ./ train.txt new_lmdb"
_VECTORS = NotRun("`convert_imageset` has no label vectors")
_FOLDERS = NotRun("`convert_imageset` reads lists, not folders")
_MANY = f"{_BUILD} --multi-label"
_LINE = "photos/15.png 3\n"
_LABELED = "photos/01.png 1 0 1\nphotos/02.png 0 1 0\nphotos/03.png 0 0 1\n"


def _line(text: str) -> Append:
    return Append(_LIST, text + "\n")


def _without(text: str) -> Replace:
    return Replace(_LIST, text + "\n", "")


def _wide_photo(folder: Path) -> None:
    cv2.imwrite(str(folder / "photos/16.png"), np.full((8, 12, 3), 99, np.uint8))


EXAMPLES = (
    Example(
        rules.MISSING_PICTURE,
        (_line("photos/16.png 1"),),
        Runs("Could not open or find file ./photos/16.png", _CONVERT),
        (_without("photos/16.png 1"),),
        _BUILD,
    ),
    Example(
        rules.UNREADABLE_PICTURE,
        (Write("photos/16.png", "<html>404 Not Found</html>\n"), _line("photos/16.png 1")),
        Runs("Could not open or find file ./photos/16.png", _CONVERT),
        (_without("photos/16.png 1"),),
        _BUILD,
    ),
    Example(
        rules.NO_LABEL,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png")),
        Runs("Processed 17 files.", _CONVERT),
        (Replace(_LIST, "photos/16.png\n", "photos/16.png 1\n"),),
        _BUILD,
    ),
    Example(
        rules.TRAILING_SPACE,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png 1 ")),
        Runs("Could not open or find file ./photos/16.png 1", _CONVERT),
        (Replace(_LIST, "photos/16.png 1 \n", "photos/16.png 1\n"),),
        _BUILD,
    ),
    Example(
        rules.TAB_FOR_SPACE,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png\t1")),
        Runs("Could not open or find file ./photos/16.png\t1", _CONVERT),
        (Replace(_LIST, "photos/16.png\t1\n", "photos/16.png 1\n"),),
        _BUILD,
    ),
    Example(
        rules.LABEL_NOT_A_NUMBER,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png green")),
        Runs("Processed 17 files.", _CONVERT),
        (Replace(_LIST, "photos/16.png green", "photos/16.png 1"),),
        _BUILD,
    ),
    Example(
        rules.NEGATIVE_LABEL,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png -1")),
        Runs("Processed 17 files.", _CONVERT),
        (Replace(_LIST, "photos/16.png -1", "photos/16.png 1"),),
        _BUILD,
    ),
    Example(
        rules.LABEL_TOO_LARGE,
        (Shell("cp photos/01.png photos/16.png"), _line("photos/16.png 20240131093000")),
        Runs("Processed 17 files.", _CONVERT),
        (Replace(_LIST, "photos/16.png 20240131093000", "photos/16.png 1"),),
        _BUILD,
    ),
    Example(
        rules.LISTED_TWICE,
        (Shell("head -n 1 train.txt > first.txt && cat first.txt >> train.txt"),),
        Runs("Processed 17 files.", _CONVERT),
        (Shell("sort -u train.txt -o train.txt"),),
        _BUILD,
    ),
    Example(
        rules.CONTRADICTING_LABELS,
        (_line("photos/00.png 4"),),
        Runs("Processed 17 files.", _CONVERT),
        (_without("photos/00.png 4"),),
        _BUILD,
    ),
    Example(
        rules.SEVERAL_LABELS,
        (Write(_LIST, _LABELED),),
        Runs("Could not open or find file ./photos/01.png 1 0", _CONVERT),
        (),
        _BUILD,
        _MANY,
    ),
    Example(
        rules.BYTE_ORDER_MARK,
        (Write(_LIST, "\ufeffphotos/00.png 0\nphotos/01.png 1\n"),),
        Runs("Could not open or find file ./\ufeffphotos/00.png", _CONVERT),
        (Shell("sed -i '1s/^\\xef\\xbb\\xbf//' train.txt"),),
        _BUILD,
    ),
    Example(
        rules.WINDOWS_LINE_ENDS,
        (Shell("sed -i 's/$/\\r/' train.txt"),),
        Runs("Processed 16 files.", _CONVERT),
        (Shell("sed -i 's/\\r$//' train.txt"),),
        _BUILD,
    ),
    Example(
        rules.EMPTY_LINE,
        (Shell("cp photos/01.png photos/16.png"), _line("\nphotos/16.png 1")),
        Runs("Processed 17 files.", _CONVERT),
        (Shell("sed -i '/^$/d' train.txt"),),
        _BUILD,
    ),
    Example(
        rules.PATH_TOO_LONG,
        (Shell("echo \"$(printf '%0503d' 0).png 1\" >> train.txt"),),
        Runs("Could not open or find file", _CONVERT),
        (Shell("sed -i '$d' train.txt"),),
        _BUILD,
    ),
    Example(
        rules.PICTURE_WITHOUT_CLASS,
        (
            Shell("mkdir -p classes/red classes/green"),
            Shell("cp photos/0[0-3].png classes/red && cp photos/0[4-7].png classes/green"),
            Shell("cp photos/08.png classes"),
        ),
        _FOLDERS,
        (Shell("mv classes/08.png classes/red"),),
        "ssdh data build classes new_lmdb --shuffle",
    ),
    Example(
        rules.NOT_A_PICTURE,
        (
            Shell("mkdir -p classes/red classes/green"),
            Shell("cp photos/0[0-3].png classes/red && cp photos/0[4-7].png classes/green"),
            Shell("cp train.txt classes/red"),
        ),
        _FOLDERS,
        (Shell("rm classes/red/train.txt"),),
        "ssdh data build classes new_lmdb --shuffle",
    ),
    Example(
        rules.SEVERAL_SIZES,
        (
            Data("A photo, 16.png, has 12 x 8 pixels, not 8 x 8.", _wide_photo),
            _line("photos/16.png 1"),
        ),
        Runs("Processed 17 files.", _CONVERT),
        (),
        _BUILD,
        f"{_BUILD} --resize 8x8",
    ),
    Example(
        rules.OTHER_NUMBER_OF_LABELS,
        (Write(_LIST, _LABELED + "photos/04.png 1 0\n"),),
        _VECTORS,
        (Replace(_LIST, "photos/04.png 1 0\n", "photos/04.png 1 0 0\n"),),
        _MANY,
    ),
    Example(
        rules.LABEL_OUT_OF_RANGE,
        (Write(_LIST, "photos/01.png 0 2\nphotos/02.png 1\nphotos/03.png 3\n"),),
        _VECTORS,
        (),
        f"{_MANY} --classes 3",
        f"{_MANY} --classes 4",
    ),
    Example(
        rules.LABELS_NOT_BINARY,
        (Write(_LIST, "photos/01.png 0 2\nphotos/02.png 1 2\nphotos/03.png 0 1\n"),),
        _VECTORS,
        (),
        _MANY,
        f"{_MANY} --classes 3",
    ),
    Example(
        rules.PICTURE_IN_NO_CLASS,
        (Write(_LIST, _LABELED + "photos/04.png 0 0 0\n"),),
        _VECTORS,
        (Replace(_LIST, "photos/04.png 0 0 0\n", "photos/04.png 0 1 0\n"),),
        _MANY,
    ),
    Example(
        rules.CLASS_TWICE,
        (Write(_LIST, "photos/01.png 0 2\nphotos/02.png 1\nphotos/03.png 2 2\n"),),
        _VECTORS,
        (Replace(_LIST, "photos/03.png 2 2", "photos/03.png 2"),),
        f"{_MANY} --classes 3",
    ),
    Example(
        rules.CLASS_BY_CLASS,
        (Shell("sort -k 2n train.txt -o train.txt"),),
        Runs("Processed 16 files.", _CONVERT),
        (),
        _BUILD,
        f"{_BUILD} --shuffle",
    ),
)
