"""Write docs/layers.md from the registries of the engines: `layers.py [--check]`.

With --check nothing is written, and the exit code is 1 where the page would change.
"""

from __future__ import annotations

import ast
import sys

from generated_page import ROOT, cell, write_or_check

from ssdh_surgery.engines.onnx.registry import is_expressible
from ssdh_surgery.engines.torch.net.registry import REGISTRY

LAYERS = ROOT / "ssdh_surgery" / "engines" / "torch" / "layers"

HEAD = """\
# Layers of the embedded engine

The engine runs these layer types with the numbers of BVLC Caffe 1.0, on CPU and GPU. A net with \
any other type (`Python`, `LSTM`, SSD's `PriorBox`, ...) is refused before anything starts, with \
the layer and its line; `--engine binary` hands it to a Caffe that has it.

Those with a yes under ONNX are written by `ssdh export`, too, and run by `ssdh encode \
--engine onnx`; losses, accuracies and what reads data have no place in a deploy net.

This page is made by `tools/docs/layers.py` from the registries and the layers' own descriptions.

| Type | What it does | ONNX | Where |
| --- | --- | --- | --- |
"""

TAIL = """
## Where the numbers could surprise

- **In place.** Caffe's layers read their blobs again on the way back. If a layer in place has \
written over them meanwhile, the gradient is taken at the new values: a `Sigmoid` below a \
`Dropout` in place does not have its mathematical gradient. The engine gives Caffe's numbers \
there. The gradients of `Power`, `Log`, `LRN` and `MVN` in place have nothing to do with the \
loss in Caffe; the engine gives the right ones.
- **Views.** In Caffe the tops of `Flatten` and `Reshape`, and of a `Concat` or `Slice` of one \
blob, share their bottom's memory, so that a layer in place on such a top changes the bottom, too, \
for every other layer that reads it. Here it does not.
- **Labels** outside the classes are an error that names the label. Caffe reads memory that is \
not its own, trains on garbage and exits with 0.
- **Empty windows.** A pooling stride beyond the kernel can leave a last window empty. The value \
is Caffe's; the gradient goes nowhere, where Caffe writes outside of the blob.
- **Frozen layers.** The backward pass stops below the lowest layer that learns, as in Caffe. \
`BatchNorm` counts as frozen whether or not its `param`s say so.
- **Diffs that are not added up.** A `Scale` of a batch of one, and `Parameter`, write their \
param's diff where other layers add to it: with `iter_size` the last pass alone counts. So it is \
in Caffe, and here.
- **Random numbers** (fillers, dropout, `DummyData`) follow Caffe's distributions, not its \
sequences.
- `Pooling` with `STOCHASTIC`, `Convolution` over more than three spatial axes, and `Im2col` \
over other than two, are refused.

## Adding a layer

Enter what is known of the type in `ssdh_surgery/caffe/net/layer_rules.py`. Its shapes, and what \
Caffe refuses of it, are a rule in `ssdh_surgery/caffe/shapes/`, named in `rules.py`. Then write \
a subclass of `Layer` (or of `NeuronLayer`, for one top of the bottom's shape) in \
`ssdh_surgery/engines/torch/layers/`: `layer_setup` makes params, `forward` the tops; autograd \
does the rest. Name it in `registry.py`, run `tools/docs/layers.py`, and add it to the catalogue \
in `tests/support/layer_catalogue.py`, which the real Caffe is asked about. For ONNX write a \
function in `ssdh_surgery/engines/onnx/layers/` and name it in that engine's `registry.py`.
"""


def page() -> str:
    """The text of docs/layers.md."""
    rows = []
    for layer_type, place in sorted(REGISTRY.items(), key=lambda item: item[0].lower()):
        module, _, name = place.partition(":")
        text = cell(_described(module, name))
        onnx = "yes" if is_expressible(layer_type) else ""
        rows.append(f"| `{layer_type}` | {text} | {onnx} | `layers/{module}.py` |\n")
    return HEAD + "".join(rows) + TAIL


def _described(module: str, name: str) -> str:
    """The docstring of a layer's class in one line, read without importing PyTorch."""
    tree = ast.parse((LAYERS / f"{module}.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return " ".join((ast.get_docstring(statement) or "").split())
    raise SystemExit(f"registry.py names {module}:{name}, which does not exist")


if __name__ == "__main__":
    sys.exit(write_or_check("layers.md", page(), "tools/docs/layers.py"))
