"""The mean files that layers of a net name, read once each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.errors import DataError, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# No mean of images is larger; what is, a database for example, is not read into memory.
_MOST_BYTES = 1 << 28


def mean_of(layer: Layer, folder: Path) -> NDArray[np.float32] | None:
    """The mean [C, H, W] of a layer's mean file; None if it names none that exists.

    Raises:
        SsdhError: the file holds no mean.
    """
    name = layer.parameter.transform_param.mean_file
    path = relative_to_cwd(folder / name)
    if not name or not path.is_file():
        return None
    status = path.stat()
    result = _read(str(path), status.st_size, status.st_mtime_ns)
    if isinstance(result, SsdhError):
        raise result
    return result


@lru_cache(maxsize=8)
def _read(path: str, size: int, _time: int) -> NDArray[np.float32] | SsdhError:
    if size > _MOST_BYTES:
        return DataError(f"not a mean file: it has {size:,} bytes", location=Location(path))
    try:
        return read_mean(path)
    except SsdhError as error:
        return error
