"""Sources of data layers: order, values, chance, shares of several processes, and bad data."""

from __future__ import annotations

import gc
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from lmdb import Environment
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import write_encoded, write_raw
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.engines.open_net import open_net
from ssdh_surgery.engines.torch.layers.layer_context import LayerContext
from ssdh_surgery.engines.torch.sources.feed import Feed, SourcePosition
from ssdh_surgery.engines.torch.sources.prefetch import PrefetchedSource, ProcessShare
from ssdh_surgery.errors import DataError, SsdhError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
Batches = list[list[NDArray[np.float32]]]


def opened(
    text: str,
    folder: Path,
    *,
    phase: str = "TRAIN",
    share: ProcessShare | None = None,
    threads: int = 1,
    seed: int = 1,
) -> tuple[Feed, PrefetchedSource]:
    param = schema.parse_text(f"name: 'data' top: 'data' top: 'label' {text}", "LayerParameter")
    assert isinstance(param, schema.LayerParameter)
    feed = Feed(folder, share or ProcessShare(), threads)
    generator = torch.Generator().manual_seed(seed)
    return feed, feed(param, LayerContext(phase, torch.device("cpu"), generator))


def batches(count: int, text: str, folder: Path, **options: object) -> Batches:
    feed, source = opened(text, folder, **options)  # type: ignore[arg-type]
    try:
        return [source.next() for _ in range(count)]
    finally:
        feed.close()


def refusal(text: str, folder: Path, count: int = 0) -> str:
    with pytest.raises(SsdhError) as caught:
        batches(count, text, folder)
    return str(caught.value).replace(f"{folder}/", "")


def equal(one: Batches, other: Batches) -> bool:
    return all(
        np.array_equal(a, b)
        for x, y in zip(one, other, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def pictures(count: int, shape: tuple[int, int, int] = (3, 12, 10)) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, *shape), np.uint8)


def lmdb(path: Path, items: NDArray[np.uint8] | list[bytes]) -> Path:
    with LmdbWriter(path) as writer:
        for number, item in enumerate(items):
            record = item if isinstance(item, bytes) else write_raw(item, number)
            writer.put(f"{number:08d}".encode(), record)
    return path


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture.transpose(1, 2, 0))[1].tobytes()


DATA = "type: 'Data' data_param { source: 'x' batch_size: 4 backend: LMDB }"


def test_records_come_in_the_order_of_keys_and_wrap() -> None:
    text = (
        "type: 'Data' data_param { source: 'train_lmdb' batch_size: 50 backend: LMDB } "
        "transform_param { scale: 0.0078125 mean_file: 'mean.binaryproto' }"
    )
    with LmdbStore(TRAIN / "train_lmdb") as store:
        datums = [datum for _, datum in store.records()]
    mean = read_mean(TRAIN / "mean.binaryproto")
    assert len(datums) < 150
    for index, (data, label) in enumerate(batches(3, text, TRAIN)):
        assert data.dtype == label.dtype == np.float32
        for place in range(50):
            datum = datums[(50 * index + place) % len(datums)]
            assert label[place] == datum.label
            expected = (datum.pixels().astype(np.float32) - mean) * np.float32(0.0078125)
            np.testing.assert_array_equal(data[place], expected)


def test_chance_is_the_same_whatever_the_threads(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(7))
    text = DATA + "transform_param { crop_size: 6 mirror: true }"
    one, three = (batches(9, text, tmp_path, threads=threads) for threads in (1, 3))
    assert equal(one, three)
    assert not equal(one, batches(9, text, tmp_path, seed=2))


def test_crops_and_mirrors_vary_in_train(tmp_path: Path) -> None:
    picture = np.arange(120, dtype=np.uint8).reshape(1, 12, 10)
    lmdb(tmp_path / "x", picture[None])
    text = DATA + "transform_param { crop_size: 6 mirror: true }"
    corners = {
        (int(item[0, 0, 0]), int(item[0, 0, 1] - item[0, 0, 0]))
        for data, _ in batches(60, text, tmp_path)
        for item in data
    }
    # 7 rows and 5 columns of corners, as they are or mirrored (read from the right).
    plain = {(10 * row + column, 1) for row in range(7) for column in range(5)}
    mirrored = {(10 * row + column + 5, -1) for row in range(7) for column in range(5)}
    assert corners <= plain | mirrored
    assert len(corners) > 55


def test_crops_are_centred_in_test(tmp_path: Path) -> None:
    items = pictures(4)
    lmdb(tmp_path / "x", items)
    text = DATA + "transform_param { crop_size: 6 }"
    ((data, label),) = batches(1, text, tmp_path, phase="TEST")
    np.testing.assert_array_equal(data, items[:, :, 3:9, 2:8])
    np.testing.assert_array_equal(label, range(4))


def test_processes_share_the_records_of_one(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(7))
    text = DATA + "transform_param { crop_size: 6 mirror: true }"
    alone = batches(6, text, tmp_path)
    shared = [batches(3, text, tmp_path, share=ProcessShare(rank, 2)) for rank in (0, 1)]
    for index in range(3):
        both = [
            np.concatenate(pair) for pair in zip(*alone[2 * index : 2 * index + 2], strict=True)
        ]
        for rank in (0, 1):
            for ours, whole in zip(shared[rank][index], both, strict=True):
                np.testing.assert_array_equal(ours, whole[rank::2])


@pytest.mark.parametrize("shares", [1, 2])
def test_a_source_goes_on_from_its_place(tmp_path: Path, shares: int) -> None:
    lmdb(tmp_path / "x", pictures(7))
    text = DATA + "transform_param { crop_size: 6 mirror: true }"
    share = ProcessShare(shares - 1, shares)
    feed, source = opened(text, tmp_path, share=share)
    for _ in range(3):
        source.next()
    places = feed.positions()
    assert places["data"].position == 12 * shares
    assert places["data"].count == 7
    expected = [source.next() for _ in range(4)]
    feed.close()

    other, resumed = opened(text, tmp_path, share=share, seed=99)
    assert other.restore(places) == []
    assert equal([resumed.next() for _ in range(4)], expected)
    other.step_back()
    assert equal([resumed.next()], expected[-1:])
    other.close()


def test_a_place_in_other_data_is_not_gone_on_from(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(7))
    feed, source = opened(DATA, tmp_path)
    assert feed.restore({"data": SourcePosition(1, 12, count=8)}) == ["data"]
    assert feed.restore({"other": SourcePosition(1, 12, count=7)}) == ["data"]
    assert source.next()[1].tolist() == [0, 1, 2, 3]
    feed.close()


def test_encoded_records_are_decoded(tmp_path: Path) -> None:
    items = [jpeg(picture) for picture in pictures(5, (3, 16, 16))]
    lmdb(tmp_path / "x", [write_encoded(item, 7 + i) for i, item in enumerate(items)])
    ((data, label),) = batches(1, DATA, tmp_path)
    for place in range(4):
        decoded = cv2.imdecode(np.frombuffer(items[place], np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(data[place], decoded.transpose(2, 0, 1))
    assert label.tolist() == [7, 8, 9, 10]
    ((gray, _),) = batches(1, DATA + "transform_param { force_gray: true }", tmp_path)
    assert gray.shape == (4, 1, 16, 16)


def test_a_batch_of_one_may_change_its_shape(tmp_path: Path) -> None:
    shapes = [(3, 12, 10), (3, 8, 9), (3, 12, 10)]
    lmdb(tmp_path / "x", [write_raw(pictures(1, shape)[0], 0) for shape in shapes])
    text = DATA.replace("4", "1")
    assert [data.shape[1:] for data, _ in batches(3, text, tmp_path)] == shapes


def test_the_label_of_a_batch_leads_to_its_records(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(7))
    feed, source = opened(DATA, tmp_path)
    source.next()
    source.next()
    assert [record.name for record in feed.records(5)] == [f"record '00000005' of {tmp_path / 'x'}"]
    assert feed.records(1) == []
    feed.close()


def test_waiting_is_counted(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(7))
    feed, source = opened(DATA, tmp_path)
    assert feed.wait_seconds == 0
    source.next()
    assert feed.wait_seconds > 0
    feed.close()


# Pictures of a list.


def image_list(folder: Path, count: int = 5) -> NDArray[np.uint8]:
    items = pictures(count)
    lines = []
    for number, item in enumerate(items):
        cv2.imwrite(str(folder / f"p {number}.png"), item.transpose(1, 2, 0))
        lines.append(f"p {number}.png {number}\n")
    (folder / "list.txt").write_text("".join(lines))
    return items


IMAGES = "type: 'ImageData' image_data_param { source: 'list.txt' batch_size: 4 %s }"


def test_pictures_come_in_the_order_of_the_list(tmp_path: Path) -> None:
    items = image_list(tmp_path)
    (first, second) = batches(2, IMAGES % "", tmp_path)
    np.testing.assert_array_equal(first[0], items[:4])
    np.testing.assert_array_equal(second[0], items[[4, 0, 1, 2]])
    assert second[1].tolist() == [4, 0, 1, 2]


def test_pictures_are_resized_and_grey_where_asked(tmp_path: Path) -> None:
    image_list(tmp_path)
    text = IMAGES % "new_height: 6 new_width: 8 is_color: false"
    ((data, _),) = batches(1, text, tmp_path)
    expected = cv2.resize(cv2.imread(str(tmp_path / "p 1.png"), cv2.IMREAD_GRAYSCALE), (8, 6))
    np.testing.assert_array_equal(data[1, 0], expected)


def test_every_pass_is_shuffled_anew(tmp_path: Path) -> None:
    image_list(tmp_path)
    text = IMAGES % "shuffle: true"
    labels = np.concatenate([label for _, label in batches(10, text, tmp_path)])
    passes = [labels[start : start + 5].tolist() for start in range(0, 40, 5)]
    assert all(sorted(each) == [0, 1, 2, 3, 4] for each in passes)
    assert len({tuple(each) for each in passes}) > 3
    again = np.concatenate([label for _, label in batches(10, text, tmp_path)])
    np.testing.assert_array_equal(labels, again)


def test_some_pictures_are_skipped_once_where_asked(tmp_path: Path) -> None:
    image_list(tmp_path)
    starts = {
        batches(1, IMAGES % "rand_skip: 3", tmp_path, seed=seed)[0][1][0] for seed in range(20)
    }
    assert starts == {0, 1, 2}


def test_lists_that_caffe_would_read_wrongly(tmp_path: Path) -> None:
    image_list(tmp_path)
    (tmp_path / "list.txt").write_text("p 0.png 0\np 1.png\np 2.png 2 \n")
    said = refusal(IMAGES % "", tmp_path)
    assert said.startswith("list.txt: the list has lines that Caffe would misread\n")
    assert "line 2: 'p 1.png'" in said
    assert "line 3: 'p 2.png 2 '" in said


def test_a_list_with_an_empty_line(tmp_path: Path) -> None:
    """Caffe stops at it, where `convert_imageset` goes on."""
    image_list(tmp_path)
    (tmp_path / "list.txt").write_text("p 0.png 0\n\np 1.png 1\n")
    assert "SSDH141 line-without-picture" in refusal(IMAGES % "", tmp_path)


def test_a_negative_label_is_one_that_a_loss_may_ignore(tmp_path: Path) -> None:
    image_list(tmp_path)
    (tmp_path / "list.txt").write_text("p 0.png -1\np 1.png +2\n")
    (batch,) = batches(1, IMAGES % "", tmp_path)
    assert batch[1][:2].tolist() == [-1, 2]


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    image_list(tmp_path)
    (tmp_path / "p 3.png").unlink()
    assert refusal(IMAGES % "", tmp_path, 1) == (
        "p 3.png: cannot read: no such file\nhint: did you mean 'p 4.png'?"
    )


def test_a_picture_of_another_shape_is_named(tmp_path: Path) -> None:
    image_list(tmp_path)
    cv2.imwrite(str(tmp_path / "p 2.png"), np.zeros((5, 4, 3), np.uint8))
    assert refusal(IMAGES % "", tmp_path, 1) == (
        "list.txt:3: 'p 2.png': is 3 x 5 x 4, but its batch is 3 x 12 x 10 "
        "(channels x height x width)\n"
        "hint: all images of a batch need one shape: resize them when building the data, or set "
        "crop_size"
    )


# Rows of HDF5 files.


def hdf5_files(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import h5py

    data = np.random.default_rng(1).normal(size=(7, 2, 3)).astype(np.float32)
    label = np.arange(7, dtype=np.float32)
    for name, part in (("a.h5", slice(0, 4)), ("b.h5", slice(4, 7))):
        with h5py.File(folder / name, "w") as file:
            file["data"], file["label"] = data[part], label[part].astype(np.int64)
    (folder / "list.txt").write_text("a.h5\nb.h5\n")
    return data, label


HDF5 = "type: 'HDF5Data' hdf5_data_param { source: 'list.txt' batch_size: 3 %s }"


def test_rows_come_file_by_file_and_wrap(tmp_path: Path) -> None:
    data, label = hdf5_files(tmp_path)
    found = batches(5, HDF5 % "", tmp_path)
    order = np.arange(15) % 7
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in found]), data[order])
    np.testing.assert_array_equal(np.concatenate([batch[1] for batch in found]), label[order])


def test_rows_are_shuffled_where_asked(tmp_path: Path) -> None:
    data, _ = hdf5_files(tmp_path)
    found = batches(28, HDF5 % "shuffle: true", tmp_path)
    labels = np.concatenate([batch[1] for batch in found]).astype(int)
    np.testing.assert_array_equal(np.concatenate([batch[0] for batch in found]), data[labels])
    passes = labels.reshape(-1, 7)
    assert all(sorted(each) == list(range(7)) for each in passes)
    assert len({tuple(each) for each in passes}) > 6
    # Files come one after the other, in either order.
    assert {tuple(each[:3] < 4) for each in passes} == {(True,) * 3, (False,) * 3}


def test_the_label_of_a_row_leads_to_it(tmp_path: Path) -> None:
    hdf5_files(tmp_path)
    feed, source = opened(HDF5 % "", tmp_path)
    for _ in range(2):
        source.next()
    assert [record.name for record in feed.records(5)] == [f"row 1 of {tmp_path}/b.h5"]
    feed.close()


def test_hdf5_files_that_are_no_good(tmp_path: Path) -> None:
    import h5py

    hdf5_files(tmp_path)
    assert refusal(HDF5 % "", tmp_path / "x") == "list.txt: cannot read: no such file"
    assert refusal(HDF5 % "} transform_param { scale: 2", tmp_path) == (
        "layer 'data': HDF5Data does not support transform_param"
    )
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"], file["labels"] = np.zeros((3, 2)), np.zeros(3)
    assert refusal(HDF5 % "", tmp_path) == (
        "b.h5: no dataset 'label', a top of the layer; the file has 'data', 'labels'\n"
        "hint: did you mean 'labels'?"
    )
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"], file["label"] = np.zeros((3, 2)), np.zeros(4)
    assert refusal(HDF5 % "", tmp_path) == (
        "b.h5: the datasets of the tops need one number of rows: 'data' has 3, 'label' has 4"
    )
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"], file["label"] = np.zeros((3, 2)), np.zeros(3)
    assert refusal(HDF5 % "", tmp_path) == (
        "b.h5: a row of 'data' is 2, in the first file of the list 2x3"
    )
    (tmp_path / "b.h5").write_bytes(b"no")
    assert refusal(HDF5 % "", tmp_path) == "b.h5: is not an HDF5 file"
    (tmp_path / "list.txt").write_text("\n")
    assert refusal(HDF5 % "", tmp_path) == "list.txt: the list names no HDF5 files"


# Bad records and settings.


def test_a_missing_lmdb(tmp_path: Path) -> None:
    lmdb(tmp_path / "xy", pictures(1))
    assert refusal(DATA, tmp_path) == "x: no such LMDB\nhint: did you mean 'xy'?"


def test_an_empty_lmdb(tmp_path: Path) -> None:
    import lmdb as library

    library.open(str(tmp_path / "x")).close()
    assert refusal(DATA, tmp_path) == "x: the LMDB contains no records"


def test_a_leveldb(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "CURRENT").write_text("MANIFEST-000002\n")
    (tmp_path / "x" / "MANIFEST-000002").write_bytes(b"")
    assert refusal(DATA, tmp_path) == (
        "x: is a LevelDB, not an LMDB\n"
        "hint: only LMDB is supported; build one from the same list with 'ssdh data build LIST "
        "FOLDER' or 'convert_imageset --backend=lmdb'"
    )


def test_a_record_of_another_shape(tmp_path: Path) -> None:
    items = [write_raw(item, 0) for item in pictures(7)]
    items[5] = write_raw(pictures(1, (3, 10, 10))[0], 0)
    lmdb(tmp_path / "x", items)
    assert refusal(DATA, tmp_path, 2) == (
        "x: record '00000005': is 3 x 10 x 10, but its batch is 3 x 12 x 10 "
        "(channels x height x width)\n"
        "hint: all images of a batch need one shape: resize them when building the data, or set "
        "crop_size"
    )


def test_a_truncated_jpeg(tmp_path: Path) -> None:
    items = [write_encoded(jpeg(item), 0) for item in pictures(4, (3, 16, 16))]
    items[2] = write_encoded(jpeg(pictures(1, (3, 16, 16))[0])[:-200], 0)
    lmdb(tmp_path / "x", items)
    assert refusal(DATA, tmp_path, 1) == (
        "x: record '00000002': the JPEG is truncated: it has no end marker"
    )


def test_a_record_that_is_none(tmp_path: Path) -> None:
    items = [write_raw(item, 0) for item in pictures(4)]
    lmdb(tmp_path / "x", [*items, items[0][:-5]])
    said = refusal(DATA, tmp_path, 2)
    assert said.startswith("x: record '00000004': not a Datum: ")


def test_a_mean_of_another_size(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(4))
    write_mean_file(tmp_path / "m", np.zeros((3, 10, 10), np.float32))
    text = DATA + "transform_param { mean_file: 'm' }"
    said = refusal(text, tmp_path)
    assert said.startswith("x: record '00000000': the mean is 3 x 10 x 10 ")
    assert "the image 3 x 12 x 10" in said


def test_a_missing_mean(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(4))
    text = DATA + "transform_param { mean_file: 'm' }"
    assert refusal(text, tmp_path) == "m: cannot read: no such file"


def test_a_crop_larger_than_the_picture(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(4))
    said = refusal(DATA + "transform_param { crop_size: 11 }", tmp_path)
    assert said.startswith(
        "x: record '00000000': crop_size 11 is larger than the image of 3 x 12 x 10 "
    )


def test_settings_without_a_place_name_their_layer(tmp_path: Path) -> None:
    lmdb(tmp_path / "x", pictures(4))
    text = DATA + "transform_param { mean_file: 'm' mean_value: 1 }"
    assert refusal(text, tmp_path) == ("layer 'data': mean_file and mean_value cannot both be set")
    text = "type: 'Data' data_param { source: 'x' }"
    assert refusal(text, tmp_path) == "layer 'data': batch_size must be above 0, not 0"
    assert refusal("type: 'WindowData'", tmp_path) == (
        "layer 'data': the embedded engine does not read WindowData\nhint: use --engine binary"
    )


def test_an_error_comes_with_the_batch_that_it_is_in(tmp_path: Path) -> None:
    items = [write_raw(item, number) for number, item in enumerate(pictures(8))]
    lmdb(tmp_path / "x", [*items, b"\x08"])
    feed, source = opened(DATA, tmp_path)
    assert source.next()[1].tolist() == [0, 1, 2, 3]
    assert source.next()[1].tolist() == [4, 5, 6, 7]
    with pytest.raises(DataError, match="record '00000008'"):
        source.next()
    feed.close()


def test_a_net_that_is_forgotten_lets_go_of_its_records(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "data" type: "Data" top: "data" top: "label" '
        f'data_param {{ source: "{tmp_path}/records" batch_size: 2 backend: LMDB }} }}'
    )
    lmdb(tmp_path / "records", np.ones((3, 1, 2, 2), np.uint8))
    assert (open_net(net, engine="torch").forward()["data"] == 1).all()
    gc.collect()
    # Python's lmdb opens no file twice.
    Environment(str(tmp_path / "records"), readonly=True, lock=False).close()
