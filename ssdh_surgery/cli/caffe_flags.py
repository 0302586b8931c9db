"""Options in the spelling of `caffe train`: `-weights X` and `-gpu=1` for `--weights X --gpu 1`."""

from __future__ import annotations

import click

# The key of the words after `--` in a context's `meta`.
EXTRA = f"{__name__}.extra"
# Those of `caffe train` that `ssdh train` passes on only after `--`.
_CAFFE_ONLY = ("level", "stage", "sigint_effect", "sighup_effect", "phase", "model")


class CaffeSpelledCommand(click.Command):
    """A command that also takes its long options with one dash, as Caffe's own flags.

    Words after `--` are for caffe; they are kept in `ctx.meta[EXTRA]`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[EXTRA] = tuple(args[end + 1 :])
        names = {name for param in self.params for name in param.opts if name.startswith("--")}
        return super().parse_args(ctx, [_respelled(word, names, ctx) for word in args[:end]])


def _respelled(word: str, names: set[str], ctx: click.Context) -> str:
    """A word with two dashes, if it is one of our options with one."""
    name = word.lstrip("-").partition("=")[0]
    if not word.startswith("-") or len(name) < 2:
        return word
    if name in _CAFFE_ONLY:
        raise click.UsageError(
            f"{word} is an option of caffe's own: give it after --, for example: "
            f"{ctx.command_path} -- -{name} VALUE",
            ctx,
        )
    is_ours = f"--{name}" in names and not word.startswith("--")
    return f"-{word}" if is_ours else word
