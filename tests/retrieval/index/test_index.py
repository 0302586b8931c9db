"""Indexes in files and in PostgreSQL: exact answers, changes by id, what does not belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.codes.class_names import Label, LabelName
from ssdh_surgery.retrieval.codes.codes import Codes, pack
from ssdh_surgery.retrieval.index.index import About, Features, Index
from ssdh_surgery.retrieval.index.kinds import KINDS, postgres_kinds
from ssdh_surgery.retrieval.index.places import create_index, open_index
from support.small_codes import unpacked

MODEL = {"weights": "a" * 64, "blob": "code"}
IN_POSTGRES = tuple(f"postgres {kind}" for kind in postgres_kinds())
PLACES = (*KINDS, *IN_POSTGRES)
EXACT = tuple(kind for kind in PLACES if KINDS[kind.split()[-1]].is_exact)


def made(count: int, bits: int, prefix: str = "i", seed: int = 0, **changes: Any) -> Codes:
    random = np.random.default_rng(seed)
    ids = np.array([f"{prefix}{number}" for number in range(count)])
    values = {
        "packed": pack(random.random((count, bits))),
        "bits": bits,
        "ids": ids,
        "labels": random.integers(0, 3, count),
        "recipe": {"model": MODEL},
    }
    return Codes(**{**values, **changes})


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an index of the kind goes that a test is told of."""
    if request.getfixturevalue("kind") in IN_POSTGRES:
        return f"{request.getfixturevalue('database')}#some.table"
    return str(tmp_path / "x.index")


def build(place: str, kind: str, codes: Codes, features: Features | None = None) -> Index:
    """An index that was saved and opened again."""
    if kind in IN_POSTGRES:
        place = place.replace("#some.table", "#x")
    about = About.like(codes, kind.split()[-1], features or {})
    with create_index(place, about) as index:
        index.add(codes, features)
        index.save()
    return open_index(place)


def nearest(codes: Codes, queries: Codes, k: int) -> list[list[tuple[int, str]]]:
    """Plain Python: distances and ids, ties in database order."""
    found = []
    for query in unpacked(queries):
        distances = [int((query != item).sum()) for item in unpacked(codes)]
        order = sorted(range(len(distances)), key=distances.__getitem__)[:k]
        found.append([(distances[row], str(codes.ids[row])) for row in order])
    return found


def hits(index: Index, queries: Codes, k: int) -> list[list[tuple[int, str]]]:
    """What an index finds, as `nearest` has it."""
    found = []
    for some, rows in zip(*index.search(queries.packed, k), strict=True):
        ids = [item.id for item in index.items(rows[rows >= 0])]
        found.append(list(zip(some[rows >= 0].tolist(), ids, strict=True)))
    return found


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("bits", [1, 5, 8, 12, 48, 100])
def test_exact_kinds_answer_as_plain_python(kind: str, bits: int, place: str) -> None:
    codes, queries = made(70, bits), made(6, bits, "q", 1)
    with build(place, kind, codes) as index:
        assert len(index) == 70
        for k in (1, 10, 70, 1000):
            assert hits(index, queries, k) == nearest(codes, queries, k)
        assert np.array_equal(index.codes(index.rows(codes.ids.tolist())), codes.packed)


@pytest.mark.parametrize("kind", [kind for kind in PLACES if kind not in EXACT])
def test_approximate_kinds_find_most(kind: str, place: str) -> None:
    codes = made(2000, 20)
    with build(place, kind, codes) as index:
        assert 0.5 < index.recall() <= 1
        for some, own in zip(hits(index, made(40, 20), 5), codes.ids, strict=False):
            rows = [(distance, int(name[1:])) for distance, name in some]
            assert rows == sorted(rows)
            assert rows[0][0] == 0
            assert (0, str(own)) in some


@pytest.mark.parametrize("kind", PLACES)
def test_adding_replacing_and_removing(kind: str, place: str) -> None:
    with build(place, kind, made(200, 20)) as index:
        more = made(50, 20, "more", 1, labels=np.full(50, 7))
        assert index.add(more) == (50, 0)
        index.save()
        name = index.name if kind not in IN_POSTGRES else place.replace("#some.table", "#x")
    with open_index(name) as index:
        assert [item.id for item in index.items(index.rows(["more7", "i3"]))] == ["more7", "i3"]
        assert hits(index, made(8, 20, "more", 1), 1)[7][0][0] == 0
        flipped = made(2, 20, "more", 1, ids=np.array(["new", "more0"]), labels=np.array([-1, -1]))
        flipped.packed[1] ^= np.array([255, 255, 0xF0], np.uint8)
        assert index.add(flipped, replace=True) == (1, 1)
        rows = index.rows(["more0", "new", "more1", "i199"])
        # What is replaced stays in its place, what is new goes behind the others.
        assert np.argsort(rows).tolist() == [3, 0, 2, 1]
        assert np.array_equal(index.codes(rows[:2]), flipped.packed[::-1])
        assert [item.label for item in index.items(rows)][:3] == [None, None, 7]
        assert index.remove(["i0", "more7", "i0"]) == 2
        assert len(index) == 249
        index.save()
    with open_index(name) as index:
        assert len(index) == 249
        asked = Codes(flipped.packed, 20, flipped.ids, flipped.labels)
        assert hits(index, asked, 1)[1][0][0] == 0
        with pytest.raises(DataError, match="no item has the id 'i0'"):
            index.rows(["i1", "i0"])
        assert index.remove(["i1"]) == 1


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_not_saved_is_not_there(kind: str, place: str) -> None:
    with build(place, kind, made(20, 20)) as index:
        index.remove(["i3"])
        index.add(made(5, 20, "more", 1))
        name = index.name if kind not in IN_POSTGRES else place.replace("#some.table", "#x")
    with open_index(name) as index:
        assert len(index) == 20


@pytest.mark.parametrize("kind", PLACES)
def test_an_index_that_was_emptied_is_filled_again(kind: str, place: str) -> None:
    with build(place, kind, made(3, 20)) as index:
        index.remove(["i0", "i1", "i2"])
        assert len(index) == 0
        assert hits(index, made(2, 20), 5) == [[], []]
        index.save()
        index.add(made(4, 20))
        assert [some[0][0] for some in hits(index, made(4, 20), 1)] == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_ids_of_any_bytes(kind: str, place: str) -> None:
    names = ["caf\udce9.jpg", "a\nb", "", "猫", "a\\xe9", "\\", "a b'\"%s", "7", "{}\t;--", "a\0b"]
    with build(place, kind, made(10, 8, ids=np.array(names))) as index:
        rows = index.rows(names)
        assert [item.id for item in index.items(rows)] == names
        assert rows.tolist() == sorted(rows.tolist())


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_several_labels(kind: str, place: str) -> None:
    labels = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]], np.uint8)
    with build(place, kind, made(3, 8, labels=labels)) as index:
        items = index.items(index.rows(["i0", "i1", "i2"]))
        assert [item.label for item in items] == [[1, 2], [], [0]]
        with pytest.raises(
            DataError, match=r"labels have the shape \[N\], those of the index .* \[N"
        ):
            index.add(made(1, 8, "x"))


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_labels_are_matched_by_class_name(kind: str, place: str) -> None:
    first = made(3, 8, labels=np.array([1, 0, -1]), class_names=("cat", "caf\udce9"))
    named = [("i0", 1, "caf\udce9"), ("i1", 0, "cat"), ("i2", None, None)]
    with build(place, kind, first) as index:
        assert shown(index, "i0", "i1", "i2") == named
        index.add(made(3, 8, "x", labels=np.array([0, 1, 2]), class_names=("owl", "cat", "Cat")))
        index.save()
        named += [("x0", 2, "owl"), ("x1", 0, "cat"), ("x2", 3, "Cat")]
        name = index.name if kind not in IN_POSTGRES else place.replace("#some.table", "#x")
    with open_index(name) as index:
        assert index.about.class_names == ("cat", "caf\udce9", "owl", "Cat")
        assert shown(index, "i0", "i1", "i2", "x0", "x1", "x2") == named
        with pytest.raises(DataError, match="label 2 has no name: its class names end"):
            index.add(made(2, 8, "y", labels=np.array([0, 2]), class_names=("owl",)))
        warnings: list[str] = []
        index.add(made(1, 8, "z", labels=np.array([-1])), report=warnings.append)
        assert warnings == []
        index.add(made(1, 8, "u", labels=np.array([3])), report=warnings.append)
        assert warnings == [
            f"codes has no class names, the index {index.name} has: their labels are compared as "
            "numbers, which is right only if both number their classes alike"
        ]
        with pytest.raises(DataError) as caught:
            index.add(made(1, 8, "v", labels=np.array([4])))
        assert str(caught.value) == (
            f"codes: has labels to 4 without class names, but the index {index.name} names 4 "
            "classes\nhint: give the class names of both to 'ssdh encode': --labels-file FILE"
        )


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_an_index_without_names(kind: str, place: str) -> None:
    with build(place, kind, made(2, 8, labels=np.array([-1, -1]))) as index:
        index.add(made(1, 8, "x", labels=np.array([0]), class_names=("owl",)))
        assert shown(index, "x0") == [("x0", 0, "owl")]
    more = made(1, 8, "x", labels=np.array([0]), class_names=("owl",))
    with (
        build(place + "2", kind, made(2, 8, labels=np.array([0, 5]))) as index,
        pytest.raises(DataError, match=r"codes: names 1 class, but the index .*2 has labels to 5"),
    ):
        index.add(more)


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_several_labels_are_matched_by_class_name(kind: str, place: str) -> None:
    labels = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    names = ("sky", "sea", "car")
    with build(place, kind, made(2, 8, labels=labels, class_names=names)) as index:
        more = made(1, 8, "x", labels=np.array([[1, 1]], np.uint8), class_names=("car", "sky"))
        index.add(more)
        assert shown(index, "i0", "x0") == [
            ("i0", [1, 2], ["sea", "car"]),
            ("x0", [0, 2], ["sky", "car"]),
        ]
        other = replace(more, ids=np.array(["y"]), class_names=("car", "Sky"))
        with pytest.raises(DataError, match="label vectors for the class 'Sky', which the index"):
            index.add(other)


def shown(index: Index, *ids: str) -> list[tuple[str, Label, LabelName]]:
    return [(item.id, item.label, item.label_name) for item in index.items(index.rows(ids))]


def added_to(codes: Codes) -> Codes:
    """The same codes and one more."""
    packed = np.concatenate([codes.packed, codes.packed[:1]])
    ids = np.append(codes.ids, "new")
    return replace(codes, packed=packed, ids=ids, labels=np.append(codes.labels, 0))


@pytest.mark.parametrize("kind", ["numpy", "postgres flat"])
def test_codes_that_do_not_belong(kind: str, place: str) -> None:
    with build(place, kind, made(10, 12)) as index:
        other = {"model": {**MODEL, "weights": "b" * 64}}
        cases = {
            "codes of 16 bits, the index {} has 12": made(3, 16, "q"),
            "made by another model than the index {}: weights bbbbbbbbbbbb against aaaaaaaaaaaa\n"
            "hint: encode both with the same net and weights": made(3, 12, "q", recipe=other),
            "3 of 4 ids are already in the index {}, 3 of them for other images, the first is "
            "'i2'\nhint: an id is a path below the folder that was encoded: encode this one with "
            "--id-prefix NAME/": made(4, 12, ids=np.array(["z", "i2", "i1", "i0"])),
            "10 of 11 ids are already in the index {}, the first is 'i0'\n"
            "hint: 'ssdh index add --replace' replaces their codes": added_to(made(10, 12)),
            "several items have the id 'x'\n"
            "hint: ids must be unique: encode a list that names each image "
            "once": made(3, 12, ids=np.array(["x", "y", "x"])),
        }
        for message, codes in cases.items():
            with pytest.raises(DataError) as caught:
                index.add(codes)
            assert str(caught.value) == "codes: " + message.format(index.name)
        index.close()


@pytest.mark.parametrize("kind", ["numpy", "flat", "postgres hnsw"])
def test_features_follow_their_items(kind: str, place: str) -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((30, 16)).astype(np.float32) * 1e-3
    wide = random.standard_normal((30, 5)).astype(np.float32)
    kept = {"activations": values, "pool5/7x7%s": wide}
    with build(place, kind, made(30, 16), kept) as index:
        assert index.about.features == {"activations": 16, "pool5/7x7%s": 5}
        index.remove(["i0", "i9"])
        more = made(2, 16, ids=np.array(["i3", "new"]))
        again = {"activations": values[3:5] + 1, "pool5/7x7%s": wide[:2]}
        assert index.add(more, again, replace=True) == (1, 1)
        index.save()
        name = index.name if kind not in IN_POSTGRES else place.replace("#some.table", "#x")
    with open_index(name) as index:
        rows = index.rows(["i3", "new", "i29"])
        expected = np.array([values[3] + 1, values[4] + 1, values[29]])
        assert np.array_equal(index.features("activations", rows), expected)
        assert index.features("pool5/7x7%s", rows)[1].tolist() == wide[1].tolist()
        some = index.rows(["i20", "i21", "i22", "i23"])
        distances, order = index.rerank("activations", values[22] + 0.01, some, 3)
        true = np.linalg.norm(values[20:24] - (values[22] + 0.01), axis=1)
        assert order.tolist() == some[np.argsort(true)[:3]].tolist()
        assert np.allclose(distances, np.sort(true)[:3])
        with pytest.raises(DataError) as caught:
            index.add(made(1, 16, "z"))
        assert str(caught.value) == (
            f"codes: lacks the feature 'activations', which the index {index.name} keeps\n"
            "hint: ssdh encode --activations keeps activations of a blob"
        )
        with pytest.raises(DataError, match=r"is \[1, 4\], but the index .* keeps \[1, 5\]"):
            index.add(
                made(1, 16, "z"), {**again, "activations": values[:1], "pool5/7x7%s": wide[:1, :4]}
            )
        with pytest.raises(DataError, match="it has 'activations', 'pool5/7x7%s'"):
            index.refuse_feature("fc7")


@pytest.mark.parametrize("kind", ["flat", IN_POSTGRES[0]])
def test_the_folders_of_all_codes_are_recorded(place: str, kind: str) -> None:
    def codes(prefix: str, root: str | None) -> Codes:
        return made(5, 16, prefix, recipe={"model": MODEL, "root": root})

    with build(place, kind, codes("a", "/a")) as index:
        for number, root in enumerate(("/b", "/a", "/b", None)):
            more = codes(f"more{number}-", root)
            index.add(more)
            index.record_source(more)
        index.save()
        name = index.name
    with open_index(place.replace("#some.table", "#x")) as index:
        assert index.name == name
        assert index.about.recipe["root"] == "/a"
        assert index.about.recipe["more_sources"] == [{"root": "/b", "id_prefix": None}]
