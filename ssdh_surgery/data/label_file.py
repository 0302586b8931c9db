"""Label vectors for an HDF5Data layer: an HDF5 file of rows, and the list that names it.

The rows are in the order of the image records, so that the layer matches a Data layer as long as
neither is shuffled.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes
from ssdh_surgery.staging.staged_file import Write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The top of the layer has the name of the dataset.
DATASET = "label"


def label_file(vectors: Path) -> Path:
    """The HDF5 file that replaces an LMDB of vectors: `x_labels.h5` for `x_labels_lmdb`."""
    return vectors.with_name(f"{vectors.name.removesuffix('_lmdb')}.h5")


def list_file(file: Path) -> Path:
    """The list for the `source` of the layer: `x_labels.txt` for `x_labels.h5`."""
    return file.with_suffix(".txt")


def refuse_unlisted(file: Path) -> None:
    """Refuse a path that no list can name.

    Raises:
        DataError: the path contains white space, and Caffe reads such lists word by word.
        MissingExtra: h5py is not installed.
    """
    hdf5.library()
    if str(file).split() != [str(file)]:
        raise DataError(
            "Caffe cannot read a list of HDF5 files whose paths contain white space",
            location=Location(str(file)),
            hint="choose another name, or store the vectors in an LMDB",
        )


def label_file_writes(
    file: Path, rows: Sequence[NDArray[np.float32]], *, replace: bool
) -> list[Write]:
    """Vectors [N, C] and the list, which names the file by the path given here, to be written.

    With `replace`, existing files may be replaced.
    """
    import numpy as np

    memory = io.BytesIO()
    with hdf5.in_memory(memory) as hdf5_file:
        hdf5_file.create_dataset(DATASET, data=np.stack(rows))
    return [
        Write(file, memory.getvalue(), is_new=not replace),
        Write(list_file(file), name_bytes(f"{file}\n"), is_new=not replace),
    ]
