"""Encoding: a picture and its record give equal codes; what is unreadable is left out; resuming."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery import open_net
from ssdh_surgery.data.build import build
from ssdh_surgery.data.datum import write_encoded
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.errors import DataError, FileError, SsdhError, SurgeryError, UsageError
from ssdh_surgery.pipeline.encode.encode import EncodeResult, encode_source
from ssdh_surgery.pipeline.encode.encoder import Encoder, EncoderOptions
from ssdh_surgery.pipeline.encode.open_source import open_source
from ssdh_surgery.pipeline.encode.transform import TransformOptions
from ssdh_surgery.retrieval.codes.code_file import read_codes, read_features
from ssdh_surgery.retrieval.codes.codes import Codes
from ssdh_surgery.retrieval.codes.compatibility import overlap
from support.images import tiles
from support.processes import running
from support.small_codes import unpacked

CROP = 12
DEPLOY = f"""\
name: "small"
layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 1 dim: 3 dim: {CROP} dim: {CROP} }} }} }}
layer {{ name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param {{ num_output: 20 weight_filler {{ type: "gaussian" std: 0.002 }} }} }}
layer {{ name: "code" type: "Sigmoid" bottom: "latent" top: "code" }}
layer {{ name: "after" type: "Power" bottom: "code" top: "after" }}
"""
WORKSPACE = """\
version = 1
[nets.small]
deploy = "deploy.prototxt"
code = "code"
crop = 12
resize = [16, 14]
mean_value = [104, 117, 123]
scale = 0.5
channels = "BGR"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net with weights, its workspace, and class folders of PNGs."""
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(DEPLOY)
    Path("ssdh.toml").write_text(WORKSPACE)
    open_net("deploy.prototxt").save("small.caffemodel")
    for number, (pixels, label) in enumerate(tiles(24, 11)):
        picture = Path(f"photos/class{label}/{number:02d}.png")
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), pixels.transpose(1, 2, 0))
    return tmp_path


def encoder(**changes: Any) -> Encoder:
    names = {each.name for each in fields(TransformOptions)}
    transform = TransformOptions(**{name: changes.pop(name) for name in names & {*changes}})
    options = {"weights": Path("small.caffemodel"), "batch": 4, "transform": transform}
    return Encoder(EncoderOptions(**{**options, **changes}))


def encoded(source: str, out: str = "codes.npz", **options: Any) -> EncodeResult:
    net = encoder()
    return encode_source(open_source([Path(source)], net.transform), net, Path(out), **options)


def codes_of(result: EncodeResult) -> Codes:
    return read_features(result.file)


def by_hand(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The activations of one picture [H, W, 3], each step written out."""
    resized = cv2.resize(picture, (16, 14)).transpose(2, 0, 1).astype(np.float32)
    cropped = resized[:, 1:13, 2:14]
    net = open_net("deploy.prototxt", "small.caffemodel")
    net.blobs["data"].data[0] = (cropped - np.array([104, 117, 123])[:, None, None]) * 0.5
    net.forward()
    return np.array(net.blobs["code"].data[0])


def test_class_folders_by_hand() -> None:
    made = encoded("photos", keep_activations=True)
    codes = read_codes("codes.npz")
    assert codes.ids[0] == "class0/00.png"
    assert codes.labels.tolist() == [0] * 6 + [1] * 5
    assert codes.bits == 20
    assert codes.activations is not None
    for row in (0, 7):
        picture = cv2.imread(f"photos/{codes.ids[row]}")
        assert np.allclose(codes.activations[row], by_hand(picture), atol=1e-5)
    assert np.array_equal(unpacked(codes), codes.activations > 0.5)
    assert codes.recipe["transform"] == {
        "crop": 12,
        "scale": 0.5,
        "mean_value": [104.0, 117.0, 123.0],
        "mean_file": None,
        "channels": "BGR",
        "resize": [16, 14],
        "crops": 1,
    }
    assert codes.recipe["engine"] == "onnx"
    assert codes.model is not None
    assert codes.model["blob"] == "code"
    assert made.health is not None
    assert made.health.count == 11


@pytest.mark.parametrize("kind", ["TanH", "none", "Power"])
def test_the_bits_of_codes_that_are_signs(kind: str) -> None:
    code = 'layer { name: "code" type: "TanH" bottom: "latent" top: "code" }\n'
    head, tail = DEPLOY.split('layer { name: "code"')
    after = tail.split("\n", 1)[1]
    texts = {
        "TanH": head + code + after,
        "none": (head + after).replace('"code"', '"latent"'),
        "Power": head + code.replace("TanH", "Power") + after,
    }
    Path("deploy.prototxt").write_text(texts[kind])
    if kind == "none":
        Path("ssdh.toml").write_text(WORKSPACE.replace('"code"', '"latent"'))
    if kind == "Power":
        said = message_of(SurgeryError)
        assert "the code 'code' has no known threshold: Power layer 'code' writes it" in said
        return
    result = encoded("photos", keep_activations=True)
    codes = codes_of(result)
    assert codes.activations is not None
    np.testing.assert_array_equal(unpacked(codes), codes.activations > 0)
    assert 0.2 < unpacked(codes).mean() < 0.8
    assert codes.model is not None
    assert codes.model["threshold"] == 0
    assert result.health is not None
    assert result.health.words()[-1].endswith("within 0.1 of 0")


def test_a_picture_its_record_and_its_list_give_equal_codes() -> None:
    build("photos", "raw_lmdb", RecordOptions(size=(16, 14)))
    with LmdbWriter("encoded_lmdb") as writer:
        for number, path in enumerate(sorted(Path("photos").rglob("*.png"))):
            resized = cv2.resize(cv2.imread(str(path)), (16, 14))
            data = cv2.imencode(".png", resized)[1].tobytes()
            writer.put(f"{number:08d}".encode(), write_encoded(data, 1))
    lines = [f"{path} {path.parts[1][-1]}\n" for path in sorted(Path("photos").rglob("*.png"))]
    Path("list.txt").write_text("".join(lines))
    sources = ["photos", "raw_lmdb", "encoded_lmdb", "list.txt"]
    made = [codes_of(encoded(each, f"{number}.npz")) for number, each in enumerate(sources)]
    for other in made[1:]:
        assert overlap(made[0], other).all()
        assert np.array_equal(made[0].packed, other.packed)
        assert other.model == made[0].model
    assert made[1].labels.tolist() == made[0].labels.tolist() == made[3].labels.tolist()
    assert made[1].ids[7] == "00000007_class1/03.png"
    single = open_source([Path("photos/class1/03.png")], encoder().transform)
    alone = codes_of(encode_source(single, encoder(), Path("one.npz")))
    assert np.array_equal(alone.packed[0], made[0].packed[7])
    assert alone.labels.tolist() == [-1]


def test_a_net_that_takes_rgb_gets_it_of_pictures_and_records_alike() -> None:
    """Records are BGR, as `convert_imageset` makes them."""
    build("photos", "raw_lmdb", RecordOptions(size=(16, 14)))
    rgb, bgr = encoder(channels="RGB"), encoder()

    def codes_from(source: str, net: Encoder, out: str) -> Codes:
        opened = open_source([Path(source)], net.transform)
        return codes_of(encode_source(opened, net, Path(out), keep_activations=True))

    pictures, records = codes_from("photos", rgb, "a.npz"), codes_from("raw_lmdb", rgb, "b.npz")
    np.testing.assert_array_equal(records.activations, pictures.activations)
    assert overlap(pictures, records).all()
    assert not np.array_equal(codes_from("raw_lmdb", bgr, "c.npz").activations, records.activations)


def test_unreadable_pictures_are_left_out_and_named() -> None:
    Path("photos/class0/02.png").write_bytes(b"")
    Path("photos/class1/03.png").write_text("<html>")
    told: list[str] = []
    made = encoded("photos", report=told.append)
    assert told == [
        "'class0/02.png' is left out: cannot be decoded: the file is empty",
        "'class1/03.png' is left out: cannot be decoded: it is a web page",
    ]
    assert made.left_out == [
        ("class0/02.png", "cannot be decoded: the file is empty"),
        ("class1/03.png", "cannot be decoded: it is a web page"),
    ]
    codes = read_codes("codes.npz")
    assert codes.left_out is not None
    assert codes.left_out.tolist() == ["class0/02.png", "class1/03.png"]
    assert len(codes) == 9
    assert not set(codes.left_out) & set(codes.ids)


def test_a_damaged_record_is_left_out() -> None:
    build("photos", "raw_lmdb", RecordOptions(size=(16, 14)))
    with LmdbWriter("bad_lmdb") as writer:
        writer.put(b"0", b"\xff\xff")
        writer.put(b"1", write_encoded(b"no picture", 3))
        writer.put(b"2", write_encoded(Path("photos/class0/00.png").read_bytes(), 5))
    made = encoded("bad_lmdb")
    left_out = [name for name, _ in made.left_out]
    assert (left_out, codes_of(made).ids.tolist(), codes_of(made).labels.tolist()) == (
        ["0", "1"],
        ["2"],
        [5],
    )


def interrupt(done: int, total: int) -> None:
    """A user's Ctrl-C in the second batch."""
    if done == 8:
        raise KeyboardInterrupt


def test_an_interrupted_run_is_gone_on_with() -> None:
    whole = codes_of(encoded("photos", "whole.npz", keep_activations=True))
    net = encoder()
    source = open_source([Path("photos")], net.transform)
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, net, Path("codes.npz"), keep_activations=True, progress=interrupt)
    assert not Path("codes.npz").exists()
    resumed: list[str] = []

    def counted(start: int) -> Iterator[Any]:
        for item in source.items(start):
            resumed.append(item.id)
            yield item

    again = replace(source, items=counted)
    codes = codes_of(
        encode_source(again, net, Path("codes.npz"), keep_activations=True, resume=True)
    )
    assert np.array_equal(codes.packed, whole.packed)
    assert np.array_equal(codes.ids, whole.ids)
    assert np.array_equal(codes.labels, whole.labels)
    # Two batches of four were done.
    assert resumed == whole.ids[8:].tolist()
    assert read_codes("codes.npz").activations is not None
    assert not [each for each in Path().iterdir() if each.name.endswith(".partial")]


def test_resuming_in_another_way_is_refused() -> None:
    net = encoder()
    source = open_source([Path("photos")], net.transform)
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, net, Path("codes.npz"), progress=interrupt)
    other = encoder(scale=1.0)
    with pytest.raises(DataError) as caught:
        encode_source(
            open_source([Path("photos")], other.transform), other, Path("codes.npz"), resume=True
        )
    assert str(caught.value) == (
        "codes.npz: the unfinished run has other items or another recipe\n"
        "hint: omit --resume to start over"
    )
    encode_source(source, net, Path("codes.npz"))


@pytest.mark.parametrize("kind", ["folder", "list", "records", "labels", "pixels"])
def test_resuming_with_other_items_is_refused(kind: str) -> None:
    pictures = sorted(map(str, Path("photos").glob("*/0*.png")))
    lines = [f"{path} 0\n" for path in pictures]
    Path("list.txt").write_text("".join(lines))
    build("list.txt", "records", RecordOptions((16, 16)))
    of_list, of_records = dict.fromkeys(["list", "labels"], "list.txt"), ["records", "pixels"]
    source = (of_list | dict.fromkeys(of_records, "records")).get(kind, "photos")
    net = encoder()
    with pytest.raises(KeyboardInterrupt):
        encode_source(
            open_source([Path(source)], net.transform), net, Path("x.npz"), progress=interrupt
        )
    if kind == "folder":
        Path(pictures[0]).unlink()
    elif kind == "labels":
        Path("list.txt").write_text("".join([lines[0].replace(" 0", " 1"), *lines[1:]]))
    elif kind == "pixels":  # under the same keys
        build("list.txt", "records", RecordOptions((16, 16), gray=True), replace=True)
    else:
        Path("list.txt").write_text("".join(reversed(lines)))
        build("list.txt", "records", RecordOptions((16, 16)), replace=True)
    with pytest.raises(DataError, match="the unfinished run has other items"):
        encode_source(open_source([Path(source)], net.transform), net, Path("x.npz"), resume=True)


def test_two_at_once_do_not_disturb_each_other() -> None:
    net = encoder()
    source = open_source([Path("photos")], net.transform)

    def another(done: int, total: int) -> None:
        with pytest.raises(FileError, match=r"x\.npz: is being written by another ssdh"):
            encode_source(source, net, Path("x.npz"), resume=True)

    codes = codes_of(encode_source(source, net, Path("x.npz"), progress=another))
    assert len(codes) == source.count


@pytest.mark.parametrize(("size", "what"), [(4_000, "ids.wide"), (300, "ids"), (300, "state.json")])
def test_a_full_disk_is_told_with_the_name_that_was_given(size: int, what: str) -> None:
    # Text in an array is as wide as the longest, so that it is the largest at the end.
    if what != "state.json":
        long = Path("photos/class0") / f"{'x' * 200}.png"
        Path("photos/class0/00.png").rename(long)
    net = encoder(batch=20 if what == "ids" else 4)
    source = open_source([Path("photos")], net.transform)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(FileError, match=r"^x\.npz: cannot write: File too large"):
            encode_source(source, net, Path("x.npz"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not Path("x.npz").exists()
    assert len(codes_of(encode_source(source, net, Path("x.npz"), resume=True))) == source.count


def test_a_mean_file(tmp_path: Path) -> None:
    mean = np.random.default_rng(0).random((3, 14, 16)).astype(np.float32) * 255
    write_mean_file("mean.binaryproto", mean)
    net = encoder(mean_file=Path("mean.binaryproto"))
    pixels = tiles(14, 1)[0][0]
    pixels = np.concatenate([pixels, pixels[:, :, :2]], axis=2)
    expected = (pixels.astype(np.float32) - mean)[:, 1:13, 2:14] * np.float32(0.5)
    assert np.array_equal(net.transform.prepare(pixels)[0], expected)
    with pytest.raises(DataError) as caught:
        net.transform.prepare(pixels[:, :13])
    assert str(caught.value) == (
        "mean.binaryproto: the mean is 3 x 14 x 16 (channels x height x width), the image "
        "3 x 13 x 16\n"
        "hint: a mean file has the size of the images before the crop"
    )


def test_an_array_is_a_mean_file_as_it_is(tmp_path: Path) -> None:
    mean = np.random.default_rng(0).random((3, 14, 16)) * 255
    write_mean_file("mean.binaryproto", mean.astype(np.float32))
    np.save("mean.npy", mean)
    np.savez("mean.npz", mean=mean[None])
    pixels = np.random.default_rng(1).integers(0, 256, (3, 14, 16), np.uint8)
    nets = [encoder(mean_file=Path(f"mean.{each}")) for each in ("binaryproto", "npy", "npz")]
    inputs = [net.transform.prepare(pixels) for net in nets]
    assert all(np.array_equal(inputs[0], each) for each in inputs)
    # Their codes can be compared: one mean, whatever its form.
    assert len({json.dumps(net.transform.recipe()) for net in nets}) == 1
    with pytest.raises(DataError, match=r"^mean\.npy: the mean is 3 x 14 x 16 "):
        nets[1].transform.prepare(pixels[:, :13])


def test_an_array_of_values_is_mean_values(tmp_path: Path) -> None:
    np.save("mean.npy", np.array([104, 117, 123]))
    by_file = encoder(mean_file=Path("mean.npy")).transform
    assert by_file.recipe() == encoder(mean_value=(104, 117, 123)).transform.recipe()
    assert "subtract 104,117,123" in by_file.words()


def test_a_workspace_may_record_an_array(tmp_path: Path) -> None:
    np.save("mean.npy", np.full((3, 14, 16), 7.0))
    text = WORKSPACE.replace("mean_value = [104, 117, 123]", 'mean_file = "mean.npy"')
    Path("ssdh.toml").write_text(text)
    image = encoder().transform.mean_image
    assert image is not None
    assert image.shape == (3, 14, 16)


def message_of(kind: type[SsdhError], **changes: Any) -> str:
    with pytest.raises(kind) as caught:
        encoder(**changes).transform.image_size()
    return str(caught.value)


def test_what_is_not_known_is_said() -> None:
    assert message_of(SsdhError, blob="kode") == (
        "deploy.prototxt: no blob 'kode'\nhint: did you mean 'code'?"
    )
    assert message_of(UsageError, weights=None) == ("no weights\nhint: name them: --weights FILE")
    Path("ssdh.toml").write_text(WORKSPACE.replace("resize", "# resize"))
    assert message_of(DataError) == (
        "deploy.prototxt: the size that images are resized to before the crop of 12 is unknown\n"
        "hint: give the size of the training records: --resize 256x256 (--resize none keeps the "
        "size of images)"
    )
    assert encoder(crop=0).transform.image_size() == (12, 12)
    Path("ssdh.toml").unlink()
    assert message_of(UsageError) == (
        "no deploy net\nhint: run ssdh deploy first, or name one: --deploy FILE"
    )


def test_the_newest_snapshot_is_taken() -> None:
    Path("ssdh.toml").write_text(WORKSPACE + 'snapshot_prefix = "snap/small"\n')
    assert message_of(FileError, weights=None).endswith(
        ": no snapshot snap/small_iter_N.caffemodel yet\n"
        "hint: train first (ssdh train), or name the weights: --weights FILE"
    )
    Path("snap").mkdir()
    for iteration in (9, 10):
        data = Path("small.caffemodel").read_bytes()
        Path(f"snap/small_iter_{iteration}.caffemodel").write_bytes(data)
    assert encoder(weights=None).weights == Path("snap/small_iter_10.caffemodel")


def test_of_several_nets_a_deploy_net_that_is_named_is_enough() -> None:
    other = WORKSPACE.partition("\n")[2].replace("small", "other").replace("deploy.", "second.")
    Path("ssdh.toml").write_text(WORKSPACE + other.replace("0.5", "0.25"))
    Path("second.prototxt").write_text(DEPLOY)
    Path("copy.prototxt").write_text(DEPLOY)
    message = message_of(UsageError)
    assert "has several nets: small, other\nhint: choose one with --net" in message
    for deploy, scale in (("deploy", 0.5), ("second", 0.25), ("copy", None)):
        net = encoder(deploy=Path(f"{deploy}.prototxt"), blob="code")
        assert net.transform.values["scale"] == scale
    assert encoder(deploy=Path("copy.prototxt"), net="other").transform.values["scale"] == 0.25


def test_sources_that_hold_nothing() -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError) as caught:
        encoded("empty")
    assert str(caught.value) == (
        "empty: the folder has neither images nor class folders with images"
    )
    with pytest.raises(FileError) as missing:
        encoded("missing")
    assert str(missing.value) == "missing: cannot read: no such file"
    pictures = [Path("photos/class0/00.png"), Path("photos/class0/lost.png")]
    with pytest.raises(FileError) as lost:
        open_source(pictures, encoder().transform)
    assert str(lost.value) == "photos/class0/lost.png: cannot read: no such file"
    Path("bad").mkdir()
    Path("bad/a.png").write_bytes(b"")
    with pytest.raises(DataError) as none:
        encoded("bad")
    assert str(none.value) == "bad: none of 1 items can be read"
    assert not Path("codes.npz").exists()
    Path("codes.npz").write_bytes(b"mine")
    with pytest.raises(FileError) as exists:
        encoded("photos")
    assert str(exists.value) == (
        "codes.npz: the file exists; nothing was written\nhint: --force replaces it"
    )


def test_records_of_another_size() -> None:
    build("photos", "raw_lmdb", RecordOptions(size=(11, 14)))
    with pytest.raises(DataError) as caught:
        encoded("raw_lmdb")
    assert str(caught.value) == (
        "crop_size 12 is larger than the image of 3 x 14 x 11 (channels x height x width)\n"
        "hint: resize the images when building the LMDB, or set a smaller crop_size"
    )
    assert not [each for each in Path().iterdir() if each.name.endswith(".partial")]


def test_a_flat_folder_and_several_pictures_have_no_labels() -> None:
    os.mkfifo("photos/class0/pipe.png")
    Path("photos/class0/nowhere.png").symlink_to("/nowhere/x.png")
    made = encoded("photos/class0", "flat.npz")
    assert [name for name, _ in made.left_out] == ["nowhere.png"]
    flat = codes_of(made)
    assert flat.ids[0] == "00.png"
    assert set(flat.labels.tolist()) == {-1}
    net = encoder()
    paths = [Path("photos/class0/00.png"), Path("photos/class1/01.png")]
    assert codes_of(
        encode_source(open_source(paths, net.transform), net, Path("two.npz"))
    ).ids.tolist() == [
        "photos/class0/00.png",
        "photos/class1/01.png",
    ]


@pytest.mark.caffe
@pytest.mark.parametrize("engine", ["pycaffe", "binary"])
@pytest.mark.parametrize("crops", [1, 10])
def test_caffe_gives_the_same_codes(engine: str, crops: int) -> None:
    compare("torch", engine, crops)
    compare("onnx", engine, crops)


@pytest.mark.parametrize("crops", [1, 10])
def test_onnx_gives_the_same_codes(crops: int) -> None:
    compare("onnx", "torch", crops)


def compare(one: str, other: str, crops: int) -> None:
    for name in (one, other):
        net = encoder(engine=name, crops=crops)
        source = open_source([Path("photos")], net.transform)
        encode_source(source, net, Path(f"{name}.npz"), keep_activations=True, force=True)
    ours, theirs = read_codes(f"{one}.npz"), read_codes(f"{other}.npz")
    assert ours.activations is not None
    assert theirs.activations is not None
    assert theirs.activations.shape == (11, 20)
    assert np.allclose(ours.activations, theirs.activations, atol=1e-5)
    decided = np.abs(ours.activations - 0.5) > 1e-4
    assert np.array_equal(unpacked(ours)[decided], unpacked(theirs)[decided])


def test_a_run_that_is_killed_leaves_no_file_and_is_gone_on_with() -> None:
    for number in range(300):
        shutil.copy("photos/class0/00.png", f"photos/class0/more{number:03d}.png")
    words = ["-m", "ssdh_surgery", "encode", "photos", "-o", "codes.npz"]
    command = [sys.executable, *words, "--weights", "small.caffemodel"]
    state = Path(".codes.npz.partial/state.json")
    with running(
        [*command, "--batch", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and not (state.is_file() and state.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not Path("codes.npz").exists()
    done = json.loads(state.read_text())["items"]
    assert 0 < done < 311
    # Whatever was written behind the last whole batch does not count.
    with Path(".codes.npz.partial/codes").open("ab") as file:
        file.write(b"half a batch")
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True)
    assert resumed.stdout.startswith("wrote codes.npz: 311 codes of 20 bits\n")
    codes = read_codes("codes.npz")
    assert np.array_equal(codes.packed, codes_of(encoded("photos", "whole.npz")).packed)


def test_what_lost_its_end_is_begun_anew() -> None:
    net = encoder()
    source = open_source([Path("photos")], net.transform)
    with pytest.raises(KeyboardInterrupt):
        encode_source(source, net, Path("codes.npz"), progress=interrupt)
    part = Path(".codes.npz.partial/codes")
    part.write_bytes(part.read_bytes()[:-1])
    codes = codes_of(encode_source(source, net, Path("codes.npz"), resume=True))
    assert np.array_equal(
        codes.packed, codes_of(encode_source(source, net, Path("whole.npz"))).packed
    )
