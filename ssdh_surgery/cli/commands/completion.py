"""`ssdh completion`: the script that lets a shell complete commands, options and their values."""

from __future__ import annotations

import click

from ssdh_surgery.cli import terminal

_HELP = """Print the script that lets your shell complete ssdh.

\b
bash, in ~/.bashrc:
  eval "$(ssdh completion bash)"
zsh, in ~/.zshrc after compinit:
  eval "$(ssdh completion zsh)"
fish, in ~/.config/fish/config.fish:
  ssdh completion fish | source

Values are completed, too: blobs and layers of the net on the line, nets of ssdh.toml, snapshots,
files by their endings, presets, and zoo:NAME.
"""


@click.command("completion", help=_HELP, epilog="\b\nExample:\n  ssdh completion bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script."""
    from ssdh_surgery.cli.completion import shells

    terminal.answer_bytes(shells.shell(ctx.find_root().command, shell).source().encode())
