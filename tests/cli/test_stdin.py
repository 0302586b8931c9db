"""`-`: the file goes to stdout, all words to stderr, and no other file is touched."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.retrieval.codes.code_file import write_codes
from support import lenet
from support.command_line import Ssdh, snapshot
from support.small_codes import random_codes

TRAIN = lenet.TRAIN.encode()
SOLVER = lenet.SOLVER.encode()
DEPLOY = lenet.DEPLOY.encode()


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    """A patched folder: stdin must take nothing from it."""
    lenet.write(Path.cwd())
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--latent-name", "codes")
    ssdh("deploy")
    return Path.cwd()


def expected(ssdh: Ssdh, folder: Path, command: str, name: str, *words: str) -> bytes:
    """What the same command writes for the same file in an empty folder."""
    lenet.write(folder)
    ssdh("-C", str(folder), command, f"{name}.prototxt", *words)
    return (folder / f"{name}_ssdh.prototxt").read_bytes()


def test_a_train_net(ssdh: Ssdh, here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = snapshot(here)
    out, err = ssdh.raw("patch", "-", stdin=TRAIN)
    assert snapshot(here) == before
    assert err.startswith("<stdin> (train net)\n     45  + layer[latent_SSDH] InnerProduct")
    assert "next:" not in err
    folder = tmp_path_factory.mktemp("other")
    monkey = expected(ssdh, folder, "patch", "train_val")
    assert out == monkey


def test_a_deploy_net(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    out, err = ssdh.raw("deploy", "-", "--bits", "32", stdin=DEPLOY)
    assert b"num_output: 32" in out
    assert b"latent_SSDH" in out
    assert err.startswith("<stdin> (deploy net)\n")
    assert ssdh.raw("patch", "-", "--bits", "32", stdin=DEPLOY)[0] == out
    assert snapshot(here) == before


def test_a_solver_reads_no_net(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    out, err = ssdh.raw("patch", "-", "--set", "max_iter=7", stdin=SOLVER)
    text = out.decode()
    assert 'net: "train_val_ssdh.prototxt"\n' in text
    assert "base_lr: 0.001\n" in text
    assert "max_iter: 7\n" in text
    assert 'snapshot_prefix: "lenet_ssdh"\n' in text
    assert err.startswith("<stdin> (solver)\n")
    assert snapshot(here) == before
    # Its net is called as a result is: nothing relative a second time.
    again, err = ssdh.raw("patch", "-", stdin=out)
    assert again == out
    assert err == "<stdin> (solver): nothing to do\n"


def test_a_solver_with_its_net_inside(ssdh: Ssdh) -> None:
    inner = "".join(f"  {row}\n" for row in lenet.TRAIN.splitlines())
    text = SOLVER.replace(b'net: "train_val.prototxt"\n', f"net_param {{\n{inner}}}\n".encode())
    out, _ = ssdh.raw("patch", "-", stdin=text)
    assert b'name: "latent_SSDH_encode"' in out
    assert b"base_lr: 0.001" in out
    assert ssdh.raw("patch", "-", stdin=out)[0] == out


@pytest.mark.parametrize("data", [TRAIN, DEPLOY], ids=["train", "deploy"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_with_nothing_to_do_the_input_is_printed(ssdh: Ssdh, data: bytes, newline: bytes) -> None:
    data = (b"\xef\xbb\xbf# caf\xe9\n" + data).replace(b"\n", newline)
    command = "patch" if data.count(b"label") else "deploy"
    once, _ = ssdh.raw(command, "-", stdin=data)
    assert once != data
    twice, err = ssdh.raw(command, "-", stdin=once)
    assert twice == once
    kind = "train" if command == "patch" else "deploy"
    # Caffe does not read the byte order mark.
    assert f"\n<stdin> ({kind} net): nothing to do\n" in err


def test_the_modes(ssdh: Ssdh, here: Path) -> None:
    before = snapshot(here)
    patched, words = ssdh.raw("patch", "-", stdin=TRAIN)
    assert ssdh.raw("patch", "-", "--dry-run", stdin=TRAIN) == (b"", words)
    assert ssdh.raw("patch", "-", "--check", stdin=TRAIN, code=1) == (b"", words)
    assert ssdh.raw("patch", "-", "--check", stdin=patched, code=0)[0] == b""
    diff, err = ssdh.raw("patch", "-", "--diff", stdin=TRAIN)
    assert diff.startswith(b"--- <stdin>\n+++ <stdout>\n@@ -42,14 +42,33 @@\n")
    assert err == words
    assert ssdh.raw("-q", "patch", "-", stdin=TRAIN) == (patched, "")
    assert snapshot(here) == before


def test_check_compares_with_no_file(ssdh: Ssdh, here: Path) -> None:
    patched, _ = ssdh.raw("patch", "-", stdin=TRAIN)
    (here / "stdin_ssdh.prototxt").write_bytes(patched)
    ssdh("patch", "-", "--check", stdin=TRAIN, code=1)


@pytest.mark.parametrize("command", ["patch", "deploy"])
@pytest.mark.parametrize(
    ("words", "name"), [(["--json"], "--json"), (["--out", "x"], "--out"),
                        (["--in-place"], "--in-place")],
)  # fmt: skip
def test_what_does_not_go_with_it(ssdh: Ssdh, command: str, words: list[str], name: str) -> None:
    ran = ssdh(command, "-", *words, stdin=TRAIN, code=2)
    told = f"error: {name} cannot be used with '-': the file goes to stdout\n"
    assert ran.err.startswith(told)
    assert ran.out == ""
    if name == "--json":
        assert ran.error["type"] == "UsageError"
        assert ran.error["message"] == "--json cannot be used with '-': the file goes to stdout"


def test_it_is_alone(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "-", "solver.prototxt", stdin=TRAIN, code=2)
    assert ran.err == ("error: '-' cannot be combined with other files\nhint: ssdh patch --help\n")
    ran = ssdh("patch", "-", "--solver", "solver.prototxt", stdin=TRAIN, code=2)
    assert ran.err == (
        "error: --solver cannot be used with '-': no other file is read\nhint: ssdh patch --help\n"
    )
    ssdh("patch", "-", "--solver", "none", stdin=TRAIN)


def test_errors_say_stdin(ssdh: Ssdh) -> None:
    ran = ssdh("patch", "-", stdin=b"layer {\n  name: fc8 }\n}", code=3)
    assert ran.err.startswith("<stdin>:3:1: ")
    ran = ssdh("patch", "-", "--at", "ip7", stdin=TRAIN, code=3)
    assert ran.err == ("<stdin>: no blob or layer is called 'ip7'\nhint: did you mean 'ip2'?\n")
    ran = ssdh("deploy", "-", stdin=b"", code=3)
    assert ran.err == "<stdin>: the file is empty\n"
    ran = ssdh("deploy", "-", "--from", "deploy", stdin=TRAIN, code=3)
    assert ran.err == "<stdin>: a deploy net is needed, but this is a train net\n"


def test_reading_commands_take_it(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("diff", "-", "train_val_ssdh.prototxt", stdin=TRAIN, code=1)
    assert "+ layer[codes] InnerProduct ip1 -> codes\n" in ran.out
    ran = ssdh("diff", "train_val.prototxt", "-", "--json", stdin=TRAIN)
    assert ran.json == {"changes": []}
    ran = ssdh("diff", "-", "-", stdin=TRAIN, code=2)
    assert ran.err == ("error: only one of the two can be standard input\nhint: ssdh diff --help\n")
    assert "ip2" in ssdh("show", "-", stdin=TRAIN).out


def test_lists_of_pictures(ssdh: Ssdh) -> None:
    lines = []
    for number in range(2000):  # longer than what is read of a file at once
        lines.append(f"picture{number % 10}.png {number % 10}\n")
        cv2.imwrite(f"picture{number % 10}.png", np.full((4, 4, 3), number % 10, np.uint8))
    data = "".join(lines).encode()
    assert ssdh("data", "build", "-", "a_lmdb", stdin=data).out.startswith(
        "wrote a_lmdb: 2,000 records\n"
    )
    told = ssdh("data", "mean", "-", "--json", stdin=data)
    assert json.loads(told.out)["channels"] == [4.5, 4.5, 4.5]
    err = ssdh("data", "build", "-", "b_lmdb", stdin=b"picture0.png x\n", code=3).err
    assert "<stdin>:1: error SSDH606 label-not-a-number" in err
    Path("deploy.prototxt").write_text(
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }\n'
        'layer { name: "code" type: "Sigmoid" bottom: "data" top: "code" }\n'
    )
    open_net("deploy.prototxt").save("a.caffemodel")
    net = ("--weights", "a.caffemodel", "--resize", "none", "--deploy")
    ssdh("encode", "-", "-o", "a.npz", *net, "deploy.prototxt", stdin=data)
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe, ThreadPoolExecutor(1) as pool:
        written = pool.submit(lambda: (pipe.write(data), pipe.close()))
        ssdh("encode", f"/dev/fd/{reader}", "-o", "b.npz", *net, "deploy.prototxt")
        written.result()
    os.close(reader)
    for name in "ab":
        with np.load(f"{name}.npz") as codes:
            assert codes["labels"].tolist() == [number % 10 for number in range(2000)]


def test_a_net_that_encodes(ssdh: Ssdh) -> None:
    cv2.imwrite("picture.png", np.eye(4, dtype=np.uint8))
    text = (
        'input: "data" input_shape { dim: 1 dim: 1 dim: 4 dim: 4 }\n'
        'layer { name: "code" type: "Sigmoid" bottom: "data" top: "code" }\n'
    )
    Path("deploy.prototxt").write_text(text)
    open_net("deploy.prototxt").save("a.caffemodel")
    for engine in ("onnx", "torch"):
        words = ("encode", "picture.png", "--weights", "a.caffemodel", "--engine", engine)
        told = ssdh(*words, "--deploy", "-", "-o", "a.npz", "--force", stdin=text.encode())
        assert told.err.startswith("<stdin> with a.caffemodel: 'code', by ")
        ssdh(*words, "--deploy", "deploy.prototxt", "-o", "b.npz", "--force")
        with np.load("a.npz") as one, np.load("b.npz") as other:
            assert np.array_equal(one["codes"], other["codes"])
            assert str(one["recipe"]) == str(other["recipe"])


def test_a_net_of_the_zoo_encodes(ssdh: Ssdh) -> None:
    cv2.imwrite("picture.png", np.eye(28, dtype=np.uint8))
    ssdh("zoo", "write", "lenet")
    open_net("deploy.prototxt").save("lenet.caffemodel")
    net = ("--deploy", "zoo:lenet/deploy", "--weights", "lenet.caffemodel", "--blob", "ip1")
    assert (
        "wrote a.npz: 1 feature of 500 values"
        in ssdh("encode", "picture.png", *net, "-o", "a.npz").out
    )


@pytest.mark.parametrize("form", ["npz", "h5", "parquet"])
def test_codes(ssdh: Ssdh, form: str) -> None:
    write_codes(f"c.{form}", random_codes(20, 12, 3, seed=0))
    write_codes("d.npz", random_codes(30, 12, 3, seed=1))
    data = Path(f"c.{form}").read_bytes()
    words = ("evaluate", "--database", "d.npz", "--json", "--queries")
    expected = json.loads(ssdh(*words, f"c.{form}").out)
    told = json.loads(ssdh(*words, "-", stdin=data).out)
    assert told["protocol"]["queries"] == {"file": "<stdin>", "items": 20}
    assert (told["map"], told["curve"]) == (expected["map"], expected["curve"])
    ssdh("index", "build", "-", "-o", "c.index", stdin=data)
    assert "20 codes" in ssdh("index", "info", "c.index").out
    err = ssdh(*words, "-", stdin=data[:300], code=3).err
    assert err.startswith("<stdin>: ")
    assert "/tmp" not in err
