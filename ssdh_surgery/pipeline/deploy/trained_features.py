"""The features that a deploy net ends with, by the train net next to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ssdh_surgery.caffe.net.heads import hash_layer_below
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.deploy.compare import Comparison
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.sources import SourceFile, neighbours
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing.insert import end_of_features

_LAYERS = re.compile(rb"layer")


@dataclass(frozen=True)
class TrainedFeatures:
    """The blob that a train net classifies by, and the name of its file."""

    blob: str
    train: str


def trained_features(source: SourceFile, net: Net, settings: Settings) -> TrainedFeatures | None:
    """The features that a deploy net ends with; None where no train net next to it says so.

    The train net has the same layers with weights up to its features, which are the last blob
    of the deploy net. Several such train nets must agree.

    Args:
        source: the file of the deploy net.
        net: the deploy net.
        settings: the effective settings.
    """
    if source.path is None:
        return None
    candidates: list[TrainedFeatures] = []
    for train in neighbours(source.folder, _LAYERS):
        blob = _features(net_of(train.document)) if train.kind is Kind.TRAIN else None
        if blob is not None and _ends_with(net, train, blob, settings):
            candidates.append(TrainedFeatures(blob, train.name))
    return candidates[0] if len({each.blob for each in candidates}) == 1 else None


def _features(train: Net) -> str | None:
    """The features of a train net, below its hash layer if it has one."""
    try:
        head = choose_head(train, None)
    except SurgeryError:
        return None
    hash_layer = hash_layer_below(train, head.classifier)
    return hash_layer.latent.bottoms[0] if hash_layer else head.features


def _ends_with(deploy: Net, train: SourceFile, features: str, settings: Settings) -> bool:
    if features not in deploy.blob_names or end_of_features(deploy, features) is None:
        return False
    try:
        train_net, folders = net_of(train.document), working_folders(train.path)
        return Comparison(deploy, train_net, settings, features, folders).fits
    except SurgeryError:
        return False
