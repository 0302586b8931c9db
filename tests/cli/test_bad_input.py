"""What is wrong, told in a sentence with its place; the whole message, and the exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from ssdh_surgery.caffe.messages import schema
from support import lenet
from support.command_line import Ssdh, snapshot

CLASSIFIER = """\
layer {{
  name: "{0}"
  type: "InnerProduct"
  bottom: "data"
  top: "{0}"
  inner_product_param {{ num_output: {1} }}
}}
layer {{ name: "loss_{0}" type: "SoftmaxWithLoss" bottom: "{0}" bottom: "label" top: "loss_{0}" }}
"""
HEADS = CLASSIFIER.format("a", 10) + CLASSIFIER.format("b", 20)
DATA = """\
layer {
  name: "data"
  type: "Data"
  top: "data"
  top: "label"
  data_param { source: "lmdb" batch_size: 1 backend: LMDB }
}
"""


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    return Path.cwd()


def refused(ssdh: Ssdh, here: Path, *words: str, code: int = 3) -> str:
    """What a command says that changes nothing."""
    before = snapshot(here)
    ran = ssdh(*words, code=code)
    assert ran.out == ""
    assert snapshot(here) == before
    return ran.err


def test_no_prototxt(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_text("import caffe\nnet = caffe.Net()\n")
    assert refused(ssdh, here, "patch", "x.prototxt") == (
        "x.prototxt:1:8: expected ':' or '{' after 'import', found 'caffe'\n"
        "  1 | import caffe\n"
        "    |        ^^^^^\n"
        "hint: this looks like a Python script: run it, and give the prototxt that it writes\n"
    )


def test_an_empty_file(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_bytes(b" \n\n")
    assert refused(ssdh, here, "patch", "x.prototxt") == "x.prototxt: the file is empty\n"


def weights() -> bytes:
    net = schema.NetParameter()
    layer = net.layer.add(name="ip1", type="InnerProduct")
    layer.blobs.add(data=[0.5] * 20).shape.dim.extend([4, 5])
    return net.SerializeToString()


def test_a_caffemodel(ssdh: Ssdh, here: Path) -> None:
    (here / "x.caffemodel").write_bytes(weights())
    assert refused(ssdh, here, "patch", "x.caffemodel") == (
        "x.caffemodel: a .caffemodel, not a prototxt\nhint: give weights with --weights\n"
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file, not a prototxt"),
        (b"PK\3\4\x14\0", "an archive of arrays (.npz), not a prototxt"),
        (b"\x7fELF\x02\x01\x01\0", "a binary file, not a prototxt"),
        ("layer {}".encode("utf-16-be"), "a binary file, not a prototxt"),
    ],
)
def test_other_binary_files(ssdh: Ssdh, here: Path, data: bytes, what: str) -> None:
    (here / "x").write_bytes(data)
    assert refused(ssdh, here, "patch", "x") == f"x: {what}\n"


def test_an_lmdb(ssdh: Ssdh, here: Path) -> None:
    with lmdb.open(str(here / "x lmdb")):
        pass
    assert refused(ssdh, here, "deploy", "x lmdb") == (
        "x lmdb: an LMDB, not a prototxt\nhint: ssdh data show 'x lmdb'\n"
    )


@pytest.mark.parametrize("command", ["patch", "upgrade", "show"])
def test_utf_16(ssdh: Ssdh, here: Path, command: str) -> None:
    (here / "x").write_bytes("layer {}".encode("utf-16"))
    assert refused(ssdh, here, "deploy", "x") == (
        "x: the file is UTF-16, not a prototxt\nhint: save it as UTF-8\n"
    )


def test_a_prototxt_for_weights(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    ran = ssdh("train", "--weights", "train_val.prototxt", code=3)
    assert "train_val.prototxt" in ran.err


def test_a_solver_where_a_net_is_needed(ssdh: Ssdh, here: Path) -> None:
    assert refused(ssdh, here, "deploy", "solver.prototxt") == (
        "solver.prototxt: a net is needed, but this is a solver\n"
    )


def test_a_net_where_a_solver_is_needed(ssdh: Ssdh, here: Path) -> None:
    words = ("patch", "train_val.prototxt", "--solver", "deploy.prototxt")
    assert refused(ssdh, here, *words) == (
        "deploy.prototxt: a solver is needed, but this is a deploy net\n"
    )


def test_neither(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_text('item { name: "aeroplane" label: 1 }\n')
    for words in (("patch", "x.prototxt"), ("diff", "x.prototxt", "solver.prototxt")):
        assert (
            refused(ssdh, here, *words)
            == "x.prototxt: a net or a solver is needed, but this is neither\n"
        )
    assert refused(ssdh, here, "deploy", "x.prototxt") == (
        "x.prototxt: a net is needed, but this is neither a net nor a solver\n"
    )
    words = ("patch", "train_val.prototxt", "--solver", "x.prototxt")
    assert refused(ssdh, here, *words) == (
        "x.prototxt: a solver is needed, but this is neither a net nor a solver\n"
    )


def test_a_net_and_a_solver_have_nothing_to_compare(ssdh: Ssdh, here: Path) -> None:
    assert refused(ssdh, here, "diff", "train_val.prototxt", "solver.prototxt") == (
        "solver.prototxt: this is a solver, and train_val.prototxt is a train net: there is "
        "nothing to compare\n"
    )


def test_no_classifier(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_text(
        DATA + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" }\n'
    )
    assert refused(ssdh, here, "patch", "x.prototxt") == (
        "x.prototxt:8:15: no classifier found: SoftmaxWithLoss layer 'loss' judges 'data', and "
        "Data layer 'data' is not a classifier\n"
        '  8 | layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" }\n'
        "    |               ^^^^^^\n"
        "hint: --head LAYER, if a layer of the net classifies whole images; "
        "ssdh show x.prototxt lists the layers\n"
    )


def test_several_classifiers(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_text(DATA + HEADS)
    assert refused(ssdh, here, "patch", "x.prototxt") == (
        "x.prototxt: several classifiers have the same weight:\n"
        "  a (line 8): 10 classes on 'data', weight 1, 2 layers deep\n"
        "  b (line 16): 20 classes on 'data', weight 1, 2 layers deep\n"
        "hint: choose one with --head, for example --head a\n"
    )
    ssdh("patch", "x.prototxt", "--head", "b")


@pytest.mark.parametrize("command", ["patch", "deploy"])
def test_an_unknown_blob(ssdh: Ssdh, here: Path, command: str) -> None:
    name = "train_val.prototxt" if command == "patch" else "deploy.prototxt"
    assert refused(ssdh, here, command, name, "--at", "rellu1") == (
        f"{name}: no blob or layer is called 'rellu1'\nhint: did you mean 'relu1'?\n"
    )


def test_a_blob_above_the_classifier(ssdh: Ssdh, here: Path) -> None:
    assert refused(ssdh, here, "patch", "train_val.prototxt", "--at", "loss") == (
        "train_val.prototxt:47:9: blob 'loss' is not below the classifier 'ip2'\n"
        '  47 |   name: "ip2"\n'
        "     |         ^^^^^\n"
        "hint: choose a blob that the classifier depends on\n"
    )


def test_an_unknown_head(ssdh: Ssdh, here: Path) -> None:
    assert refused(ssdh, here, "patch", "train_val.prototxt", "--head", "ip3") == (
        "train_val.prototxt: no layer or blob is called 'ip3'\nhint: did you mean 'ip2'?\n"
    )
    assert refused(ssdh, here, "patch", "train_val.prototxt", "--head", "conv1") == (
        "train_val.prototxt: 'conv1' belongs to no classifier; the net has:\n"
        "  ip2 (line 46): 10 classes on 'ip1', weight 1, 5 layers deep\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bits", "0"], "Invalid value for '--bits': 0 is not in the range 1<=x<=65536."),
        (["--bits", "many"], "Invalid value for '--bits': 'many' is not a valid integer range."),
        (
            ["--filler", "uniform"],
            "Invalid value for '--filler': 'uniform' is not a filler (gaussian:STD, xavier, "
            "xavier:fan_in|fan_out|average, or msra)",
        ),
        (["--bias", "one"], "Invalid value for '--bias': 'one' is not a number"),
        (["--bias", "nan"], "Invalid value for '--bias': 'nan' is not a number"),
        (
            ["--lr-mult", "1"],
            "Invalid value for '--lr-mult': '1' is not a list of 2 numbers, each at least 0",
        ),
        (
            ["--mean-value", "1,2"],
            "Invalid value for '--mean-value': '1,2' is not a list of 1 or 3 numbers",
        ),
        (["--lr-divide", "0"], "Invalid value for '--lr-divide': '0' is not a number above 0"),
        (["--set", "max_iter"], "Invalid value for '--set': 'max_iter' is not FIELD=VALUE"),
        (
            ["--remove", "hide"],
            "Invalid value for '--remove': 'hide' is not one of 'comment', 'delete'.",
        ),
        (["--latent-name", ""], "Invalid value for '--latent-name': '' is not a non-empty string"),
        (
            ["--mean-file", "a", "--mean-value", "1"],
            "--mean-file and --mean-value exclude each other",
        ),
    ],
)
def test_wrong_options(ssdh: Ssdh, here: Path, words: list[str], message: str) -> None:
    said = refused(ssdh, here, "patch", "train_val.prototxt", *words, code=2)
    assert said == f"error: {message}\nhint: ssdh patch --help\n"
    ran = ssdh("patch", "train_val.prototxt", *words, "--json", code=2)
    assert ran.error == {
        "type": "UsageError",
        "message": message,
        "file": None,
        "line": None,
        "column": None,
        "hint": "ssdh patch --help",
    }


def test_an_option_is_known_however_little_the_files_say(ssdh: Ssdh, here: Path) -> None:
    said = refused(ssdh, here, "patch", "train_val.prototxt", "--xyzzy", code=2)
    assert said == "error: No such option '--xyzzy'.\nhint: ssdh patch --help\n"
    said = refused(ssdh, here, "patch", code=2)
    assert said == "error: Missing argument 'FILE...'.\nhint: ssdh patch --help\n"


@pytest.mark.parametrize(
    ("words", "name", "by", "line"),
    [
        (["--latent-name", "ip1"], "ip1", "ip1", 33),
        (["--code-name", "conv1"], "conv1", "conv1", 26),
        (["--classifier-name", "relu1"], "relu1", "relu1", 44),
        (["--latent-name", "label"], "label", "mnist", 4),
    ],
)
def test_names_that_are_taken(
    ssdh: Ssdh, here: Path, words: list[str], name: str, by: str, line: int
) -> None:
    said = refused(ssdh, here, "patch", "train_val.prototxt", *words).splitlines()
    place, told = said[0].split(" ", 1)
    assert place.startswith(f"train_val.prototxt:{line}:")
    assert told == f"the name '{name}' is already taken by layer '{by}'"
    assert said[-1] == "hint: choose others with --latent-name, --code-name, --classifier-name"


def test_new_names_must_differ(ssdh: Ssdh, here: Path) -> None:
    words = ("patch", "train_val.prototxt", "--latent-name", "x", "--code-name", "x")
    assert refused(ssdh, here, *words) == ("error: the new names must differ: x, x, ip2_change\n")


def test_two_dialects(ssdh: Ssdh, here: Path) -> None:
    (here / "x.prototxt").write_text(DATA + 'layers {\n  name: "a"\n  type: RELU\n}\n')
    said = refused(ssdh, here, "patch", "x.prototxt")
    assert said == (
        "x.prototxt:8:1: the net mixes 'layer' of the current dialect (line 1) and 'layers' of "
        "dialect V1; Caffe refuses such a file\n"
        "  8 | layers {\n"
        "    | ^^^^^^\n"
        "hint: write all layers in one dialect\n"
    )


@pytest.mark.parametrize("depth", [101, 300, 10_000])
def test_a_deep_net(ssdh: Ssdh, here: Path, depth: int) -> None:
    (here / "x.prototxt").write_text("layer { " + "a { " * (depth - 1) + "} " * depth)
    place = len("layer { ") + 4 * 99 + 3
    for words in (("patch", "x.prototxt"), ("deploy", "x.prototxt"),
                  ("diff", "x.prototxt", "train_val.prototxt")):  # fmt: skip
        said = refused(ssdh, here, *words)
        assert said.startswith(
            f"x.prototxt:1:{place}: messages are nested {depth} deep; no net needs more than 100\n"
        ), said


def test_a_wide_line(ssdh: Ssdh, here: Path) -> None:
    text = " ".join(
        lenet.TRAIN.replace("   # fits our card", "")
        .replace("# LeNet, as we train it", "")
        .replace("# the classifier", "")
        .replace("# digits", "")
        .split()
    )
    (here / "x.prototxt").write_text(text)
    assert len(refused(ssdh, here, "patch", "x.prototxt", "--at", "loss").splitlines()[1]) < 120
    ssdh("patch", "x.prototxt")
    assert "\n" not in (here / "x_ssdh.prototxt").read_text()


# ---------------------------------------------------------------- files that are none


def test_files_that_cannot_be_read(ssdh: Ssdh, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "dangling").symlink_to("nowhere")
    (here / "loop").symlink_to("loop")
    for name, why in (
        ("nowhere", "no such file"),
        ("folder", "is a folder, not a file"),
        ("dangling", "no such file"),
        ("loop", "too many symbolic links"),
        ("solver.prototxt/x", "a part of the path is not a folder"),
        ("n" * 300, "the name is too long"),
        ("a\0b", "not a valid file name"),
        ("", "is a folder, not a file"),
    ):
        for words in (("patch", name), ("deploy", name), ("diff", name, "solver.prototxt")):
            shown = name.replace("\0", "\\x00")
            assert refused(ssdh, here, *words).endswith(f"cannot read: {why}\n"), (words, shown)


def test_a_layer_that_is_no_message(ssdh: Ssdh, here: Path) -> None:
    net = here / "train_val.prototxt"
    net.write_text(f"{net.read_text()}layer: 3\n")
    message = """Caffe cannot read 'layer': Expected "{", found "3"."""
    for words in (("patch",), ("diff", "solver.prototxt")):
        assert message in ssdh(*words, "train_val.prototxt", code=3).err


OLD = 'layers {{ name: "f" type{} bottom: "data" top: "f" }}{}'


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param(OLD.format(" { x: 1 }", ""), "upgrade", id="a-type-in-braces"),
        pytest.param(OLD.format(r': "a\xe9"', ""), "show", id="a-type-of-bytes"),
        pytest.param(OLD.format(": RELU", " layers: 5"), "upgrade", id="a-number-for-a-layer"),
        pytest.param(
            'layers { layer { name: "f" type: "innerproduct" num_output: [ ] # b\n } bottom: "d" }',
            "upgrade",
            id="an-empty-list-in-v0",
        ),
        pytest.param("input { x: 1 } input_dim: [1, 3, 2, 2]", "show", id="an-input-in-braces"),
    ],
)
def test_values_of_another_kind(ssdh: Ssdh, text: str, command: str) -> None:
    Path("x.prototxt").write_text(text)
    assert ssdh(command, "x.prototxt", code=3).err.startswith("x.prototxt:1:")


def test_a_pipe_beside_a_net_is_not_waited_for(ssdh: Ssdh, here: Path) -> None:
    os.mkfifo(here / "a.prototxt")
    ssdh("patch", "train_val.prototxt")
    (here / "deploy.prototxt").unlink()
    ssdh("deploy", "--from", "deploy", code=3)


def test_a_socket(ssdh: Ssdh, here: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        said = refused(ssdh, here, "patch", "s")
    assert said.startswith("s: cannot read: ")


@pytest.mark.parametrize(
    "name",
    ["it's a net.prototxt", "-dash.prototxt", "tr\u00e4in \u7f51.prototxt", "new\nline.prototxt",
     os.fsdecode(b"caf\xe9.prototxt"), "no_suffix", ".hidden"],
)  # fmt: skip
def test_odd_names(ssdh: Ssdh, here: Path, name: str) -> None:
    (here / name).write_text(lenet.TRAIN)
    (here / "solver.prototxt").write_bytes(
        lenet.SOLVER.encode().replace(
            b"train_val.prototxt", os.fsencode(name).replace(b"\n", b"\\n")
        )
    )
    path = Path(name)
    ran = ssdh("patch", "--json", "--", name)
    new = f"{path.stem}_ssdh{path.suffix or '.prototxt'}"
    assert ran.json["files"][0]["output"] == new
    assert (here / new).is_file()
    assert len(ran.json["files"]) == 2
    ssdh("patch", "--", name)
    assert ssdh.raw("patch", "--diff", "--", name)[0].startswith(b"--- " + os.fsencode(name))
    if "\udce9" not in name:
        ssdh("deploy", "--dry-run")


def test_a_name_that_toml_cannot_hold(ssdh: Ssdh, here: Path) -> None:
    name = os.fsdecode(b"caf\xe9.prototxt")
    (here / name).write_text(lenet.TRAIN)
    ran = ssdh("patch", name, "--solver", "none")
    assert ran.err == (
        "warning: not recorded: ssdh.toml: 'caf\\udce9' is not UTF-8, as TOML requires\n"
    )
    assert ran.out.startswith("caf\\udce9.prototxt (train net): wrote caf\\udce9_ssdh.prototxt\n")
    assert not (here / "ssdh.toml").exists()


def test_a_missing_folder(ssdh: Ssdh) -> None:
    ran = ssdh("-C", "nowhere", "patch", "x", code=3)
    assert ran.err == "nowhere: cannot change to the folder: no such file\n"


def test_stdin_that_is_closed(ssdh: Ssdh, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert refused(ssdh, here, "patch", "-") == "<stdin>: cannot read: it is closed\n"


def test_errors_as_json(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--at", "loss", "--json", code=3)
    assert ran.out == ""
    assert ran.error == {
        "type": "SurgeryError",
        "message": "blob 'loss' is not below the classifier 'ip2'",
        "file": "train_val.prototxt",
        "line": 47,
        "column": 9,
        "hint": "choose a blob that the classifier depends on",
    }
    ran = ssdh("patch", "nowhere", "--json", code=3)
    assert ran.error["type"] == "FileError"
    assert ran.error["file"] == "nowhere"


@pytest.mark.parametrize(
    "words", [("zoo", "list", "-q"), ("patch", "x.prototxt", "--color", "never")]
)
def test_an_option_of_all_commands_behind_one_is_told_its_place(
    ssdh: Ssdh, words: tuple[str, ...]
) -> None:
    said = ssdh(*words, code=2).err
    option = next(word for word in words if word.startswith("-"))
    assert said.startswith(f"error: No such option '{option}'.")
    assert said.endswith(f"\nhint: it belongs before the command: ssdh {option} ...\n")


def _into_full_device(stream: str, *words: str) -> subprocess.CompletedProcess[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with open("/dev/full", "w") as full:
        return subprocess.run(
            [sys.executable, "-m", "ssdh_surgery", *words],
            **streams | {stream: full},
            text=True,
            check=False,
        )


@pytest.mark.parametrize("words", [("--help",), ("show", "train_val.prototxt")])
def test_an_answer_that_cannot_be_written_is_an_error(here: Path, words: tuple[str, ...]) -> None:
    ran = _into_full_device("stdout", *words)
    assert ran.returncode == 3
    assert ran.stderr.startswith("error: cannot ")
    assert ran.stderr.endswith("No space left on device\n")
    assert ran.stderr.count("\n") == 1


def test_a_message_that_cannot_be_written_does_not_end_the_work(here: Path) -> None:
    assert _into_full_device("stderr", "patch", "train_val.prototxt").returncode == 0
    assert (here / "train_val_ssdh.prototxt").exists()
    assert _into_full_device("stderr", "show", "no.prototxt").returncode == 3
