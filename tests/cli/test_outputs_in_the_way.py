"""A file that a command reads is never what it writes, whatever --force says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.retrieval.codes.code_file import write_codes
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from support.command_line import Ssdh

DEPLOY = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 12 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""  # noqa: E501


@pytest.fixture(autouse=True)
def files(ssdh: Ssdh) -> None:
    activations = np.random.default_rng(0).random((9, 12), np.float32)
    ids = np.array([f"{number}.png" for number in range(9)])
    write_codes("c.npz", Codes(pack(activations), 12, ids, np.arange(9) % 3, {}, activations))
    Path("deploy.prototxt").write_text(DEPLOY)
    open_net("deploy.prototxt", engine="torch").save("w.caffemodel")
    Path("photos").mkdir()
    assert cv2.imwrite("photos/a.png", np.full((8, 8, 3), 99, np.uint8))
    Path("c.png").symlink_to("photos/a.png")


NET = ("--deploy", "deploy.prototxt", "--weights", "w.caffemodel")
SETS = ("--queries", "c.npz", "--database", "c.npz")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("c.npz", ["index", "build", "c.npz", "-o"]),
        ("./c.npz", ["index", "build", "c.npz", "-o"]),
        ("c.npz", ["evaluate", *SETS, "--csv"]),
        ("c.npz", ["evaluate", *SETS, "--html"]),
        ("c.npz", ["evaluate", *SETS, "--scores", "c.npz", "--csv"]),
        ("c.npz", ["encode", "photos", *NET, "--labels", "c.npz", "-o"]),
        ("c.png", ["search", "x.index", "--image", "photos/a.png", *NET, "--sheet"]),
    ],
)
def test_what_is_read_stays(ssdh: Ssdh, output: str, words: list[str]) -> None:
    before = Path(output).read_bytes()
    assert ssdh(*words, output, "--force", code=3).err == (
        f"{Path(output)}: is read by this command; nothing was written\n"
        "hint: choose another name for the result\n"
    )
    assert Path(output).read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["index", "build", "c.npz", "-o"],
        ["evaluate", *SETS, "--html"],
        ["encode", "photos", *NET, "--resize", "none", "-o"],
    ],
)
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_stays(ssdh: Ssdh, words: list[str], force: list[str]) -> None:
    err = ssdh(*words, "photos", *force, code=3).err
    assert err == "photos: cannot write: is a folder, not a file\n"
    assert list(Path("photos").iterdir()) == [Path("photos/a.png")]
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize("name", ["net.pb", "net", "deploy.prototxt", "w.caffemodel", "photos"])
def test_a_model_is_written_to_a_file_of_its_own_kind(ssdh: Ssdh, name: str) -> None:
    words = ("export", "deploy.prototxt", "--weights", "w.caffemodel", "-o", name, "--force")
    assert ssdh(*words, code=2).err == (
        "error: Invalid value for '-o' / '--output': an ONNX model is written to a file that ends "
        "in .onnx\nhint: ssdh export --help\n"
    )


@pytest.mark.parametrize("name", ["x.codes", "x.csv", "x.npy"])
def test_codes_are_written_to_a_file_of_their_own_kind(ssdh: Ssdh, name: str) -> None:
    suffix = Path(name).suffix
    assert ssdh("encode", "photos", *NET, "-o", name, code=2).err == (
        f"error: codes cannot be written to a '{suffix}' file\n"
        "hint: one of .npz, .h5, .hdf5, .parquet\n"
    )


def test_a_missing_folder(ssdh: Ssdh) -> None:
    err = ssdh("evaluate", *SETS, "--csv", "none/x.csv", code=3).err
    assert err.endswith("none/x.csv: cannot write: no such folder\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", *SETS, "--seed", "-1"], "-1 is not in the range x>=0"),
        (["evaluate", *SETS, "--map", "some"], "'some' is neither 'all' nor a number"),
        (
            ["encode", "photos", *NET, "-o", "x.npz", "--scale", "nan"],
            "'nan' is not a finite number other than 0",
        ),
        (
            ["encode", "photos", *NET, "-o", "x.npz", "--scale", "0"],
            "'0' is not a finite number other than 0",
        ),
        (
            ["encode", "photos", *NET, "-o", "x.npz", "--resize", "99999x99999"],
            "'99999x99999' is larger than any blob in Caffe",
        ),
        (["search", "x.index", "--id", "a", "--code", "0"], "say what to search with: one of --q"),
    ],
)
def test_numbers_that_mean_nothing(ssdh: Ssdh, words: list[str], message: str) -> None:
    assert message in ssdh(*words, code=2).err


def test_a_solver_is_no_deploy_net(ssdh: Ssdh) -> None:
    Path("solver.prototxt").write_text('net: "x"\nbase_lr: 0.1\nmax_iter: 2\n')
    message = "solver.prototxt: a net is needed, but this is a solver\n"
    net = ("--weights", "w.caffemodel")
    assert ssdh("export", "solver.prototxt", *net, "-o", "x.onnx", code=3).err == message
    words = ("--deploy", "solver.prototxt", *net, "-o", "x.npz")
    assert ssdh("encode", "photos", *words, code=3).err == message
    assert not list(Path().glob("x.*"))


def test_a_list_without_a_good_line(ssdh: Ssdh) -> None:
    Path("list.txt").write_text("hello\n")
    err = ssdh("encode", "list.txt", *NET, "--resize", "none", "-o", "x.npz", code=3).err
    assert err.endswith("list.txt: there is nothing to encode\n")


def test_a_sheet_is_a_png(ssdh: Ssdh) -> None:
    message = "x.jpg: the name of a sheet must end in .png, not in '.jpg'\n"
    assert ssdh("data", "show", "x_lmdb", "--sheet", "x.jpg", code=2).err == message
    assert ssdh("search", "x.index", "--id", "a", "--sheet", "x.jpg", code=2).err == message


def test_labels_that_the_database_lacks(ssdh: Ssdh) -> None:
    activations = np.random.default_rng(0).random((4, 12), np.float32)
    labels = np.array([1, 2, 3, 7])
    ids = np.array(list("abcd"))
    write_codes("q.npz", Codes(pack(activations), 12, ids, labels, {}, activations * np.nan))
    sets = ("--queries", "q.npz", "--database", "c.npz")
    assert ssdh("evaluate", *sets).err.startswith(
        "warning: 2 of 4 queries have labels that the database lacks (3, 7): do both sets number "
        "their classes alike?\n"
    )
    err = ssdh("evaluate", *sets, "--features", "q.npz", "c.npz", code=3).err
    assert err == "q.npz: holds NaN or infinite values\n"
