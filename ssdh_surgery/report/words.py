"""The text in the drawing of a net: the lines of a box, and its tooltip."""

from __future__ import annotations

import re
from html import escape

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.names import shape_text
from ssdh_surgery.report.boxes import Box
from ssdh_surgery.report.layer_settings import settings_text

_LONGEST = 40
# Characters that XML does not allow: control characters and lone surrogates.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: str) -> str:
    """A text that XML can hold."""
    return _NOT_IN_XML.sub("\ufffd", text)


def label(box: Box, shapes: NetShapes, badge: str = "") -> str:
    """The lines of a box, in the HTML of Graphviz.

    Args:
        box: the box.
        shapes: the shapes of its net.
        badge: the role of the box in the net (`main head`), if any.
    """
    small = "<FONT POINT-SIZE='9'>{}</FONT>".format
    lines = [f"<B>{_text(box.name or '(no name)')}</B>"]
    if box.layers:
        first, *folded = box.layers
        lines.append(_text(_kind(first)))
        if folded:
            lines.append(_text("+ " + " + ".join(map(_kind, folded))))
    else:
        lines.append("input")
    lines.append(small(_text(_shapes(box, shapes))))
    lines += [small(_text(f"with {name}")) for name in box.labels]
    lines += [small(f"<B>no layer writes {_text(name)}</B>") for name in box.missing]
    if badge:
        lines.append(small(f"<B>{_text(badge)}</B>"))
    return f"<{'<BR/>'.join(lines)}>"


def _text(text: str) -> str:
    text = plain(text)
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    # Graphviz reads escapes again in text that it has decoded.
    return escape(text).replace("\\", "&#92;&#92;")


def _kind(layer: Layer) -> str:
    return f"{layer.type} {settings_text(layer)}".rstrip()


def _shapes(box: Box, shapes: NetShapes) -> str:
    if not box.layers:
        return shape_text(shapes.blobs.get(box.name))
    last = box.layers[-1]
    tops = shapes.of(last).tops
    if len(tops) < 2 or len(set(tops)) == 1:
        return shape_text(tops[0]) if tops else "no top"
    return ", ".join(
        f"{name} {shape_text(shape)}" for name, shape in zip(last.tops, tops, strict=False)
    )


def tooltip(box: Box, shapes: NetShapes) -> str:
    """The details of a box: each of its layers by name, with blobs, line and costs."""
    if not box.layers:
        return plain(f"{box.name} (input)\nshape {_shapes(box, shapes)}")
    return plain("\n".join(line for layer in box.layers for line in _layer_lines(layer, shapes)))


def _layer_lines(layer: Layer, shapes: NetShapes) -> list[str]:
    layer_shapes = shapes.of(layer)
    tops = [
        f"{name} {shape_text(shape)}"
        for name, shape in zip(layer.tops, layer_shapes.tops, strict=False)
    ]
    lines = [f"{layer.name} ({_kind(layer)}), line {layer.line}"]
    lines.append(f"  {', '.join(layer.bottoms) or 'no bottom'} -> {', '.join(tops) or 'no top'}")
    if layer_shapes.param_count:
        params = ", ".join(map(shape_text, layer_shapes.params or ()))
        lines.append(f"  {layer_shapes.param_count:,} params ({params})")
    if layer_shapes.macs:
        lines.append(f"  {layer_shapes.macs:,} multiply-adds")
    return lines
