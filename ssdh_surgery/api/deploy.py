"""`ssdh deploy` as a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Unpack, get_args

from ssdh_surgery.api.edits import EditResult, edit_result, write_plan
from ssdh_surgery.api.keywords import check, choice, integers, settings_of
from ssdh_surgery.api.setting_types import DeploySettings
from ssdh_surgery.pipeline.deploy import deploy as story
from ssdh_surgery.pipeline.settings.value_types import Integer

Origin = Literal["train", "deploy"]


def deploy(
    file: str | Path | None = None,
    *,
    net: str | None = None,
    origin: Origin | None = None,
    binary: bool = False,
    batch: int | None = None,
    with_classifier: bool = False,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    write: bool = True,
    out: str | Path | None = None,
    in_place: bool = False,
    force: bool = False,
    **settings: Unpack[DeploySettings],
) -> EditResult:
    """Put the hash layer into a deploy net, or derive one, as `ssdh deploy` does.

    Args:
        file: the deploy net or its train net; by default those of `ssdh.toml`, which is looked
            for in the current folder and those above.
        net: the table `[nets.STEM]` of `ssdh.toml` to use.
        origin: what to make it from (`--from`); by default a deploy file if there is one.
        binary: add a top that holds the code as zeros and ones.
        batch: the batch size of the input.
        with_classifier: derive it from the train net, and keep the classifier above the code.
        input_shape: the shapes of inputs by name, for a net that is derived.
        write: whether to write the result; without, it is only returned.
        out: the folder of the result.
        in_place: overwrite the deploy file.
        force: replace another existing file.
        settings: the options of the command, with underscores: `bits=48`, `at="fc7"`.

    Raises:
        SsdhError: the deploy net cannot be found, changed or written; nothing was written.
        TypeError: there is no such option.
    """
    choice("origin", origin, get_args(Origin))
    shapes = {
        name: tuple(integers(shape, f"input_shape[{name!r}]"))
        for name, shape in (input_shape or {}).items()
    }
    options = story.DeployOptions(
        settings_of("deploy", settings),
        net=net,
        binary=binary,
        batch=check("batch", batch, Integer(1)),
        origin=origin,
        shapes=shapes,
        with_classifier=with_classifier,
    )
    plan = write_plan(write=write, out=out, in_place=in_place, force=force)
    return edit_result(story.deploy(None if file is None else str(file), options, plan))
