"""Options in the spelling of `caffe train`: `-weights X` and `-gpu=1` for `--weights X --gpu 1`."""

from __future__ import annotations

import click

from ssdh_surgery.cli.command import Command
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.workspace.paths import command_in_shell

# The key of the words after `--` in a context's `meta`.
EXTRA = f"{__name__}.extra"
# Those of `caffe train` that `ssdh train` passes on only after `--`.
_CAFFE_ONLY = ("level", "stage", "sigint_effect", "sighup_effect", "phase", "model")


class CaffeSpelledCommand(Command):
    """A command that also takes its long options with one dash, as Caffe's own flags.

    Words after `--` are for caffe; they are kept in `ctx.meta[EXTRA]`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        end = args.index("--") if "--" in args else len(args)
        for number, word in enumerate(args[:end]):
            if _flag(word) in _CAFFE_ONLY:
                _refuse(args[:end], number, args[end + 1 :], ctx)
        ctx.meta[EXTRA] = tuple(args[end + 1 :])
        names = {name for param in self.params for name in param.opts}
        return super().parse_args(ctx, [_respelled(word, names) for word in args[:end]])


def _flag(word: str) -> str:
    """The name of an option, however many dashes it has; empty for other words."""
    return word.lstrip("-").partition("=")[0] if word.startswith("-") else ""


def _respelled(word: str, names: set[str]) -> str:
    """A word with two dashes, if it is one of our options with one."""
    is_ours = len(_flag(word)) > 1 and f"--{_flag(word)}" in names
    return f"-{word}" if is_ours and not word.startswith("--") else word


def _refuse(ours: list[str], number: int, extra: list[str], ctx: click.Context) -> None:
    """Refuse an option of caffe's own, with the line that passes it on.

    Raises:
        UsageError: always.
    """
    is_single = "=" in ours[number] or number + 1 == len(ours) or ours[number + 1].startswith("-")
    end = number + (1 if is_single else 2)
    words = [*ours[:number], *ours[end:], "--", *ours[number:end], *extra]
    line = command_in_shell([*ctx.command_path.split()[1:], *words])
    raise UsageError(f"{ours[number]} is an option of caffe's own, which goes after --", hint=line)
