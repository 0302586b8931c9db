"""What hashing costs, in the words of a summary."""

from __future__ import annotations

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.pipeline.edit.result import PatchedFile
from ssdh_surgery.pipeline.files.caffe_paths import data_folders
from ssdh_surgery.pipeline.inspect.cost import Cost, HashCost, hash_cost

_NETS = (Kind.TRAIN, Kind.DEPLOY)


def cost_lines(each: PatchedFile) -> list[str]:
    """What the change of a net costs it; nothing for other files and where nothing changed."""
    if not each.is_changed or each.source.kind not in _NETS:
        return []
    nets = net_of(each.source.document), net_of(each.after)
    cost = hash_cost(*nets, folders=data_folders(each.source.path))
    return [] if cost is None else [*_cost(cost), *_code(cost)]


def _cost(cost: HashCost) -> list[str]:
    """Params and multiply-adds, where the shapes of the data are known."""
    counts = [cost.latent, cost.before, cost.after]
    if any(count.params is None or count.macs is None for count in counts):
        return []
    latent = f"{cost.latent.params:,} params and {cost.latent.macs:,} multiply-adds an image"
    return [
        f"cost: the latent layer has {latent}",
        f"      the net has {_from_to(cost.before, cost.after)}",
    ]


def _from_to(before: Cost, after: Cost) -> str:
    return (
        f"{after.params:,} params (before: {before.params:,}) and {after.macs:,} multiply-adds "
        f"an image (before: {before.macs:,})"
    )


def _code(cost: HashCost) -> list[str]:
    if cost.bits is None or cost.code_bytes is None:
        return []
    line = f"code: {cost.bits} bits, {_bytes(cost.code_bytes)} an image"
    if cost.feature_bytes is not None:
        times = cost.feature_bytes / cost.code_bytes
        line += (
            f"; the features '{cost.features}' take {_bytes(cost.feature_bytes)}, "
            f"{times:,.0f} times as much"
        )
    return [line]


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"
