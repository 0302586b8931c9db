"""Class numbers are names: sets with different numbers are matched by the names of the classes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.retrieval.codes.code_file import read_codes, write_codes
from ssdh_surgery.retrieval.codes.codes import Codes
from support.command_line import Ran, Ssdh
from support.images import write_lmdb
from support.small_codes import unpacked

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox")
DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 24 weight_filler { type: "gaussian" std: 0.02 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
TRAIN = """\
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { source: "train/train_lmdb" batch_size: 2 backend: LMDB } }
"""
WORKSPACE = """\
version = 1
[nets.small]
train = "train.prototxt"
deploy = "deploy.prototxt"
code = "code"
mean_value = [128, 128, 128]
"""
NET = ("--deploy", "deploy.prototxt", "--weights", "a.caffemodel", "--mean-value", "128,128,128")
ENCODE = (*NET, "--resize", "8x8")


def draw(folder: str, names: Sequence[str], count: int, seed: int = 0) -> None:
    """Images of one colour for each class, with noise."""
    random = np.random.default_rng(seed)
    for name in names:
        color = np.random.default_rng(sum(name.lower().encode()) * 7).integers(0, 255, 3)
        Path(folder, name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(color + random.normal(0, 25, (8, 8, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(f"{folder}/{name}/{number}.png", pixels)


@pytest.fixture(autouse=True)
def files(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(DEPLOY)
    net = open_net("deploy.prototxt")
    weights = net.params["latent"][0].data
    weights[...] = np.random.default_rng(5).normal(0, 0.02, weights.shape)
    net.save("a.caffemodel")
    draw("database", CLASSES, 8)
    draw("queries", CLASSES[3:], 4, seed=1)


def mean_average_precision(queries: Codes, database: Codes, names: bool = True) -> float:
    """mAP of all ranks by its definition; classes are equal by name, or by number."""

    def classes(codes: Codes) -> list[Any]:
        return [codes.class_names[label] if names else label for label in codes.labels]

    found, values = classes(database), []
    for bits, wanted in zip(unpacked(queries), classes(queries), strict=True):
        distances = (unpacked(database) != bits).sum(1)
        right = np.array(found, object)[np.argsort(distances, kind="stable")] == wanted
        ranks = np.flatnonzero(right) + 1
        values.append(np.mean(np.arange(1, len(ranks) + 1) / ranks) if len(ranks) else 0.0)
    return float(np.mean(values))


def evaluate(ssdh: Ssdh, *words: str) -> Ran:
    return ssdh("evaluate", "--queries", "q.npz", "--database", "d.npz", "--json", *words)


def encode_both(ssdh: Ssdh) -> None:
    for source in ("queries", "database"):
        ssdh("encode", source, "-o", f"{source[0]}.npz", *ENCODE)


def test_a_folder_with_fewer_classes_is_judged_by_names(ssdh: Ssdh) -> None:
    encode_both(ssdh)
    queries, database = read_codes("q.npz"), read_codes("d.npz")
    assert (queries.class_names, database.class_names) == (CLASSES[3:], CLASSES)
    right = mean_average_precision(queries, database)
    assert mean_average_precision(queries, database, names=False) < right - 0.1
    answer = evaluate(ssdh)
    assert answer.json["map"]["all"] == pytest.approx(right)
    assert answer.json["protocol"]["labels_by"] == "name"
    assert "warning" not in answer.err
    told = ssdh("evaluate", "--queries", "q.npz", "--database", "d.npz", "--html", "page.html")
    sentence = "labels are matched by class name: q.npz and d.npz number their classes differently"
    assert f"          {sentence}\n" in told.out
    assert sentence in Path("page.html").read_text()


def test_files_with_equal_numbers_are_judged_without_a_word(ssdh: Ssdh) -> None:
    shutil.rmtree("queries")
    draw("queries", CLASSES, 2, seed=1)
    encode_both(ssdh)
    assert "matched" not in ssdh("evaluate", "--queries", "q.npz", "--database", "d.npz").out


def test_names_are_compared_exactly(ssdh: Ssdh) -> None:
    Path("queries/dog").rename("queries/Dog")
    encode_both(ssdh)
    assert evaluate(ssdh).err.endswith(
        "warning: 4 of 12 queries have labels that the database lacks ('Dog'): names are compared "
        "exactly, upper and lower case included\n"
    )


def test_names_on_one_side_only(ssdh: Ssdh) -> None:
    encode_both(ssdh)
    codes = read_codes("q.npz")
    nameless = replace(codes, class_names=())
    write_codes("q.npz", nameless)
    answer = evaluate(ssdh)
    assert answer.err.endswith(
        "warning: q.npz has no class names, d.npz has: their labels are compared as numbers, which "
        "is right only if both number their classes alike\n"
    )
    assert answer.json["protocol"]["labels_by"] == "number"
    write_codes("q.npz", replace(nameless, labels=codes.labels + 4))
    assert ssdh("evaluate", "--queries", "q.npz", "--database", "d.npz", code=3).err == (
        "q.npz: has labels to 6 without class names, but d.npz names 6 classes\n"
        "hint: give the class names of both to 'ssdh encode': --labels-file FILE\n"
    )


def test_several_labels_are_matched_by_column(ssdh: Ssdh) -> None:
    """The third class of the queries is the first one of the database."""
    random = np.random.default_rng(0)
    packed = random.integers(0, 256, (40, 3), dtype=np.uint8)
    labels = random.integers(0, 2, (40, 3)).astype(np.uint8)
    labels[labels.sum(1) == 0, 0] = 1
    ids = np.array([f"i{number}" for number in range(40)])
    turned = labels[:, [2, 0, 1]]
    write_codes("d.npz", Codes(packed, 24, ids, labels, class_names=("sky", "sea", "car")))
    write_codes("e.npz", Codes(packed, 24, ids, labels))
    names = ("car", "sky", "sea")
    write_codes("q.npz", Codes(packed[:9], 24, ids[:9], turned[:9], class_names=names))
    write_codes("f.npz", Codes(packed[:9], 24, ids[:9], labels[:9]))
    right = ssdh("evaluate", "--queries", "f.npz", "--database", "e.npz", "--json").json
    assert evaluate(ssdh).json["map"] == right["map"]
    write_codes("q.npz", Codes(packed[:9], 24, ids[:9], labels[:9, :2], class_names=("sky", "sea")))
    less = labels * np.array([1, 1, 0], np.uint8)
    write_codes("f.npz", Codes(packed[:9], 24, ids[:9], less[:9]))
    answer = ssdh("evaluate", "--queries", "f.npz", "--database", "e.npz", "--json")
    assert evaluate(ssdh).json["map"] == answer.json["map"]


def test_a_test_set_gets_the_labels_of_its_train_set(ssdh: Ssdh) -> None:
    Path("train").mkdir()
    ssdh("data", "build", "database", "train/train_lmdb")
    Path("ssdh.toml").write_text(WORKSPACE)
    Path("train.prototxt").write_text(TRAIN)
    for words in ((), ("--force",)):
        built = ssdh("data", "build", "queries", "test_lmdb", "--shuffle", *words)
        place = "" if words else "train/"
        assert f"the labels are those of {place}labels.txt\n" in built.err
        with LmdbStore("test_lmdb") as store:
            assert store.scan_labels().histogram == {3: 4, 4: 4, 5: 4}
        assert Path("labels.txt").read_text() == "".join(f"{name}\n" for name in CLASSES)
    draw("more", ("bee", "owl"), 1)
    refused = ssdh("data", "build", "more", "test_lmdb", "--force", code=3)
    assert refused.err == (
        "more: labels.txt does not name the class 'owl'\n"
        "hint: add a line 'owl' to the end of labels.txt; --labels-file none numbers the classes "
        "of this folder anew\n"
    )
    refused = ssdh("data", "build", "more", "other_lmdb", "--labels-file", "none", code=3)
    assert refused.err == (
        "labels.txt: exists already, with other classes\nhint: --force replaces it\n"
    )
    Path("elsewhere").mkdir()
    ssdh("data", "build", "more", "elsewhere/more_lmdb", "--labels-file", "none")
    assert Path("elsewhere/labels.txt").read_text() == "bee\nowl\n"
    with Path("labels.txt").open("a") as file:
        file.write("owl\n")
    ssdh("data", "build", "more", "test_lmdb", "--force")
    with LmdbStore("test_lmdb") as store:
        assert store.scan_labels().histogram == {1: 1, 6: 1}
    Path("list.txt").write_text("queries/dog/0.png 9\n")
    assert "but a list has numbers" in (
        ssdh("data", "build", "list.txt", "x_lmdb", "--labels-file", "labels.txt", code=2).err
    )


def test_a_folder_is_encoded_with_the_labels_of_the_training(ssdh: Ssdh) -> None:
    Path("train").mkdir()
    ssdh("data", "build", "database", "train/train_lmdb", "--shuffle")
    Path("ssdh.toml").write_text(WORKSPACE)
    Path("train.prototxt").write_text(TRAIN)
    words = ("-o", "q.npz", "--force", "--weights", "a.caffemodel", "--resize", "8x8")
    told = ssdh("encode", "queries", *words)
    assert "\nclass names: train/labels.txt\n" in told.err
    assert "SSDH" not in told.err
    codes = read_codes("q.npz")
    assert codes.class_names == CLASSES
    assert sorted({*codes.labels.tolist()}) == [3, 4, 5]
    # The numbers of the database are those of the training too: an LMDB finds its own names.
    ssdh("encode", "train/train_lmdb", "-o", "d.npz", *words[3:])
    assert read_codes("d.npz").class_names == CLASSES
    assert evaluate(ssdh).json["map"]["all"] == pytest.approx(
        mean_average_precision(codes, read_codes("d.npz"))
    )
    draw("queries2", ("Dog", "ant", "owl"), 2)
    Path("train/labels.txt").rename("labels.txt")
    assert "\nclass names: labels.txt\n" in ssdh("encode", "queries", *words).err
    Path("labels.txt").rename("train/labels.txt")
    told = ssdh("encode", "queries2", *words)
    assert (
        "queries2: warning SSDH711 new-classes: train/labels.txt does not name the classes 'Dog', "
        "'owl', which get the labels 6 to 7\nhint: did you mean 'dog'?\n"
    ) in told.err
    assert read_codes("q.npz").class_names == (*CLASSES, "Dog", "owl")
    refused = ssdh("encode", "queries2", *words, "--labels-file", "train/labels.txt", code=3)
    assert refused.err.startswith(
        "queries2: train/labels.txt does not name the classes 'Dog', 'owl'"
    )
    ssdh("encode", "queries2", *words, "--labels-file", "none")
    assert read_codes("q.npz").class_names == ("Dog", "ant", "owl")


def test_lists_and_lmdbs_have_the_names_that_labels_txt_gives(ssdh: Ssdh) -> None:
    write_lmdb(Path("tiles_lmdb"), 8, 6)
    Path("list.txt").write_text("queries/dog/0.png 1\nqueries/eel/0.png 0\n")
    for source in ("tiles_lmdb", "list.txt"):
        assert ssdh("encode", source, "-o", "a.npz", *ENCODE, "--json").json["class_names"] is None
        assert read_codes("a.npz").class_names == ()
        Path("labels.txt").write_text("china\nflower\n")
        ssdh("encode", source, "-o", "a.npz", *ENCODE, "--force")
        assert read_codes("a.npz").class_names == ("china", "flower")
        ssdh("encode", source, "-o", "a.npz", *ENCODE, "--force", "--labels-file", "none")
        assert read_codes("a.npz").class_names == ()
        Path("labels.txt").unlink()
        Path("a.npz").unlink()
    Path("names.txt").write_text("china\n")
    told = ssdh("encode", "tiles_lmdb", "-o", "a.npz", *ENCODE, "--labels-file", "names.txt")
    assert told.err.endswith(
        "names.txt: warning SSDH712 class-names-unfit: the class names end with label 0, but "
        "items have labels to 1\n"
        "hint: give a file that names all classes: --labels-file FILE, or none\n"
    )
    ssdh("index", "build", "a.npz", "-o", "x.index")
    hits = ssdh("search", "x.index", "--id", "00000000_tile", "--json").json["results"][0]["hits"]
    assert {(hit["label"], hit["label_name"]) for hit in hits} == {(0, "china"), (1, None)}


def test_names_of_several_labels(ssdh: Ssdh) -> None:
    Path("list.txt").write_text("queries/dog/0.png 1 0 1\nqueries/eel/0.png 0 1 0\n")
    Path("labels.txt").write_text("sky\nsea\ncar\n")
    words = ("encode", "list.txt", "-o", "a.npz", *ENCODE, "--multi-label", "--force")
    ssdh(*words)
    assert read_codes("a.npz").class_names == ("sky", "sea", "car")
    ssdh("index", "build", "a.npz", "-o", "x.index")
    found = ssdh("search", "x.index", "--id", "queries/dog/0.png", "-k", "1")
    assert found.out == "queries/dog/0.png\n      0  queries/dog/0.png  sky, car\n"
    [hit] = ssdh(*("search", "x.index", "--id", "queries/dog/0.png", "-k", "1", "--json")).json[
        "results"
    ][0]["hits"]
    assert (hit["label"], hit["label_name"]) == ([0, 2], ["sky", "car"])
    Path("labels.txt").write_text("sky\nsea\n")
    assert (
        "labels.txt: warning SSDH712 class-names-unfit: 2 class names, but label vectors have 3 "
        "values" in ssdh(*words).err
    )
    assert read_codes("a.npz").class_names == ()
    assert "labels.txt: 2 class names, but label vectors have 3 values" in (
        ssdh(*words, "--labels-file", "labels.txt", code=3).err
    )


@pytest.mark.parametrize("is_file", [True, False])
def test_an_index_keeps_and_matches_names(
    ssdh: Ssdh, is_file: bool, request: pytest.FixtureRequest
) -> None:
    place = "x.index" if is_file else request.getfixturevalue("database") + "#x"
    Path("queries").rename("more")
    ssdh("encode", "more", "-o", "q.npz", *ENCODE, "--id-prefix", "more/")
    ssdh("encode", "database", "-o", "d.npz", *ENCODE)
    ssdh("index", "build", "d.npz", "-o", place)
    ssdh("index", "add", place, "q.npz")
    assert ssdh("index", "info", place, "--json").json["class_names"] == list(CLASSES)
    info = ssdh("index", "info", place).out
    assert info.splitlines()[1] == "6 class names: ant, bee, cat, dog, eel, ..."
    found = ssdh("search", place, "--image", "more/fox/0.png", "-k", "60", *ENCODE, "--json")
    for hit in found.json["results"][0]["hits"]:
        name = hit["id"].split("/")[-2]
        assert (hit["label"], hit["label_name"]) == (CLASSES.index(name), name)
    assert "  more/fox/0.png  fox\n" in (
        ssdh("search", place, "--image", "more/fox/0.png", "-k", "5", *ENCODE).out
    )


def test_images_of_two_folders_with_the_same_paths(ssdh: Ssdh) -> None:
    encode_both(ssdh)
    for words in (("build", "d.npz", "q.npz", "-o", "y.index"), ("add", "x.index", "q.npz")):
        if words[0] == "add":
            ssdh("index", "build", "d.npz", "-o", "x.index")
        refused = ssdh("index", *words, code=3)
        assert "12 of 12 ids are already in " in refused.err
        assert " of them for other images, the first is " in refused.err
        assert refused.err.endswith(
            "hint: an id is a path below the folder that was encoded: encode this one with "
            "--id-prefix queries/\n"
        )
    ssdh("encode", "queries", "-o", "q.npz", *ENCODE, "--id-prefix", "queries/", "--force")
    assert read_codes("q.npz").ids[0] == "queries/dog/0.png"
    assert read_codes("q.npz").recipe["id_prefix"] == "queries/"
    assert ssdh("index", "add", "x.index", "q.npz").out == "added 12: 60 codes in x.index\n"
    again = ssdh("index", "add", "x.index", "q.npz", code=3)
    assert again.err.endswith("hint: 'ssdh index add --replace' replaces their codes\n")


def test_several_images_are_searched(ssdh: Ssdh) -> None:
    ssdh("encode", "database", "-o", "d.npz", *ENCODE, "--activations")
    ssdh("index", "build", "d.npz", "-o", "x.index", "--activations")
    images = ["database/fox/0.png", "queries/dog/1.png", "database/ant/3.png"]
    options = [word for image in images for word in ("--image", image)]
    for more in ((), ("--rerank", "activations")):
        found = ssdh("search", "x.index", *options, *ENCODE, "-k", "4", "--json", *more).json
        single = [
            ssdh("search", "x.index", "--image", image, *ENCODE, "-k", "4", "--json", *more).json
            for image in images
        ]
        assert [each["query"] for each in found["results"]] == images
        assert [[hit["id"] for hit in each["hits"]] for each in found["results"]] == [
            [hit["id"] for hit in each["results"][0]["hits"]] for each in single
        ]
    assert "none.png: cannot read" in (
        ssdh("search", "x.index", *options, "--image", "none.png", *ENCODE, code=3).err
    )


def test_an_lmdb_is_shown_with_the_names_of_its_classes(ssdh: Ssdh) -> None:
    ssdh("data", "build", "queries", "a_lmdb")
    shown = ssdh("data", "show", "a_lmdb")
    bar = "#" * 30
    assert shown.out.endswith(
        f"       0          4  {bar}  dog\n       1          4  {bar}  eel\n"
        f"       2          4  {bar}  fox\n"
    )
    assert ssdh("data", "show", "a_lmdb", "--json").json["class_names"] == ["dog", "eel", "fox"]
    Path("labels.txt").write_text("dog\ndog\n")
    shown = ssdh("data", "show", "a_lmdb", "--json")
    assert shown.json["class_names"] is None
    assert shown.err.startswith("warning: labels.txt:2: the class 'dog' has labels 0 and 1\n")


def test_the_accuracy_of_a_classifier_of_other_classes_is_doubted(ssdh: Ssdh) -> None:
    encode_both(ssdh)
    queries = read_codes("q.npz")
    scores = np.random.default_rng(0).random((len(queries), 6)).astype(np.float32)
    none = np.empty((len(queries), 0), np.uint8)
    recipe = {"model": {**(queries.model or {}), "blob": "prob"}}
    write_codes("s.npz", Codes(none, 0, queries.ids, queries.labels, recipe, scores))
    told = evaluate(ssdh, "--scores", "s.npz")
    assert told.err.endswith(
        "warning: s.npz: the classifier has 6 classes, but the queries number 3, so its accuracy "
        "may compare different classes; encode them with the names of its classes: "
        "--labels-file FILE\n"
    )


def test_sheets_and_figures_of_classes_have_names(ssdh: Ssdh) -> None:
    ssdh("data", "build", "queries", "a_lmdb")
    ssdh("data", "show", "a_lmdb", "--sheet", "named.png")
    Path("labels.txt").unlink()
    ssdh("data", "show", "a_lmdb", "--sheet", "numbers.png")
    named, numbers = cv2.imread("named.png"), cv2.imread("numbers.png")
    assert named.shape == numbers.shape
    assert (named != numbers).any()
    encode_both(ssdh)
    figures = evaluate(ssdh).json["classes"]
    assert [each["label"] for each in figures] == [3, 4, 5]
    assert [each["name"] for each in figures] == ["dog", "eel", "fox"]
    # A hit of another number is right if its class has the name of the query's.
    ssdh("index", "build", "d.npz", "-o", "x.index")
    ssdh("search", "x.index", "--queries", "q.npz", "-k", "3", "--sheet", "right.png")
    write_codes("q.npz", replace(read_codes("q.npz"), class_names=()))
    ssdh("search", "x.index", "--queries", "q.npz", "-k", "3", "--sheet", "wrong.png")
    assert (cv2.imread("right.png") != cv2.imread("wrong.png")).any()
