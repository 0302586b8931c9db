"""What a patch found, in words, before it changes anything."""

from __future__ import annotations

from ssdh_surgery.caffe.shapes import Shape
from ssdh_surgery.names import printable as plain
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.inspect.explain import Explanation


def explained(name: str, found: Explanation) -> list[str]:
    """An explanation as lines for people."""
    head = found.head
    width = max(len(each.layer.name) for each in found.chain)
    end = "loss" if head.losses else "classifier"
    lines = [f"{name}: from data to the {end}, in {found.phase}"]
    for link in found.chain:
        goes_on = f" -> {link.blob} {_shape(link.shape)}" if link.blob else ""
        lines.append(f"  {link.layer.name:{width}}  {link.layer.type}{goes_on}")
    judges = [f"'{each.name}'" for each in (*head.losses, *head.accuracies)]
    judged = f", judged by {', '.join(judges)}" if judges else ""
    lines += [
        f"  head: '{head.classifier.name}' (line {head.classifier.line}), {head.outputs}{judged}",
        f"  taken because: {found.reason}",
        f"  features: '{found.features}', {_shape(found.shape)}{_size(found.size)}",
    ]
    if found.hashed:
        latent, code = found.hashed
        lines.append(f"  hash layer: '{latent}' -> '{code}' is there already")
    return [plain(line) for line in lines]


def _shape(shape: Shape | None) -> str:
    return "of unknown shape" if shape is None else shape_text(shape)


def _size(size: int | None) -> str:
    return "" if size is None else f": {size:,} values a picture"
