"""Turn a trained Caffe classifier into a deep-hashing image-search model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssdh_surgery.data.transformer import Transformer as Transformer
    from ssdh_surgery.engines.open_net import open_net as open_net
    from ssdh_surgery.errors import DataError as DataError
    from ssdh_surgery.errors import EngineError as EngineError
    from ssdh_surgery.prototxt.cst import Document as Document
    from ssdh_surgery.prototxt.parser import parse as parse

__version__ = "0.1.0"

# Looked up on first use, so that importing the package costs nothing.
_EXPORTS = {
    "DataError": "ssdh_surgery.errors",
    "EngineError": "ssdh_surgery.errors",
    "Document": "ssdh_surgery.prototxt.cst",
    "Transformer": "ssdh_surgery.data.transformer",
    "open_net": "ssdh_surgery.engines.open_net",
    "parse": "ssdh_surgery.prototxt.parser",
}

__all__ = ["DataError", "Document", "Transformer", "__version__", "open_net", "parse"]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
