"""How patched files are shown: a summary, a diff or JSON, alike for patch, deploy and upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.changes import change_json, describe_change
from ssdh_surgery.cli.writing import outcome
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.edit.result import FileResult, Results
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan, unified_diff
from ssdh_surgery.pipeline.files.sources import NETS

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.inspect.cost import Cost, HashCost

# Further lines of a change begin after its line number and its sign.
_CHANGE_INDENT = 11


def show(patched: Results, plan: WritePlan, *, json: bool) -> int:
    """Show what was written or would be, and return the exit code."""
    terminal.warn_of(finding for file in patched.files for finding in file.source.findings)
    of_files = (warning for file in patched.files for warning in file.warnings)
    for warning in (*of_files, *patched.warnings):
        terminal.warn(warning)
    if patched.files[0].source.is_stdin:
        _pass_on(patched.files[0], plan)
    elif json:
        terminal.answer_json(as_json(patched))
    elif plan.mode is Mode.DIFF:
        for file in patched.files:
            if file.is_changed:
                terminal.answer_diff(unified_diff(file.as_text, file.source.name))
    else:
        _summary(patched, plan)
    return 1 if plan.mode is Mode.CHECK and any(map(_would_change, patched.files)) else 0


def as_json(patched: Results) -> dict[str, Any]:
    """The answer of `patch --json` and `deploy --json`."""
    return {
        "files": [
            {
                "source": file.source.name,
                "output": str(file.output.path),
                "kind": file.source.kind.value,
                "changes": [
                    {**change_json(change), "line": change.line} for change in file.differences
                ],
            }
            for file in patched.files
        ],
        "workspace": _workspace_path(patched),
    }


def _workspace_path(patched: Results) -> str | None:
    if patched.workspace is None or not patched.workspace.nets:
        return None
    from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

    return str(relative_to_cwd(patched.workspace.path))


def _would_change(file: FileResult) -> bool:
    if file.source.is_stdin:
        return file.is_changed
    return file.is_result and not file.output.is_written


def _pass_on(file: FileResult, plan: WritePlan) -> None:
    """From standard input: the file to stdout, the words to stderr."""
    terminal.answer_to_stderr()
    if plan.mode is Mode.DIFF:
        terminal.answer_diff(unified_diff(file.as_text, file.source.name, "<stdout>"))
    elif plan.mode is Mode.WRITE:
        terminal.answer_bytes(file.output.data)
    _describe(file, "" if file.is_changed else "nothing to do")


def _summary(patched: Results, plan: WritePlan) -> None:
    is_full = plan.mode is Mode.DRY_RUN or terminal.is_verbose()
    is_short = not is_full and _is_repeated(patched)
    if is_short:
        titles = [_title(each, _outcome(each, patched, plan)) for each in patched.files]
        terminal.prose("; ".join(titles))
    else:
        for file in patched.files:
            _describe(file, _outcome(file, patched, plan))
    for note in patched.notes:
        terminal.say(f"note: {note}")
    if patched.next_command and plan.mode is Mode.WRITE and not is_short:
        terminal.remark(f"next: {patched.next_command}")


def _is_repeated(patched: Results) -> bool:
    """Whether an earlier run wrote these very results, and told all about them."""
    results = [file.output for file in patched.files if file.is_result]
    return bool(results) and all(
        output.is_written and output.path not in patched.written for output in results
    )


def _outcome(file: FileResult, patched: Results, plan: WritePlan) -> str:
    return outcome(file.output, plan, patched.written) if file.is_result else "nothing to do"


def _describe(file: FileResult, words: str) -> None:
    terminal.prose(_title(file, words))
    for change in file.differences:
        terminal.prose(f"  {change.line:>5}  {describe_change(change)}", _CHANGE_INDENT)
    for line in _cost_lines(file):
        terminal.remark(f"  {line}")
    for note in file.all_notes:
        terminal.remark(f"  note: {note}")


def _title(file: FileResult, words: str) -> str:
    title = f"{terminal.path_text(file.source.name)} ({file.source.kind})"
    return f"{title}: {words}" if words else title


# ---------------------------------------------------------------- what hashing costs a net


def _cost_lines(file: FileResult) -> list[str]:
    """The cost of a net's hash layer; nothing for other files, or if nothing changed."""
    if not file.is_changed or file.source.kind not in NETS:
        return []
    from ssdh_surgery.pipeline.files.caffe_paths import working_folders
    from ssdh_surgery.pipeline.inspect.cost import hash_cost

    nets = net_of(file.source.document), net_of(file.after)
    cost = hash_cost(*nets, folders=working_folders(file.source.path))
    return [] if cost is None else [*_layer_lines(cost), *_code_lines(cost)]


def _layer_lines(cost: HashCost) -> list[str]:
    """Params and multiply-adds, if the shapes of the data are known."""
    counts = [cost.latent, cost.before, cost.after]
    if any(count.params is None or count.macs is None for count in counts):
        return []
    latent = f"{cost.latent.params:,} params and {cost.latent.macs:,} multiply-adds per image"
    return [
        f"cost: the latent layer has {latent}",
        f"      the net has {_from_to(cost.before, cost.after)}",
    ]


def _from_to(before: Cost, after: Cost) -> str:
    return (
        f"{after.params:,} params (before: {before.params:,}) and {after.macs:,} multiply-adds "
        f"per image (before: {before.macs:,})"
    )


def _code_lines(cost: HashCost) -> list[str]:
    if cost.bits is None or cost.code_bytes is None:
        return []
    line = f"code: {count_text(cost.bits, 'bit')}, {count_text(cost.code_bytes, 'byte')} per image"
    if cost.feature_bytes is not None:
        times = cost.feature_bytes / cost.code_bytes
        line += (
            f"; the features '{cost.features}' take {count_text(cost.feature_bytes, 'byte')}, "
            f"{times:,.0f} times as much"
        )
    return [line]
