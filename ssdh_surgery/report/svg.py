"""An SVG as Graphviz writes it, made whole in itself: no outside document, tooltips as titles."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"


def with_titles(svg: bytes, titles: Mapping[str, str], name: str) -> bytes:
    """An SVG whose boxes carry their tooltips.

    Graphviz titles every box with its identifier, and every arrow with two of them; the
    document type that it names lies on another host.

    Args:
        svg: what `dot -Tsvg` wrote.
        titles: the tooltip of each box and cluster by its identifier; others lose their title.
        name: the title of the whole.
    """
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(svg)
    for group in list(root.iter(f"{{{_SVG}}}g")):
        _unwrap(group)
        title = group.find(f"{{{_SVG}}}title")
        if title is None:
            continue
        if group.get("class", "").split()[0] == "graph":
            title.text = name
        elif (text := titles.get(title.text or "")) is not None:
            title.text = text
        else:
            group.remove(title)
    for shape in root.iter():
        if shape.get("stroke") == "transparent":
            # Not a colour of SVG 1.1: some programs draw it black.
            shape.set("stroke", "none")
    ElementTree.indent(root, " ")
    whole: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole + b"\n"


def _unwrap(group: ElementTree.Element) -> None:
    """Take out the links to nowhere that Graphviz hangs its own tooltips on."""
    for place, wrapper in enumerate(group):
        if wrapper.get("id", "").startswith("a_") and len(wrapper):
            group[place : place + 1] = list(wrapper[0])
