"""Which deploy net goes with a train net: recognised by the layers that the codes need."""

from __future__ import annotations

import re
from pathlib import Path

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.errors import SurgeryError, UsageError
from ssdh_surgery.pipeline.deploy.compare import Comparison, train_view
from ssdh_surgery.pipeline.files.sources import SourceFile, neighbours, read_source
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# Without it a file is not a net: solvers need not be parsed.
_LAYERS = re.compile(rb"layer")


def deploy_beside(
    train: SourceFile, record: NetRecord | None, settings: Settings
) -> SourceFile | None:
    """The deploy file that goes with a train net, looked for beside it; None where none does.

    Raises:
        UsageError: several fit, and none is called `deploy.prototxt`.
    """
    if train.is_zoo:
        return read_source(train.name.removesuffix("/train_val") + "/deploy")
    view = train_view(train)
    code = settings.recipe.code_name
    found = [
        source
        for folder in _folders(train, record)
        for source in neighbours(relative_to_cwd(folder), _LAYERS)
        if source.kind is Kind.DEPLOY
        and not (record and record.lists_as_written(source.place))
        and _fits(net_of(source.document), view, settings)
    ]
    plain = [source for source in found if not net_of(source.document).named(code)]
    found = plain or (found if _had_code(record, code) else [])
    if len(found) == 1:
        return found[0]
    if not found:
        return None
    default = [source for source in found if source.place.name == "deploy.prototxt"]
    if len(default) == 1:
        return default[0]
    names = ", ".join(source.name for source in found)
    raise UsageError(f"several deploy nets fit: {names}", hint="name one: ssdh deploy FILE")


def _had_code(record: NetRecord | None, code: str) -> bool:
    """Whether a train net had its hash layer before it was patched; its deploy net then, too."""
    path = record.path("train_source") if record else None
    if path is None or not path.is_file():
        return False
    return bool(train_view(read_source(str(path))).named(code))


def _folders(train: SourceFile, record: NetRecord | None) -> list[Path]:
    """Where the train net stands, and where it came from."""
    folders = [train.folder]
    if record:
        folders += [(record.folder / name).parent for name in record.get("sources", {})]
    return list(dict.fromkeys(folder.resolve() for folder in folders))


def _fits(deploy: Net, train: Net, settings: Settings) -> bool:
    try:
        return Comparison(deploy, train, settings).fits
    except SurgeryError:
        return False
