"""Data layers whose tops meet: in step, out of step, and those that only look like it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from ssdh_surgery.pipeline.check.target import ANY_TARGET, Target
from support.check_folders import SOLVER, TESTED, found, labelled, write_lmdb


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def layer(
    name: str, source: str, top: str, *, batch: int = 2, phase: str = "TRAIN", more: str = ""
) -> str:
    kind, message = "Data", "data_param"
    if source.endswith(".txt"):
        is_list = source.startswith("list")
        kind, message = (
            ("ImageData", "image_data_param") if is_list else ("HDF5Data", "hdf5_data_param")
        )
    backend = "backend: LMDB" if kind == "Data" else ""
    tops = f'top: "{top}"' + (' top: "unused"' if kind == "ImageData" else "")
    return (
        f'layer {{ name: "{name}" type: "{kind}" {tops} include {{ phase: {phase} }} '
        f'{message} {{ source: "{source}" batch_size: {batch} {backend} {more} }} }}\n'
    )


CATS = [f"{n:08d}_cats/{n}.jpg" for n in range(20)]
LOSS = """
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 4 } }
layer { name: "flat" type: "Flatten" bottom: "label" top: "flat" }
layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "fc" bottom: "flat" top: "loss" }
"""


def pair(first: str = "a", second: str = "b", **options: str) -> str:
    return layer("images", first, "data") + layer("vectors", second, "label", **options) + LOSS


def write(name: str, keys: Sequence[str] | int, size: tuple[int, int, int] = (4, 1, 1)) -> None:
    keys = [f"{number:08d}" for number in range(keys)] if isinstance(keys, int) else sorted(keys)
    write_lmdb(name, labelled([0] * len(keys), size), keys)


def said(net: str, solver: str = SOLVER, target: Target = ANY_TARGET) -> list[str]:
    return [each.message for each in found(net, solver, target) if each.code == "SSDH120"]


def reason(net: str, solver: str = SOLVER) -> str:
    (message,) = said(net, solver)
    head = "'images' and 'vectors' are read in step, and meet in 'loss', but "
    assert message.startswith(head)
    return message.removeprefix(head)


def test_equal_keys() -> None:
    write("a", 64)
    write("b", 64)
    assert said(pair()) == []


def test_keys_that_sort_in_another_order() -> None:
    write("a", 64)
    write("b", [str(number) for number in range(64)])
    assert reason(pair()) == "a and b differ from the 3rd record on ('00000002', '10')"


def test_the_same_images_in_another_order() -> None:
    """Two runs of convert_imageset --shuffle: the numbers are equal, the images are not."""
    write("a", CATS)
    write("b", [f"{n:08d}_masks/{(n * 3 if n > 1 else n) % 20}.png" for n in range(20)])
    assert reason(pair()).startswith("a and b differ from the 3rd record on ('00000002_cats/2.jpg'")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            [f"{n:08d}_cats/{n}.jpg" for n in range(20)],
            [f"{n:08d}_masks/{n}.png" for n in range(20)],
        ),
        ([f"{n:08d}_cats/{n}.jpg" for n in range(20)], [f"{n:08d}" for n in range(20)]),
        ([f"{n:08d}" for n in range(20)], [f"{n + 1:06d}" for n in range(20)]),
        ([f"rgb_{n:04d}" for n in range(20)], [f"flow_{n:04d}" for n in range(20)]),
        ([f"cat{n:04d}" for n in range(20)], [f"cat{n:04d}" for n in range(20)]),
    ],
    ids=["masks", "numbers", "from 1 on", "two streams", "names"],
)
def test_keys_that_name_the_same_items(first: list[str], second: list[str]) -> None:
    write("a", first)
    write("b", second)
    assert said(pair()) == []


def test_an_item_that_only_one_has() -> None:
    write("a", [f"cat{n:04d}" for n in range(20)])
    write("b", [f"cat{n:04d}" for n in range(20) if n != 11])
    assert reason(pair()) == "a and b differ from the 12th record on ('cat0011', 'cat0012')"


def test_another_number_of_records_where_one_begins_again() -> None:
    write("a", 64)
    write("b", 60)
    long = SOLVER.replace("max_iter: 9", "max_iter: 31")
    assert reason(pair(), long) == "a has 64 records, b 60 records: they drift apart at each pass"
    assert said(pair(), SOLVER) == []  # 18 of 60 are read
    assert len(said(pair(), SOLVER.replace("max_iter: 9", ""))) == 1


def test_in_the_test_net() -> None:
    write("a", 64)
    write("b", [str(number) for number in range(64)])
    net = (
        layer("images", "a", "data", phase="TEST")
        + layer("vectors", "b", "label", phase="TEST")
        + layer("x", "a", "data")
        + layer("y", "c", "label")
        + LOSS
    )
    write("c", 64)
    assert len(said(net, TESTED)) == 1


def test_another_batch_size() -> None:
    write("a", 64)
    write("b", 64)
    both = layer("images", "a", "data") + layer("vectors", "b", "label", batch=4)
    join = LOSS.replace('"Flatten" bottom: "label"', '"Reshape" bottom: "label"').replace(
        'top: "flat" }', 'top: "flat" reshape_param { shape { dim: 2 dim: 4 } } }'
    )
    assert reason(both + join) == "their batch sizes are 2 and 4"


def test_random_skips() -> None:
    write("a", 64)
    write("b", 64)
    assert reason(pair(more="rand_skip: 10")) == "'vectors' skips up to 10 records at random"


def test_a_list_and_a_database() -> None:
    write("b", [f"{n:08d}_masks/{n}.png" for n in range(20)])
    Path("list.txt").write_text("".join(f"cats/{n}.jpg 0\n" for n in range(20)))
    assert said(pair("list.txt")) == []
    assert said(pair("list.txt").replace("batch_size: 2", "batch_size: 2 shuffle: true", 1)) != []
    lines = [f"cats/{n}.jpg 0\n" for n in range(20)]
    Path("list.txt").write_text("".join(lines[:5] + lines[6:] + lines[5:6]))
    assert reason(pair("list.txt")) == (
        "list.txt and b differ from the 6th record on ('cats/6.jpg', '00000005_masks/5.png')"
    )


def test_hdf5_and_a_database() -> None:
    with h5py.File("rows.h5", "w") as file:
        file["label"] = np.zeros((20, 4), np.float32)
    Path("rows.txt").write_text("rows.h5\n")
    write("a", 20)
    assert said(pair("a", "rows.txt")) == []
    shuffled = pair("a", "rows.txt", more="shuffle: true")
    assert reason(shuffled) == "'vectors' shuffles its rows, and the other does not"
    write("c", 16)
    long = SOLVER.replace("max_iter: 9", "max_iter: 90")
    assert reason(pair("c", "rows.txt"), long).startswith("c has 16 records, rows.txt 20 rows")


def test_one_source_that_is_read_twice_is_shifted_on_purpose() -> None:
    write("a", 64)
    assert said(pair("a", "a", more="rand_skip: 10")) == []


def test_batches_that_are_put_behind_each_other_do_not_meet() -> None:
    """Two sources of images, each with its own labels."""
    write("a", 64)
    write("b", [str(number) for number in range(60)])
    tops = ('top: "{}"', 'top: "{}" top: "{}_label"')
    net = "".join(
        layer(name, name, name).replace(tops[0].format(name), tops[1].format(name, name))
        for name in ("a", "b")
    )
    for top, bottoms in (("data", ("a", "b")), ("label", ("a_label", "b_label"))):
        net += (
            f'layer {{ name: "{top}" type: "Concat" bottom: "{bottoms[0]}" bottom: "{bottoms[1]}" '
            f'top: "{top}" concat_param {{ axis: 0 }} }}\n'
        )
    long = SOLVER.replace("max_iter: 9", "max_iter: 90")
    assert said(net + LOSS.replace("SigmoidCrossEntropyLoss", "SoftmaxWithLoss"), long) == []


def test_two_streams_that_are_joined() -> None:
    write("a", 64)
    write("b", [str(number) for number in range(64)])
    net = layer("images", "a", "one") + layer("vectors", "b", "two")
    net += 'layer { name: "sum" type: "Eltwise" bottom: "one" bottom: "two" top: "data" }\n'
    assert said(net)[0].startswith("'images' and 'vectors' are read in step, and meet in 'sum'")


def test_several_gpus() -> None:
    """Each takes every second record of a database or row of HDF5, and every line of a list."""
    gpus = Target(gpu="0,1")
    write("a", 20)
    write("b", 20)
    assert said(pair(), target=gpus) == []
    Path("list.txt").write_text("".join(f"{n}.jpg 0\n" for n in range(20)))
    assert said(pair("list.txt"), target=Target(gpu="1")) == []
    (message,) = said(pair("list.txt"), target=gpus)
    assert message.endswith(
        "but each of 2 GPUs takes its share of 'vectors', and all lines of 'images'"
    )
