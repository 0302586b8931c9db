"""The roles of layers in hashing: the latent layer, its code, and the terms on the code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_of, measured_hash_layers
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.surgery.hashing.recipe import Recipe

Role = Literal["latent", "code", "term"]
# The roles in words.
ROLE_WORDS: dict[Role, str] = {"latent": "latent layer", "code": "code", "term": "reads the code"}
CODE_NAMES = frozenset([Recipe().code_name])


def hash_roles(
    graph: BlobGraph, heads: Sequence[Head], code_names: Collection[str] = CODE_NAMES
) -> dict[int, Role]:
    """The role of each layer that belongs to hashing, by the index of the layer.

    Hash layers are found by structure below a classifier, or a loss on codes. A deploy net has
    neither, and a Sigmoid on an InnerProduct may also give probabilities: there the Sigmoid counts
    if a Threshold reads it, or by its name. A term is any layer that reads the code, except the
    classifier.

    Args:
        graph: the blobs of the net.
        heads: its heads.
        code_names: the names of layers that are codes in a deploy net.
    """
    roles: dict[int, Role] = {}
    classifiers = {head.classifier.index for head in heads}
    for hash_layer in _hash_layers(graph, heads, code_names):
        roles[hash_layer.latent.index] = "latent"
        roles[hash_layer.code.index] = "code"
    for layer in graph.layers:
        below = {blob.writer.index for blob in graph.reads(layer) if blob and blob.writer}
        reads_code = any(roles.get(index) in ("code", "term") for index in below)
        if reads_code and layer.index not in {*classifiers, *roles}:
            roles[layer.index] = "term"
    return roles


def _hash_layers(
    graph: BlobGraph, heads: Sequence[Head], code_names: Collection[str]
) -> list[HashLayer]:
    below = [
        hash_layer_of(graph, graph.reads(head.classifier)[0])
        for head in heads
        if head.classifier.bottoms
    ]
    by_name = [
        hash_layer_of(graph, graph.writes(layer)[0])
        for layer in graph.layers
        if layer.tops and _is_code(graph, layer, code_names)
    ]
    measured = measured_hash_layers(graph)
    return [each for each in (*below, *by_name, *measured) if each is not None]


def _is_code(graph: BlobGraph, layer: Layer, code_names: Collection[str]) -> bool:
    readers = [reader for reader, _ in graph.consumers(graph.writes(layer)[0])]
    return layer.name in code_names or any(reader.type == "Threshold" for reader in readers)
