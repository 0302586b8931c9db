"""Turn a trained Caffe classifier into a deep-hashing image-search model.

The commands are functions here, with typed values in and out (docs/python.md).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssdh_surgery.api.build_index import IndexResult as IndexResult
    from ssdh_surgery.api.build_index import build_index as build_index
    from ssdh_surgery.api.deploy import deploy as deploy
    from ssdh_surgery.api.edits import EditedFile as EditedFile
    from ssdh_surgery.api.edits import EditResult as EditResult
    from ssdh_surgery.api.encode import encode as encode
    from ssdh_surgery.api.evaluate import evaluate as evaluate
    from ssdh_surgery.api.patch import patch as patch
    from ssdh_surgery.api.search import SearchResult as SearchResult
    from ssdh_surgery.api.search import search as search
    from ssdh_surgery.api.upgrade import upgrade as upgrade
    from ssdh_surgery.data.transformer import Transformer as Transformer
    from ssdh_surgery.engines.open_net import open_net as open_net
    from ssdh_surgery.engines.runner import Runner as Runner
    from ssdh_surgery.errors import AmbiguousLayer as AmbiguousLayer
    from ssdh_surgery.errors import BrokenExtra as BrokenExtra
    from ssdh_surgery.errors import DataError as DataError
    from ssdh_surgery.errors import Diverged as Diverged
    from ssdh_surgery.errors import EngineError as EngineError
    from ssdh_surgery.errors import FileError as FileError
    from ssdh_surgery.errors import GateRefused as GateRefused
    from ssdh_surgery.errors import MissingExtra as MissingExtra
    from ssdh_surgery.errors import OverlappingEdits as OverlappingEdits
    from ssdh_surgery.errors import ParseError as ParseError
    from ssdh_surgery.errors import RunStopped as RunStopped
    from ssdh_surgery.errors import SchemaError as SchemaError
    from ssdh_surgery.errors import SsdhError as SsdhError
    from ssdh_surgery.errors import SurgeryError as SurgeryError
    from ssdh_surgery.errors import UnknownLayer as UnknownLayer
    from ssdh_surgery.errors import UsageError as UsageError
    from ssdh_surgery.errors import WorkspaceError as WorkspaceError
    from ssdh_surgery.findings import Finding as Finding
    from ssdh_surgery.location import Location as Location
    from ssdh_surgery.pipeline.encode.encode import EncodeResult as EncodeResult
    from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation as Evaluation
    from ssdh_surgery.pipeline.search.search import Answer as Answer
    from ssdh_surgery.pipeline.search.search import Hit as Hit
    from ssdh_surgery.prototxt.cst import Document as Document
    from ssdh_surgery.prototxt.parser import parse as parse
    from ssdh_surgery.retrieval.codes.code_file import read_codes as read_codes
    from ssdh_surgery.retrieval.codes.codes import Codes as Codes
    from ssdh_surgery.surgery.diff.differences import Difference as Difference

__version__ = "0.1.0"

# Looked up on first use, so that importing the package costs nothing.
_EXPORTS = {
    "AmbiguousLayer": "ssdh_surgery.errors",
    "Answer": "ssdh_surgery.pipeline.search.search",
    "Codes": "ssdh_surgery.retrieval.codes.codes",
    "DataError": "ssdh_surgery.errors",
    "Difference": "ssdh_surgery.surgery.diff.differences",
    "Document": "ssdh_surgery.prototxt.cst",
    "EditResult": "ssdh_surgery.api.edits",
    "EditedFile": "ssdh_surgery.api.edits",
    "EncodeResult": "ssdh_surgery.pipeline.encode.encode",
    "EngineError": "ssdh_surgery.errors",
    "Evaluation": "ssdh_surgery.pipeline.evaluate.evaluation",
    "FileError": "ssdh_surgery.errors",
    "Finding": "ssdh_surgery.findings",
    "GateRefused": "ssdh_surgery.errors",
    "Hit": "ssdh_surgery.pipeline.search.search",
    "IndexResult": "ssdh_surgery.api.build_index",
    "Location": "ssdh_surgery.location",
    "BrokenExtra": "ssdh_surgery.errors",
    "Diverged": "ssdh_surgery.errors",
    "MissingExtra": "ssdh_surgery.errors",
    "RunStopped": "ssdh_surgery.errors",
    "OverlappingEdits": "ssdh_surgery.errors",
    "ParseError": "ssdh_surgery.errors",
    "Runner": "ssdh_surgery.engines.runner",
    "SchemaError": "ssdh_surgery.errors",
    "SearchResult": "ssdh_surgery.api.search",
    "SsdhError": "ssdh_surgery.errors",
    "SurgeryError": "ssdh_surgery.errors",
    "Transformer": "ssdh_surgery.data.transformer",
    "UnknownLayer": "ssdh_surgery.errors",
    "UsageError": "ssdh_surgery.errors",
    "WorkspaceError": "ssdh_surgery.errors",
    "build_index": "ssdh_surgery.api.build_index",
    "deploy": "ssdh_surgery.api.deploy",
    "encode": "ssdh_surgery.api.encode",
    "evaluate": "ssdh_surgery.api.evaluate",
    "open_net": "ssdh_surgery.engines.open_net",
    "parse": "ssdh_surgery.prototxt.parser",
    "patch": "ssdh_surgery.api.patch",
    "read_codes": "ssdh_surgery.retrieval.codes.code_file",
    "search": "ssdh_surgery.api.search",
    "upgrade": "ssdh_surgery.api.upgrade",
}

__all__ = [
    "AmbiguousLayer",
    "Answer",
    "BrokenExtra",
    "Codes",
    "DataError",
    "Difference",
    "Diverged",
    "Document",
    "EditResult",
    "EditedFile",
    "EncodeResult",
    "EngineError",
    "Evaluation",
    "FileError",
    "Finding",
    "GateRefused",
    "Hit",
    "IndexResult",
    "Location",
    "MissingExtra",
    "OverlappingEdits",
    "ParseError",
    "RunStopped",
    "Runner",
    "SchemaError",
    "SearchResult",
    "SsdhError",
    "SurgeryError",
    "Transformer",
    "UnknownLayer",
    "UsageError",
    "WorkspaceError",
    "__version__",
    "build_index",
    "deploy",
    "encode",
    "evaluate",
    "open_net",
    "parse",
    "patch",
    "read_codes",
    "search",
    "upgrade",
]


if not TYPE_CHECKING:  # a type checker reads the imports above, and reports any other name

    def __getattr__(name: str) -> Any:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
