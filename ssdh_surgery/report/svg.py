"""The SVG of Graphviz made self-contained, with tooltips as titles."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"


def with_titles(svg: bytes, titles: Mapping[str, str], name: str) -> bytes:
    """An SVG whose boxes have their tooltips as titles.

    Graphviz titles every box with its identifier and every arrow with two identifiers, and refers
    to a document type on another host.

    Args:
        svg: the output of `dot -Tsvg`.
        titles: the tooltips of boxes and clusters by identifier; all others lose their title.
        name: the title of the drawing.
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
            # Not a colour in SVG 1.1: some programs draw it black.
            shape.set("stroke", "none")
    ElementTree.indent(root, " ")
    result: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return result + b"\n"


def _unwrap(group: ElementTree.Element) -> None:
    """Remove the empty links to which Graphviz attaches its own tooltips."""
    for place, wrapper in enumerate(group):
        if wrapper.get("id", "").startswith("a_") and len(wrapper):
            group[place : place + 1] = list(wrapper[0])
