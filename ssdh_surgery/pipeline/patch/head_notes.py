"""What a user should know of the head that gets a hash layer, before it is trained."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.heads import CLASSIFIER_TYPES, Head, num_output
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.pipeline.settings.settings import Settings


def head_notes(net: Net, head: Head, wanted: Settings) -> Iterator[str]:
    """Sentences about a head that its net says nothing of, and a run would show late."""
    name = head.classifier.name
    if head.is_regression:
        kinds = " and ".join(dict.fromkeys(loss.type for loss in head.losses))
        yield f"'{name}' is judged by {kinds}: the codes learn from numbers, not from classes"
    if not _is_trained(net, head):
        yield f"no loss depends on '{name}' in TRAIN: nothing trains the hash layer"
    message = head.classifier.core.message(CLASSIFIER_TYPES[head.classifier.type])
    message = message or head.classifier.core
    if message.message("weight_filler") is None and wanted.get("classifier_filler") is None:
        yield (
            f"'{name}' has no weight_filler: under its new name it starts at 0; "
            "--classifier-filler gaussian:0.01 gives it one"
        )
    yield from _other_hash(net, head)


def _is_trained(net: Net, head: Head) -> bool:
    graph = net.graph("TRAIN")
    return graph.takes_part(head.classifier) and any(
        any(layer.loss_weights) and head.classifier.index in graph.below([layer])
        for layer in graph.layers
    )


def _other_hash(net: Net, head: Head) -> Iterator[str]:
    """A narrow TanH layer under the classifier may be a hash layer of another method."""
    graph = net.graph("TRAIN")
    if not graph.takes_part(head.classifier):
        return
    features = graph.reads(head.classifier)[0]
    code = features.writer if features else None
    below = graph.reads(code)[0] if code is not None and code.type == "TanH" else None
    latent = below.writer if below else None
    if code is not None and latent is not None and latent.type == "InnerProduct":
        yield (
            f"'{latent.name}' -> '{code.name}' is an InnerProduct with a TanH: if it is a hash "
            f"layer of {num_output(latent)} bits, those are signs, and ours are Sigmoids above "
            f"0.5; --at {latent.bottoms[0]} puts ours in its place"
        )
