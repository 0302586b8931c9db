"""Label vectors as an HDF5Data layer reads them: a file of rows, and the list that names it.

The rows have the order of the pictures' records, so that the layer stands beside a Data layer
as long as neither is shuffled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The top that the layer gives has the name of the dataset.
DATASET = "label"


def label_file(vectors: Path) -> Path:
    """The HDF5 file that stands for an LMDB of vectors: for `x_labels_lmdb`, `x_labels.h5`."""
    return vectors.with_name(f"{vectors.name.removesuffix('_lmdb')}.h5")


def list_file(file: Path) -> Path:
    """The list that a layer's `source` names: for `x_labels.h5`, `x_labels.txt`."""
    return file.with_suffix(".txt")


def refuse_unlisted(file: Path) -> None:
    """Refuse a path that no list can name.

    Raises:
        DataError: Caffe reads such lists word by word, and the path has white space.
        MissingExtra: h5py is not installed.
    """
    hdf5.library()
    if str(file).split() != [str(file)]:
        raise DataError(
            "Caffe cannot read a list of HDF5 files in whose paths there is white space",
            location=Location(str(file)),
            hint="choose another name, or keep the vectors in an LMDB",
        )


def write_label_file(file: Path, rows: Sequence[NDArray[np.float32]]) -> None:
    """Write vectors [N, C] and the list, which names the file as it is given here.

    Raises:
        FileError: one cannot be written.
    """
    import numpy as np

    with hdf5.new_file(file) as made:
        made.create_dataset(DATASET, data=np.stack(rows))
    write_bytes(list_file(file), name_bytes(f"{file}\n"))
