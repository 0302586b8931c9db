"""Derived files as commands make them: where they go, and what the workspace gives for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssdh_surgery.caffe.heads import HashLayer, hash_layer_below
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net, net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import Finding, Location, SurgeryError, UsageError
from ssdh_surgery.pipeline.choice import chosen_head, head_name
from ssdh_surgery.pipeline.data_shapes import data_folders
from ssdh_surgery.pipeline.deploy_choice import differing
from ssdh_surgery.pipeline.deploy_step import compared, deploy_settings
from ssdh_surgery.pipeline.derive import (
    DeployWishes,
    TrainWishes,
    deploy_from_train,
    train_from_deploy,
)
from ssdh_surgery.pipeline.outputs import Output, WritePlan
from ssdh_surgery.pipeline.patched import PatchedFile, finished
from ssdh_surgery.pipeline.record import PatchedNet
from ssdh_surgery.pipeline.refused import mistakes, told
from ssdh_surgery.pipeline.settings import Settings
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.pipeline.upgrade import upgraded_source
from ssdh_surgery.pipeline.workspace import NetRecord
from ssdh_surgery.prototxt.parser import parse

# What derived files are called, before the suffix.
DEPLOY, TRAIN, SOLVER = "deploy.prototxt", "train_val.prototxt", "solver.prototxt"
TRAIN_STEM = "train_val"
# The settings that ask for a train net where a deploy net is named alone.
ASKING = ("train_data", "test_data")
_PLAIN_NAME = re.compile(r"[\w.-]+")


def derived_deploy(
    train: SourceFile,
    given: Settings,
    known: NetRecord | None,
    plan: WritePlan,
    *,
    inputs: Mapping[str, tuple[int, ...]],
    binary: bool = False,
    batch: int | None = None,
    classifier: bool = False,
) -> PatchedFile:
    """A deploy net for a train net that has none.

    Raises:
        UsageError: the train net would be overwritten.
        SurgeryError: it cannot be derived, or its hash layer is another one than was asked for.
    """
    _refuse_in_place(plan, "train")
    wanted = given.over(known.settings if known else Settings())
    train = upgraded_source(train) if wanted.get("upgrade") else train
    net = net_of(train.document)
    head = head_name(net, wanted, known)
    existing = hash_layer_below(net, chosen_head(net, head).classifier)
    if existing is not None:
        _refuse_other(net, existing, given)
    wishes = DeployWishes(wanted.recipe, wanted.get("at"), head, inputs, binary, batch, classifier)
    made = deploy_from_train(train, wishes)
    settings = deploy_settings(given, known)
    deploy, folders = net_of(made.document), data_folders(train.path)
    warnings = _refuse_batch(net, deploy, settings, batch, folders)
    if existing is None and known is None:
        warnings.append(
            f"{train.name} has no hash layer: weights that it trains have no "
            f"'{wanted.recipe.latent_name}'; ssdh patch puts it there"
        )
    warnings += compared(deploy, known, settings)
    target = plan.target(train.place.with_name(DEPLOY))
    return PatchedFile(
        train,
        Output(target, bytes(made.document), train.path, train.data),
        made.document,
        (f"derived from {train.name}", *made.notes),
        (*made.warnings, *warnings),
    )


def _refuse_in_place(plan: WritePlan, what: str) -> None:
    if plan.in_place:
        raise UsageError(
            f"--in-place would replace the {what} net by one that is derived from it",
            hint="--out and --suffix choose another place",
        )


def _refuse_batch(
    train: Net, deploy: Net, wanted: Settings, batch: int | None, folders: Sequence[Path]
) -> list[str]:
    """Refuse another batch than the train net has where some layer stands and falls with it.

    Returns:
        Warnings about a deploy net that Caffe refuses for what the train net has as well.
    """
    found, known = _mistakes(deploy, folders), _mistakes(train, folders)
    if found and not known:
        raise SurgeryError(
            f"with a batch of {batch or 1} Caffe would refuse the deploy net: {found[0].message}",
            location=Location(train.file),
            hint="--batch N gives it the batch that the net is trained with",
        )
    params = shapes(deploy, "TEST").params
    for name in filter(params.get, differing(deploy, train, wanted)):
        raise SurgeryError(
            f"the params of layer '{name}' would have other shapes than those that the net is "
            "trained with: its weights would not fit",
            location=train.named(name)[0].location,
            hint="--batch N and --input-shape give the deploy net the inputs of the training",
        )
    return told(known) if found else []


def _mistakes(net: Net, folders: Sequence[Path]) -> list[Finding]:
    """What Caffe would stop at when it sets up a net to be used."""
    return mistakes(net, net.state("TEST"), folders)


def _refuse_other(net: Net, existing: HashLayer, given: Settings) -> None:
    """Refuse to derive another hash layer than the train net learns."""
    has = {
        "bits": existing.bits,
        "latent_name": existing.latent.name,
        "code_name": existing.code.name,
        "at": existing.latent.bottoms[0],
    }
    for name, value in given.named(tuple(has)).items():
        if value != has[name]:
            option = f"--{name.replace('_', '-')}"
            raise SurgeryError(
                f"the train net's hash layer has {option} {has[name]}, not {value}",
                location=Location(net.file),
                hint=f"the train net decides: ssdh patch with {option}",
            )


def derived_training(
    source: SourceFile, wanted: Settings, plan: WritePlan, stem: str
) -> PatchedNet:
    """A train net and a solver for a deploy net alone.

    Raises:
        UsageError: the deploy net would be overwritten, or data is not named.
        SurgeryError: it cannot be trained as it is.
        DataError: the data cannot be read, or does not fit the net.
    """
    _refuse_in_place(plan, "deploy")
    place, solver_place = (plan.target(source.place.with_name(name)) for name in (TRAIN, SOLVER))
    name = net_of(source.document).name
    name = name if _PLAIN_NAME.fullmatch(name) else source.place.absolute().parent.name
    prefix = place.with_name(plan.named(name or TRAIN_STEM)).as_posix()
    made = train_from_deploy(source, TrainWishes(wanted, place.as_posix(), prefix))
    plain = replace(
        source, data=bytes(made.net.document), document=made.net.document, kind=Kind.TRAIN
    )
    done = finished(plain, made.step, plan)
    net = replace(
        done,
        source=source,
        output=Output(place, done.output.data, source.path, source.data),
        notes=(f"derived from {source.name}", *done.notes),
        warnings=(*made.warnings, *done.warnings),
    )
    nothing = SourceFile(source.name, None, b"", parse(b"", source.name), Kind.SOLVER)
    solver = PatchedFile(
        nothing,
        Output(solver_place, bytes(made.solver), None),
        made.solver,
        ("each value says why in its comment",),
    )
    results = (net,) if source.is_stdin else (net, solver)
    return PatchedNet(stem, made.net, net_of(net.after), made.head, made.step, results, wanted)
