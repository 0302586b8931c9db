"""Record what protobuf's C++ parser, the one inside Caffe, says of values: value_verdicts.tsv.

    python tests/support/record_value_verdicts.py > tests/caffe/messages/value_verdicts.tsv

needs `protoc`, best of the series that Caffe is built with (Debian: protobuf-compiler 3.21):
`protoc --encode` runs `TextFormat::Parse`. Fields of every kind of Caffe's schema get every kind
of value. A row has a message, a text, and what protoc prints: nothing where it reads the text.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "ssdh_surgery" / "caffe" / "messages"
FIELDS = {
    "NetParameter": [
        "name",
        "layer { type",
        "layer { bottom",
        "layers { type",
        "layers { param",
        "layers { blobs_lr",
        "layer { param",
        "layer { param { lr_mult",
        "layer { include",
        "layer { include { phase",
        "layer { include { min_level",
        "layer { loss_weight",
        "layer { propagate_down",
        "layer { inner_product_param { num_output",
        "layer { inner_product_param { bias_term",
        "layer { inner_product_param { weight_filler",
        "layer { pooling_param { pool",
        "layer { convolution_param { kernel_size",
        "layer { convolution_param { axis",
        "layer { input_param { shape { dim",
        "layer",
        "layers { layer",
    ],
    "SolverParameter": ["net", "base_lr", "max_iter", "solver_mode", "debug_info", "random_seed"],
}
VALUES = [
    *[
        "word",
        "TRAIN",
        "Train",
        "max",
        "innerproduct",
        "gpu",
        "true",
        "yes",
        "inf",
        '"text"',
        '"1"',
        "'true'",
        "0",
        "1",
        "2",
        "7",
    ],
    *["-1", "-0.5", "1.5", "1e5", "5000000000", "-5000000000", "0x10", "99999999999999999999"],
    *["{}", "<>", "[1, 2]", '["a", "b"]', "[{}]", "[word]", "[]", "-inf", ".5f"],
]


def texts() -> list[tuple[str, str]]:
    """Each message with a text; a message can follow its field without a colon."""
    rows = []
    for message, fields in FIELDS.items():
        for field in fields:
            ends = "}" * field.count("{")
            rows += [(message, f"{field}: {value} {ends}".rstrip()) for value in VALUES]
            rows.append((message, f"{field} {{}} {ends}".rstrip()))
    return rows


def verdict(message: str, text: str) -> str:
    """The first line that protoc prints of a text; empty where it accepts it."""
    command = ["protoc", f"-I{FOLDER}", f"--encode=ssdh_caffe.{message}", "ssdh_caffe.proto"]
    ran = subprocess.run(command, input=text, capture_output=True, check=False, encoding="latin-1")
    # It accepts a text that lacks required fields with a warning.
    return ran.stderr.splitlines()[0] if ran.returncode else ""


def main() -> None:
    """Print the table."""
    version = subprocess.check_output(["protoc", "--version"], text=True).split()[-1]
    print(f"# protoc {version}, recorded by record_value_verdicts.py")
    for message, text in texts():
        print(message, text, verdict(message, text), sep="\t")


if __name__ == "__main__":
    main()
