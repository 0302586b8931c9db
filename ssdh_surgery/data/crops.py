"""Ten crops of a picture: the four corners and the centre, each as it is and mirrored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ten_crops(picture: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The crops [10, C, size, size] of a picture [C, H, W]: five windows, then their mirrors.

    The centre is where Caffe's TEST phase crops. `size` is at most the height and width.
    """
    height, width = picture.shape[1] - size, picture.shape[2] - size
    corners = [(0, 0), (0, width), (height, 0), (height, width), (height // 2, width // 2)]
    windows = [picture[:, y : y + size, x : x + size] for y, x in corners]
    return np.stack([*windows, *(each[:, :, ::-1] for each in windows)])
