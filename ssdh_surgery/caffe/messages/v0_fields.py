"""The fields of a V0 layer and their counterparts in V1 and the current dialect, by layer type.

Source: UpgradeV0LayerParameter in Caffe's upgrade_proto.cpp. Caffe drops fields without one.
"""

from __future__ import annotations

# The fields of a net, and of a layer's outer message, that Caffe reads in V0.
NET_FIELDS = frozenset(["name", "layers", "input", "input_dim", "force_backward"])
OUTER_FIELDS = frozenset(["bottom", "top", "layer"])

_SAME_FIELDS = frozenset(["name", "type", "blobs", "blobs_lr", "weight_decay"])
# For every layer type.
_TRANSFORM = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}
_WEIGHTS = {
    "num_output": "num_output",
    "biasterm": "bias_term",
    "weight_filler": "weight_filler",
    "bias_filler": "bias_filler",
}
_WINDOW = {"pad": "pad", "kernelsize": "kernel_size", "stride": "stride"}
_RECORDS = {"source": "source", "batchsize": "batch_size"}
# By V0 type: the message of its parameters, and their new names.
_PARAMS: dict[str, tuple[str, dict[str, str]]] = {
    "conv": ("convolution_param", {**_WEIGHTS, **_WINDOW, "group": "group"}),
    "innerproduct": ("inner_product_param", _WEIGHTS),
    "pool": ("pooling_param", {**_WINDOW, "pool": "pool"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "lrn": ("lrn_param", {name: name for name in ("local_size", "alpha", "beta", "k")}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "infogain_loss": ("infogain_loss_param", {"source": "source"}),
    "data": ("data_param", {**_RECORDS, "rand_skip": "rand_skip"}),
    "hdf5_data": ("hdf5_data_param", _RECORDS),
    "images": (
        "image_data_param",
        {
            **_RECORDS,
            "rand_skip": "rand_skip",
            "shuffle_images": "shuffle",
            "new_height": "new_height",
            "new_width": "new_width",
        },
    ),
    "window_data": (
        "window_data_param",
        {
            **_RECORDS,
            "det_fg_threshold": "fg_threshold",
            "det_bg_threshold": "bg_threshold",
            "det_fg_fraction": "fg_fraction",
            "det_context_pad": "context_pad",
            "det_crop_mode": "crop_mode",
        },
    ),
}
# A message that moves unchanged.
_WHOLE = {"hdf5_output": "hdf5_output_param"}


def place_in_v1(kind: str, name: str) -> tuple[str | None, str] | None:
    """The message and the field that a field of a V0 layer becomes.

    The message is None for fields of the layer itself; the result is None if Caffe drops the
    field.

    >>> place_in_v1("conv", "kernelsize")
    ('convolution_param', 'kernel_size')
    """
    if name in _SAME_FIELDS or name == _WHOLE.get(kind):
        return None, name
    if name in _TRANSFORM:
        return "transform_param", _TRANSFORM[name]
    message, names = _PARAMS.get(kind, ("", {}))
    return (message, names[name]) if name in names else None


def name_in_v1(message: str, name: str) -> str | None:
    """The later name of a V0 field within a settings message, or None.

    >>> name_in_v1("convolution_param", "kernelsize")
    'kernel_size'
    """
    tables = [names for holder, names in _PARAMS.values() if holder == message]
    if message == "transform_param":
        tables.append(_TRANSFORM)
    return next((names[name] for names in tables if name in names), None)


def place_in_v0(kind: str, message: str, name: str) -> str | None:
    """The field of a V0 layer that corresponds to a field of a later message, or None.

    >>> place_in_v0("data", "data_param", "batch_size")
    'batchsize'
    """
    names: dict[str, str] = _TRANSFORM if message == "transform_param" else {}
    if _PARAMS.get(kind, ("",))[0] == message:
        names = _PARAMS[kind][1]
    return next((old for old, new in names.items() if new == name), None)
