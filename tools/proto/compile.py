"""Compile ssdh_caffe.proto to type stubs and to the descriptor set that the package ships.

python tools/proto/compile.py            write both
python tools/proto/compile.py --check    exit 1 if either differs from the compiler's output

The compiler has an environment of its own below build/, made at the first run: its dependencies
must not decide which version of protobuf the project is tested with.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGE = ROOT / "ssdh_surgery" / "caffe" / "messages"
REQUIREMENTS = HERE / "requirements.txt"

DESCRIPTOR_SET = "ssdh_caffe.desc"
STUBS = "ssdh_caffe_pb2.pyi"
# protoc writes `Mapping` without type parameters, which mypy refuses in strict mode.
STUBS_HEADER = """\
# Made from ssdh_caffe.proto by `make proto`: types only, there is no module behind them.
# mypy: disable-error-code="type-arg"
# ruff: noqa
# fmt: off
"""


def compiler() -> Path:
    """The Python of the environment with the pinned compiler, which is made if needed."""
    pin = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = ROOT / "build" / f"proto-{pin}"
    python = home / "bin" / "python"
    finished = home / "finished"
    if not finished.exists():
        venv.create(home, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([python, *install, "-r", REQUIREMENTS], check=True)
        finished.touch()
    return python


def compile_schema() -> dict[str, bytes]:
    """Compile the .proto file: the bytes of the two files by name."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                compiler(),
                *("-m", "grpc_tools.protoc", f"--proto_path={PACKAGE}"),
                *(f"--descriptor_set_out={folder}/{DESCRIPTOR_SET}", f"--pyi_out={folder}"),
                "ssdh_caffe.proto",
            ],
            check=True,
        )
        descriptor_set = (Path(folder) / DESCRIPTOR_SET).read_bytes()
        stubs = STUBS_HEADER.encode() + (Path(folder) / STUBS).read_bytes()
    return {DESCRIPTOR_SET: descriptor_set, STUBS: stubs}


def main(arguments: list[str]) -> int:
    """Write the compiled files, or with --check compare them with the existing ones."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: compile.py [--check]\n")
        return 2
    code = 0
    for name, content in compile_schema().items():
        path = PACKAGE / name
        if path.exists() and path.read_bytes() == content:
            continue
        if arguments:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run make proto\n")
            code = 1
        else:
            path.write_bytes(content)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
