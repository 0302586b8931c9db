"""A net drawn with Graphviz: boxes of layers, from data at the top to outputs at the bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.errors import EngineError, of_extra
from ssdh_surgery.names import count_text
from ssdh_surgery.report.blocks import blocks
from ssdh_surgery.report.boxes import Box, boxes
from ssdh_surgery.report.families import DATA, FAMILIES, HASH, Family, family_of
from ssdh_surgery.report.svg import with_titles
from ssdh_surgery.report.words import label, plain, tooltip
from ssdh_surgery.surgery.hashing.roles import ROLE_WORDS, Role

if TYPE_CHECKING:
    from graphviz import Digraph

_FONT = "Helvetica,Arial,sans-serif"
_GRAPH = {
    "rankdir": "TB",
    "labelloc": "t",
    "fontname": _FONT,
    "fontsize": "14",
    "nodesep": "0.18",
    "ranksep": "0.28",
    "bgcolor": "white",
}
_BOX = {
    "shape": "box",
    "style": "filled,rounded",
    "fontname": _FONT,
    "fontsize": "10.5",
    "margin": "0.1,0.05",
    "height": "0.3",
}
_ARROW = {
    "fontname": _FONT,
    "fontsize": "9",
    "color": "#495057",
    "fontcolor": "#495057",
    "arrowsize": "0.6",
}
_BLOCK = {
    "style": "filled,rounded",
    "color": "#adb5bd",
    "fillcolor": "#f8f9fa",
    "fontsize": "12",
    "fontcolor": "#495057",
    "labeljust": "l",
    "margin": "8",
}
_AUXILIARY = {**_BLOCK, "style": "filled,rounded,dashed", "fillcolor": "white"}


class Drawing:
    """A drawing of a net in one phase.

    Every layer of the phase has a box; in-place layers share the box of the layer that they
    follow. Layers for hashing have a colour of their own.

    Args:
        net: the net.
        shapes: its shapes in the phase to draw.
        heads: its heads in that phase.
        hashing: the roles of the layers for hashing, by layer index.

    Raises:
        MissingExtra: the Python package graphviz is not installed.
    """

    def __init__(
        self, net: Net, shapes: NetShapes, heads: Sequence[Head], hashing: Mapping[int, Role]
    ) -> None:
        self.net = net
        self.shapes = shapes
        self.graph = net.graph(shapes.state)
        self.hashing = hashing
        self.heads = heads
        self.boxes = boxes(self.graph, net.inputs)
        self.digraph = self._digraph()

    @property
    def box_count(self) -> int:
        """The number of boxes."""
        return len(self.boxes.boxes)

    @property
    def dot(self) -> str:
        """The drawing in the DOT language."""
        return str(self.digraph.source)

    def svg(self) -> bytes:
        """The drawing as a self-contained SVG with selectable text.

        Raises:
            EngineError: Graphviz's program `dot` is not installed, or fails.
        """
        from graphviz import CalledProcessError, ExecutableNotFound

        try:
            svg = self.digraph.pipe(format="svg", quiet=True)
        except ExecutableNotFound as error:
            raise EngineError(
                "drawing an SVG needs Graphviz's program 'dot', which is not on the PATH",
                hint="apt-get install graphviz, brew install graphviz, or "
                "https://graphviz.org/download; --dot needs no program",
            ) from error
        except CalledProcessError as error:
            message = (error.stderr or b"").decode(errors="replace").strip()
            raise EngineError(f"Graphviz's 'dot' failed: {message or error}") from error
        return with_titles(svg, self._titles, self._title)

    @cached_property
    def _title(self) -> str:
        name = self.net.name or "unnamed net"
        count = count_text(len(self.shapes.layers), "layer")
        return plain(f"{name}, {self.shapes.state}, {count}")

    @property
    def _titles(self) -> dict[str, str]:
        return {
            f"box{index}": tooltip(box, self.shapes) for index, box in enumerate(self.boxes.boxes)
        }

    def _digraph(self) -> Digraph:
        with of_extra("draw", "drawing a net"):
            from graphviz import Digraph
        digraph = Digraph("net", graph_attr=_GRAPH, node_attr=_BOX, edge_attr=_ARROW, strict=False)
        digraph.attr(label=self._heading())
        clusters = self._clusters()
        for number, (members, attributes) in enumerate(clusters):
            with digraph.subgraph(name=f"cluster{number}") as cluster:
                cluster.attr(**attributes)
                for index in sorted(members):
                    self._draw(cluster, index)
        grouped = {index for members, _ in clusters for index in members}
        for index in range(self.box_count):
            if index not in grouped:
                self._draw(digraph, index)
        for arrow in self.boxes.arrows:
            label = {"label": _quoted(arrow.blob)} if arrow.is_one_of_several else {}
            digraph.edge(f"box{arrow.source}", f"box{arrow.target}", **label)
        return digraph

    def _clusters(self) -> list[tuple[frozenset[int], dict[str, str]]]:
        auxiliary = self._auxiliary()
        excluded = frozenset(index for members, _ in auxiliary for index in members)
        clusters = [
            (members, {**_AUXILIARY, "label": _quoted(f"auxiliary head {name}")})
            for members, name in auxiliary
        ]
        for block in blocks(self.boxes, excluded):
            clusters.append((block.members, {**_BLOCK, "label": _quoted(block.name)}))
        return clusters

    def _auxiliary(self) -> list[tuple[frozenset[int], str]]:
        """The boxes that only an auxiliary head depends on, with the name of its classifier."""
        if not any(head.is_main for head in self.heads):
            return []
        clusters = []
        for head in self.heads:
            if not head.is_main:
                head_layers = {layer.index for layer in head.layers}
                others = [
                    layer
                    for layer in self.graph.layers
                    if layer.index not in head_layers
                    and any(not self.graph.consumers(blob) for blob in self.graph.writes(layer))
                ]
                judges = [layer for layer in head.layers if self.graph.takes_part(layer)]
                only = self.graph.below(judges) - self.graph.below(others)
                members = {
                    self.boxes.box_of(layer) for layer in self.graph.layers if layer.index in only
                }
                clusters.append((frozenset(members), head.classifier.name))
        return clusters

    def _draw(self, digraph: Digraph, index: int) -> None:
        box = self.boxes.boxes[index]
        family = self._family(box)
        badge = self._badge(box)
        digraph.node(
            f"box{index}",
            label=label(box, self.shapes, badge),
            tooltip=_quoted(tooltip(box, self.shapes)),
            fillcolor=family.fill,
            color=family.border,
            fontcolor=family.text,
            penwidth="2" if badge else "1",
            **{"class": family.css_class},
        )

    def _family(self, box: Box) -> Family:
        if any(layer.index in self.hashing for layer in box.layers):
            return HASH
        return family_of(box.layers[0].type) if box.layers else DATA

    def _badge(self, box: Box) -> str:
        for layer in box.layers:
            if role := self.hashing.get(layer.index):
                return ROLE_WORDS[role]
            for head in self.heads:
                if head.classifier is layer:
                    return "main head" if head.is_main else "auxiliary head"
        return ""

    def _heading(self) -> str:
        """The title with a legend of the families in the net."""
        present = {self._family(box) for box in self.boxes.boxes}
        cells = "".join(
            f"<TD BGCOLOR='{family.fill}'><FONT COLOR='{family.text}'>{family.name}</FONT></TD>"
            for family in FAMILIES
            if family in present
        )
        count = max(1, len(present))
        return (
            "<<TABLE BORDER='0' CELLBORDER='0' CELLSPACING='4' CELLPADDING='4'>"
            f"<TR><TD COLSPAN='{count}'><B>{escape(self._title)}</B></TD></TR>"
            f"<TR>{cells or '<TD></TD>'}</TR></TABLE>>"
        )


def _quoted(text: str) -> str:
    """A text that Graphviz shows verbatim: no escapes, entities or HTML."""
    from graphviz import escape as escape_dot

    return str(escape_dot(escape(plain(text), quote=False)))
