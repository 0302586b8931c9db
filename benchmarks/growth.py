"""CPU time of editing long nets: `upgrade` of a V1 net, `patch` and `deploy` of a deep one.

python benchmarks/growth.py [LAYERS]

Each command runs in a process of its own on a net of LAYERS layers (2000) and on one of twice as
many. The time per layer should stay about the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_LAYER = """{field} {{
  name: "conv{index}"
  type: {kind}
  bottom: "{below}"
  top: "conv{index}"
  convolution_param {{
    num_output: 3
    pad: 1
    kernel_size: 3
    weight_filler {{
      type: "xavier"
    }}
  }}
}}
"""
_INPUT = 'name: "long"\ninput: "data"\ninput_dim: 1\ninput_dim: 3\ninput_dim: 8\ninput_dim: 8\n'
_DATA = """layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  transform_param {
    crop_size: 8
  }
  data_param {
    source: "lmdb"
    batch_size: 1
  }
}
"""
_CLASSIFIER = """layer {{
  name: "fc"
  type: "InnerProduct"
  bottom: "{below}"
  top: "fc"
  inner_product_param {{
    num_output: 10
  }}
}}
layer {{
  name: "loss"
  type: "{kind}"
  bottom: "fc"
  {rest}
}}
"""


def convolutions(count: int, field: str, kind: str) -> str:
    names = ["data", *(f"conv{index}" for index in range(count))]
    return "".join(
        _LAYER.format(field=field, kind=kind, index=index, below=names[index])
        for index in range(count)
    )


def texts(count: int) -> dict[str, str]:
    """The net of each command."""
    layers, below = convolutions(count, "layer", '"Convolution"'), f"conv{count - 1}"
    loss = _CLASSIFIER.format(
        below=below, kind="SoftmaxWithLoss", rest='bottom: "label"\n  top: "loss"'
    )
    return {
        "upgrade": _INPUT + convolutions(count, "layers", "CONVOLUTION"),
        "patch": 'name: "long"\n' + _DATA + layers + loss,
        "deploy": _INPUT
        + layers
        + _CLASSIFIER.format(below=below, kind="Softmax", rest='top: "p"'),
    }


def cpu_seconds(command: str, text: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "net.prototxt").write_text(text)
        before = os.times().children_user
        words = [sys.executable, "-m", "ssdh_surgery", command, "net.prototxt", "--dry-run"]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
        return os.times().children_user - before


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    large = texts(2 * count)
    for command, text in texts(count).items():
        one, two = cpu_seconds(command, text), cpu_seconds(command, large[command])
        print(
            f"{command:8} {count:6} layers {one:6.2f} s  {2 * count:6} layers {two:6.2f} s  "
            f"{two / one:5.2f} times"
        )


if __name__ == "__main__":
    main()
