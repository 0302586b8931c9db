"""The `ssdh` command: the table of commands, and the one place where errors become exit codes.

A command is imported when it is called, so that `--help` and `--version` import none.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

import click

import ssdh_surgery
from ssdh_surgery import mapped_files
from ssdh_surgery.errors import FileError, SsdhError
from ssdh_surgery.location import Location, set_shell_folder
from ssdh_surgery.signal_actions import end_on_second
from ssdh_surgery.staging import folder_lock

# Each command: its module in this package, and its help line.
COMMANDS = {
    "patch": ("patch", "Put a hash layer into a train net, its test nets and its solver."),
    "train": ("train", "Train a patched net with your Caffe, or with the embedded engine."),
    "runs": ("runs", "List, show, follow and stop runs of training."),
    "log": ("log", "Read the logs of any Caffe: summaries, CSV or JSON."),
    "plot": ("plot", "Plot the losses and scores in logs of training runs."),
    "deploy": ("deploy", "Put the hash layer into the deploy net."),
    "upgrade": ("upgrade", "Upgrade nets, solvers and weights of Caffe's old dialects."),
    "show": ("show", "Show the layers of a net and its heads, or what another file holds."),
    "diff": ("diff", "List the differences between two nets or two solvers."),
    "weights": ("weights", "Show the blobs of weights, and compare weights with others or a net."),
    "check": ("check", "Report what Caffe would refuse, or run without use."),
    "rule": ("rule", "Explain a finding by its code."),
    "data": ("data", "Build LMDBs of images, compute their mean, and inspect them."),
    "export": ("export", "Export a deploy net with its weights to ONNX."),
    "encode": ("encode", "Compute the codes of images: files, folders, lists and LMDBs."),
    "index": ("index", "Build and maintain indexes of codes."),
    "search": ("search", "Find the items with the nearest codes."),
    "evaluate": ("evaluate", "Evaluate codes: mean average precision, its protocol, baselines."),
    "zoo": ("zoo", "List and write the built-in networks."),
    "doctor": ("doctor", "Try every engine, and show what is installed."),
    "completion": ("completion", "Let bash, zsh or fish complete commands and their values."),
}
_HELP = """Turn a trained Caffe classifier into a deep-hashing image-search model.

\b
The whole job, from the folder of your train_val, solver and deploy files:
  ssdh patch train_val.prototxt
  ssdh train --gpu 0 --weights googlenet.caffemodel
  ssdh deploy
"""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    """A group that imports a command when it is called."""

    # The overridden methods are click's.
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module = import_module(f"ssdh_surgery.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        if ctx.resilient_parsing:  # a shell completes the command line
            from ssdh_surgery.cli.completion.values import add_completions

            add_completions(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from ssdh_surgery.errors import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"no such command '{args[0]}'" + (f"; {hint}" if hint else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: click would import every command for its help line.
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=_Commands,
    context_settings=_SETTINGS,
    help=_HELP,
    epilog="\b\nExample:\n  ssdh --version",
)
@click.version_option(ssdh_surgery.__version__, prog_name="ssdh")
@click.option("-C", "folder", metavar="DIR", help="Run as if started in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the answer, warnings and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Print more details.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Color the output; auto honors NO_COLOR (default: auto).",
)
@click.option("--traceback", is_flag=True, help="Print the traceback of an error, for bug reports.")
@click.pass_context
def cli(
    ctx: click.Context,
    folder: str | None,
    quiet: bool,
    verbose: bool,
    color: str,
    traceback: bool,
) -> None:
    """Set the global options of this run."""
    from ssdh_surgery.cli import terminal

    terminal.configure(quiet=quiet, verbose=verbose, color=color)
    set_shell_folder(None)
    if folder is not None:
        from ssdh_surgery.errors import file_errors

        before = os.getcwd()
        with file_errors(folder, "change to the folder"):
            os.chdir(folder)
        if os.getcwd() != before:
            set_shell_folder(before)


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # A shell calls the program to complete a line.
    if "SSDH_COMPLETE" in os.environ:
        from ssdh_surgery.cli.completion.shells import print_completions

        print_completions(cli, os.environ["SSDH_COMPLETE"])
        sys.exit(0)
    # Trees and tokens are many small objects that live to the end: searching them finds nothing.
    gc.set_threshold(100_000)
    # SIGTERM and SIGHUP clean up as Ctrl-C does; a signal that is ignored (`nohup`) stays so.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.default_int_handler:
            end_on_second(number)
    words = sys.argv[1:] if args is None else args
    mapped_files.report_with(lambda error: _report(error, words))
    folder_lock.report_waits_with(_say)
    sys.exit(run(words))


def _say(text: str) -> None:
    from ssdh_surgery.cli import terminal

    terminal.say(text)


def run(args: list[str]) -> int:
    """Run a command line and return its exit code; no exception leaves this function."""
    try:
        result: Any = cli.main(args, prog_name="ssdh", standalone_mode=False)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.exceptions.NoArgsIsHelpError as no_command:
        click.echo(no_command.format_message(), err=True)
        return no_command.exit_code
    except BrokenPipeError:
        # The reader of stdout is gone: nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # never a traceback, unless asked for
        return _report(error, args)
    return result if isinstance(result, int) else 0


def _file_error(error: OSError) -> SsdhError:
    """The error for a file that a library, or Python itself, could not read or write."""
    name, reason = error.filename, error.strerror or str(error)
    if name is None:  # a stream, such as standard output
        return FileError(f"cannot read or write: {reason}", errno=error.errno)
    return FileError(
        f"cannot be used: {reason}",
        location=Location(os.fsdecode(name) if isinstance(name, str | bytes) else str(name)),
        errno=error.errno,
    )


def _report(error: Exception, args: list[str]) -> int:
    """Print an error and return its exit code; what is not ours is reported as a bug."""
    from ssdh_surgery.cli import terminal

    if "--traceback" in args:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = _file_error(error)
    if not isinstance(error, SsdhError | click.ClickException):
        error = SsdhError(
            f"a bug in ssdh-surgery: {type(error).__name__}: {error}",
            hint="please report it with the output of `ssdh --traceback ...` and of "
            "`ssdh doctor --json`",
        )
    terminal.error(error, as_json=not {"--json", "--json-lines"}.isdisjoint(args))
    return error.exit_code
