"""Compile ssdh_caffe.proto to the descriptor set that is shipped and to type stubs.

python tools/proto/compile.py            write both
python tools/proto/compile.py --check    exit 1 if either is not what the compiler makes

The compiler lives in an environment of its own below build/, made at the first run: what it
depends on shall not decide which protobuf the project is tested with.
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
# protoc leaves `Mapping` without its parameters, which mypy's strict mode refuses.
STUBS_HEADER = """\
# Made from ssdh_caffe.proto by `make proto`: types only, there is no module behind them.
# mypy: disable-error-code="type-arg"
# ruff: noqa
# fmt: off
"""


def compiler() -> Path:
    """The Python of the environment that holds the pinned compiler."""
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


def compiled() -> dict[str, bytes]:
    """What the compiler makes of the .proto file, by file name."""
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
    """Write the compiled files, or with --check compare them with what is there."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: compile.py [--check]\n")
        return 2
    code = 0
    for name, made in compiled().items():
        path = PACKAGE / name
        if path.exists() and path.read_bytes() == made:
            continue
        if arguments:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current: run make proto\n")
            code = 1
        else:
            path.write_bytes(made)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
