"""Files that are missing: a deploy net from a train net, a train net from a deploy net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ssdh_surgery.caffe.heads import Head, hash_layer_below
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.pipeline.choice import chosen_head, refuse_convolution, refuse_old_dialect
from ssdh_surgery.pipeline.derive_shapes import data_folders, data_shape
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery import deploy as deploy_verbs
from ssdh_surgery.surgery import layers
from ssdh_surgery.surgery.change import merged
from ssdh_surgery.surgery.derive_deploy import derive_deploy_net, needed_for
from ssdh_surgery.surgery.gate import Proven, prove
from ssdh_surgery.surgery.hashing import hash_deploy_net
from ssdh_surgery.surgery.recipe import Recipe

_MESSAGE = "NetParameter"


@dataclass(frozen=True)
class DeployWishes:
    """What a derived deploy net is to have; None leaves a thing to the net.

    `shapes` are input shapes by blob name, as given on a command line.
    """

    recipe: Recipe
    at: str | None = None
    head: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    binary: bool = False
    batch: int | None = None


@dataclass(frozen=True)
class DerivedFile:
    """A net that was made of another one: its text, and what a user should know."""

    document: Document
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def deploy_from_train(source: SourceFile, wishes: DeployWishes) -> DerivedFile:
    """The deploy net, with its hash layer, of a train net.

    A train net that has a hash layer keeps it, with its names and width; another one gets
    one. Every layer that the codes need is that of the train net's TEST phase.

    Raises:
        SurgeryError: the net has no classifier that can be hashed, or the shape of its input
            cannot be told.
        MissingExtra: the shape stands in an HDF5 file and h5py is not installed.
    """
    net = Net(source.document)
    head = chosen_head(net, wishes.head)
    needed = needed_for(net, head)
    folders = data_folders(source.path)
    shapes = {blob.name: data_shape(net, blob, wishes.shapes, folders) for blob in needed.data}
    derived = derive_deploy_net(net, needed, shapes, wishes.recipe.remove)
    first = prove(source.document, derived.change, _MESSAGE)
    hashed, said = _with_hash_layer(Net(first.document), net, head, wishes)
    taken = "inputs: " + ", ".join(
        f"{name} {' x '.join(map(str, shape))}" for name, shape in shapes.items()
    )
    return DerivedFile(hashed.document, (taken, *said), (*first.warnings, *hashed.warnings))


def _with_hash_layer(
    deploy: Net, train: Net, head: Head, wishes: DeployWishes
) -> tuple[Proven, tuple[str, ...]]:
    """The deploy net with a hash layer where it has none, and with the wished batch."""
    recipe = wishes.recipe
    batched = deploy_verbs.set_batch(deploy, wishes.batch)
    existing = hash_layer_below(train, head.classifier)
    if existing is not None:
        code = deploy.layer(existing.code.name)
        wanted = [recipe.binary_layer()] if wishes.binary else []
        change = merged([layers.insert_after(code, wanted), batched])
        note = f"the hash layer is the train net's: '{code.name}', {existing.bits} bits"
        return prove(deploy.document, change, _MESSAGE), (note,)
    refuse_old_dialect(deploy)
    refuse_convolution(head)
    classifier = chosen_head(deploy, head.classifier.name)
    hashed = hash_deploy_net(deploy, classifier, recipe, wishes.at, binary=wishes.binary)
    return prove(deploy.document, merged([hashed.change, batched]), _MESSAGE), hashed.notes
