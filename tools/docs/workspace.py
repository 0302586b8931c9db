"""Write docs/workspace.md, its options from the table of options: `workspace.py [--check]`.

With --check, nothing is written, and the exit code is 1 if the page would change.
"""

from __future__ import annotations

import sys

from generated_page import cell, write_or_check

from ssdh_surgery.pipeline.settings.options import OPTIONS, Option

HEAD = """\
# The workspace: `ssdh.toml`

`ssdh patch` writes `ssdh.toml` next to the net. It records what was patched, how, and the names \
of the results, so that the commands that follow need no options. Commands look for it in the \
current directory and its parents, as git does. With several nets in it, they list them and ask \
for `--net STEM`.

- The file contains values, paths and hashes, and never a time: the same commands write the same \
bytes, so it can be kept under version control.
- Paths are relative to its own folder.
- It is edited in place: your comments, your order and your own keys stay.
- An option on the command line overrides the value here. With enough options, no workspace \
is needed.
- If a source file changed since it was patched, a warning names the command that patches it again.

```toml
version = 1

[nets.train_val]
train = "train_val_ssdh.prototxt"
train_source = "train_val.prototxt"
solver = "solver_ssdh.prototxt"
solver_source = "solver.prototxt"
snapshot_prefix = "lenet_ssdh"
remove = "comment"
classifier_source = "ip2"
bits = 48
features = "ip1"
latent = "latent_SSDH"
code = "latent_SSDH_encode"
classifier = "ip2_change"
classes = 10
objective = "sigmoid"
scale = 0.00390625
channels = "BGR"

[nets.train_val.options]
lr_divide = 1
```

This is what `ssdh patch train_val.prototxt --bits 48 --lr-divide 1` records for LeNet, without \
the two tables of hashes.

## `[nets.STEM]`: one table for each train net

STEM is the name of the train net's file, without its ending.

| Key | Value |
| --- | --- |
| `train`, `solver`, `deploy` | The files that were written. |
| `train_source`, `solver_source`, `deploy_source` | The files that they were made from; \
`zoo:NAME` for a built-in net. |
| `snapshot_prefix` | The prefix of the solver's snapshots, as caffe sees it: relative to the \
folder that caffe runs in. |
| `features` | The blob that is hashed. |
| `classifier_source`, `classifier` | The name of the classifier before and after. |
| `classes` | The number of classes. |
| `objective` | `sigmoid` or `ssdh`. |
| `crop`, `mean_value`, `mean_file`, `scale` | The transform of the net's `transform_param`, which \
`encode` and `search` apply to images. |
| `channels` | The order of channels in the net's input: `BGR`, `RGB` or `gray`. |
| `resize` | `[width, height]` of an image before the crop, which no prototxt states: the size of \
the training records, or the value of `ssdh encode --resize`. |
"""

TAIL = """
## `[nets.STEM.sources]` and `[nets.STEM.written]`

The SHA-256 of each source when it was patched, and of each file that was written. They tell a \
source that changed since from one that did not, and a file of ours from one of yours.

## To forget a net

Delete its tables, or delete `ssdh.toml`: no command needs it to read a net, and `ssdh patch \
--force` writes it again.
"""


def page() -> str:
    """The text of docs/workspace.md."""
    own = [option for option in OPTIONS.values() if option.net_key is not None]
    others = [option for option in OPTIONS.values() if option.net_key is None]
    return (
        HEAD
        + "".join(
            f"| `{option.key}` | {cell(option.help)} (`{option.flag}`). |\n" for option in own
        )
        + "\n## `[nets.STEM.options]`: the options that were set\n\n"
        "The options of `ssdh patch` and `ssdh deploy`, by their long names. They apply again when "
        "the net is patched again.\n\n"
        "| Key | Value | Meaning |\n| --- | --- | --- |\n" + "".join(map(_row, others)) + TAIL
    )


def _own_row(option: Option) -> str:
    return f"| `{option.key}` | {cell(option.help)} (`{option.flag}`). |\n"


def _row(option: Option) -> str:
    requirement = option.type.requirement
    return f"| `{option.key}` | {cell(requirement)} | {cell(option.help_line)} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check("docs/workspace.md", page(), "tools/docs/workspace.py"))
