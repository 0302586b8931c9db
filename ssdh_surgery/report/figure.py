"""Figures of matplotlib that are the same in each run, as files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ssdh_surgery.errors import of_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


@contextmanager
def matplotlib_settings(salt: str = "ssdh") -> Iterator[None]:
    """Matplotlib with names as plain text, and the same ids in each run.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with of_extra("plot", "drawing curves"):
        import matplotlib
    options: Any = {"svg.hashsalt": salt, "svg.fonttype": "none", "text.parse_math": False}
    with matplotlib.rc_context(options), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; its size is in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """A figure as a file with this suffix."""
    image = io.BytesIO()
    # Without dates, the same figures give the same file.
    metadata: Any = _METADATA.get(suffix)
    figure.savefig(image, format=suffix[1:], metadata=metadata)
    return image.getvalue()
