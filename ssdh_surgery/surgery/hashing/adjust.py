"""Adjusting an existing hash layer: its width, filler, rates and names.

Only what the values name is changed, and a value that is already set makes no edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ssdh_surgery.caffe.net.heads import HashLayer, Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.insert import features_blob, refuse_taken
from ssdh_surgery.surgery.hashing.width import set_bits
from ssdh_surgery.surgery.verbs import blobs, fields, layers, rates

# The values of the recipe that an existing hash layer can be given.
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


def refuse_moving(net: Net, head: Head, hash_layer: HashLayer, at: str) -> None:
    """Refuse to move an existing hash layer to another blob.

    Raises:
        UnknownLayer: no blob or layer has the name `at`.
        SurgeryError: the hash layer is on another blob.
    """
    features, bottom = features_blob(net, head, at), hash_layer.latent.bottoms[0]
    if features != bottom:
        raise SurgeryError(
            f"the hash layer is on '{bottom}', and --at asks for '{features}'",
            location=hash_layer.latent.bottom_location(0),
            hint="patch the original file with another --at",
        )


def adjust(
    net: Net,
    classifier: Layer | None,
    hash_layer: HashLayer,
    values: Mapping[str, Any],
    new_names: Mapping[str, str],
) -> Change:
    """Give a hash layer and its classifier other values.

    Args:
        net: the net.
        classifier: the layer that reads the codes, None in a net without one.
        hash_layer: its hash layer.
        values: values of the recipe, by name; those in `SETTINGS` are used.
        new_names: the new names of layers whose weights no longer fit, by their old names.

    Raises:
        SurgeryError: a name is taken, or the hash layer does not state its width.
    """
    refuse_taken(net, new_names.values())
    latent, code = hash_layer.latent, hash_layer.code
    return merge(
        [
            _put_fillers(latent, values),
            set_bits(net, hash_layer, values["bits"]) if "bits" in values else Change(),
            _put_rates(latent, values),
            *_rename_with_top(net, latent, values.get("latent_name")),
            *(
                _rename_with_top(net, code, values.get("code_name"))
                if code is not latent or "latent_name" not in values
                else ()
            ),
            *(
                _rename_with_top(net, classifier, values.get("classifier_name"))
                if classifier
                else ()
            ),
            *(
                _rename_resized(net, hash_layer, layer, new_names[layer.name])
                for layer in net.layers
                if layer.name in new_names
            ),
        ]
    )


def _put_fillers(latent: Layer, values: Mapping[str, Any]) -> Change:
    inner = latent.holder("inner_product_param")
    if inner is None:
        raise SurgeryError(
            f"the hash layer '{latent.name}' does not state its number of bits",
            location=latent.location,
            hint="write inner_product_param { num_output: K } in it",
        )
    new: list[tuple[str, object]] = []
    if "filler" in values:
        new.append(("weight_filler", values["filler"].fields))
    if "bias" in values:
        new.append(("bias_filler", (("type", "constant"), ("value", values["bias"]))))
    return fields.put_all(inner, new)


def _put_rates(latent: Layer, values: Mapping[str, Any]) -> Change:
    """Set the rates and decays of its two params, where there are values for them."""
    names = [name for name in ("lr_mult", "decay_mult") if name in values]
    return rates.put(latent, [{name: values[name][index] for name in names} for index in (0, 1)])


def _rename_with_top(net: Net, layer: Layer, name: str | None) -> Iterator[Change]:
    """Rename a layer and its top."""
    if name is not None and (name != layer.name or name != layer.tops[0]):
        refuse_taken(net, [name], allowed=layer)
        yield layers.rename(layer, name)
        yield blobs.rename(net, layer, 0, name)


def _rename_resized(net: Net, hash_layer: HashLayer, layer: Layer, name: str) -> Change:
    """Rename a layer whose weights no longer fit, and its top if the two have the same name.

    The code keeps its name, even if its Sigmoid works in place.
    """
    change = layers.rename(layer, name)
    is_code = layer is hash_layer.latent and layer.tops[0] in hash_layer.code.tops
    if layer.tops[0] != layer.name or is_code:
        return change
    return merge([change, blobs.rename(net, layer, 0, name)])
