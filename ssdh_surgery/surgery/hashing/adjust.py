"""A hash layer that is there already: its width, its filler, its names set anew.

Only what was asked for in so many words changes; where a value is the one that stands
there, nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ssdh_surgery.caffe.net.heads import HashLayer, Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.hashing import width
from ssdh_surgery.surgery.hashing.insert import features_blob, refuse_taken
from ssdh_surgery.surgery.hashing.objective import set_bits
from ssdh_surgery.surgery.verbs import blobs, fields, layers, rates

# What a hash layer can be told anew, by the recipe's names.
SETTINGS = (
    "bits",
    "filler",
    "bias",
    "lr_mult",
    "decay_mult",
    "latent_name",
    "code_name",
    "classifier_name",
)


def refuse_moving(net: Net, head: Head, existing: HashLayer, at: str) -> None:
    """Refuse to put a hash layer that is there on another blob.

    Raises:
        UnknownLayer: no blob and no layer is called that.
        SurgeryError: the hash layer is on another blob.
    """
    wanted, there = features_blob(net, head, at), existing.latent.bottoms[0]
    if wanted != there:
        raise SurgeryError(
            f"the hash layer is on '{there}', and --at asks for '{wanted}'",
            location=existing.latent.bottom_location(0),
            hint="patch the file as it was before, with another --at",
        )


def adjust(
    net: Net,
    classifier: Layer | None,
    existing: HashLayer,
    given: Mapping[str, Any],
    fresh: Mapping[str, str],
) -> Change:
    """Give a hash layer and its classifier other values, and leave the rest.

    Args:
        net: the net.
        classifier: what reads the codes, None in a net without it.
        existing: its hash layer.
        given: fields of the recipe; those in `SETTINGS` are used.
        fresh: new names of layers whose weights no longer fit, by the old ones.

    Raises:
        SurgeryError: a name is taken.
    """
    refuse_taken(net, fresh.values())
    return merged(
        [
            *_inner(existing.latent, given),
            set_bits(net, existing, given["bits"]) if "bits" in given else Change(),
            _learning(existing.latent, given),
            *_renamed(net, existing.latent, given.get("latent_name")),
            *_renamed(net, existing.code, given.get("code_name")),
            *(_renamed(net, classifier, given.get("classifier_name")) if classifier else ()),
            *(
                width.rename(net, existing, layer, fresh[layer.name])
                for layer in net.layers
                if layer.name in fresh
            ),
        ]
    )


def _inner(latent: Layer, given: Mapping[str, Any]) -> Iterator[Change]:
    inner = latent.holder("inner_product_param")
    assert inner is not None, "a hash layer states its bits"
    new = []
    if "filler" in given:
        new.append(("weight_filler", given["filler"].fields))
    if "bias" in given:
        new.append(("bias_filler", (("type", "constant"), ("value", given["bias"]))))
    missing = [(name, value) for name, value in new if inner.message(name) is None]
    yield fields.add_inside(inner, missing)
    for name, value in new:
        if (message := inner.message(name)) is not None:
            yield _filled(message, value)


def _filled(message: Message, new: NewFields) -> Change:
    """A message with these fields and no others."""
    names = {name for name, _ in new}
    others = [each for field in message.fields if field.name not in names for each in field.entries]
    changes = [fields.put(message, name, value) for name, value in new if message.entry(name)]
    missing = [(name, value) for name, value in new if not message.entry(name)]
    if missing:
        first = message.entry(new[0][0])
        changes.append(
            fields.add_after(first, missing) if first else fields.add_inside(message, missing)
        )
    return merged([*changes, fields.take_out(others, "delete")])


def _learning(latent: Layer, given: Mapping[str, Any]) -> Change:
    """The learning rates and decays of its two blobs, as far as they are given."""
    names = [name for name in ("lr_mult", "decay_mult") if name in given]
    return rates.put(latent, [{name: given[name][blob] for name in names} for blob in (0, 1)])


def _renamed(net: Net, layer: Layer, name: str | None) -> Iterator[Change]:
    """A layer and its top under another name."""
    if name is not None and (name != layer.name or name != layer.tops[0]):
        refuse_taken(net, [name], allowed=layer)
        yield layers.rename(layer, name)
        yield blobs.rename(net, layer, 0, name)
