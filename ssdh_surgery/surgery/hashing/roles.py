"""Which layers of a net hashing put there: the latent layer, its code, and what reads the code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_of
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.surgery.hashing.recipe import Recipe

Role = Literal["latent", "code", "term"]
# What people read.
ROLE_WORDS: dict[Role, str] = {"latent": "latent layer", "code": "code", "term": "reads the code"}
CODE_NAMES = frozenset([Recipe().code_name])


def hash_roles(
    graph: BlobGraph, heads: Sequence[Head], code_names: Collection[str] = CODE_NAMES
) -> dict[int, Role]:
    """What each layer that belongs to hashing does there, by the layer's index.

    Found by structure below a classifier. A deploy net has none: there a Sigmoid on an
    InnerProduct may just as well give probabilities, so its name or a Threshold must tell.
    A term is whatever reads the code beside the classifier.
    """
    found: dict[int, Role] = {}
    classifiers = {head.classifier.index for head in heads}
    for hashed in _hash_layers(graph, heads, code_names):
        found[hashed.latent.index] = "latent"
        found[hashed.code.index] = "code"
    for layer in graph.layers:
        below = {blob.writer.index for blob in graph.reads(layer) if blob and blob.writer}
        reads_code = any(found.get(index) in ("code", "term") for index in below)
        if reads_code and layer.index not in {*classifiers, *found}:
            found[layer.index] = "term"
    return found


def _hash_layers(
    graph: BlobGraph, heads: Sequence[Head], code_names: Collection[str]
) -> list[HashLayer]:
    below = [
        hash_layer_of(graph, graph.reads(head.classifier)[0])
        for head in heads
        if head.classifier.bottoms
    ]
    told = [
        hash_layer_of(graph, graph.writes(layer)[0])
        for layer in graph.layers
        if layer.type == "Sigmoid" and layer.tops and _is_told(graph, layer, code_names)
    ]
    return [hashed for hashed in (*below, *told) if hashed is not None]


def _is_told(graph: BlobGraph, layer: Layer, code_names: Collection[str]) -> bool:
    readers = [reader for reader, _ in graph.consumers(graph.writes(layer)[0])]
    return layer.name in code_names or any(reader.type == "Threshold" for reader in readers)
