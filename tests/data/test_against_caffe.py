"""Records, means and transforms beside those of Caffe's own tools, byte for byte."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.build import build, read_source
from ssdh_surgery.data.build_job import record_order
from ssdh_surgery.data.compute_mean import database_mean
from ssdh_surgery.data.datum import write_encoded, write_raw
from ssdh_surgery.data.image import encode, planar
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.data.transform import DataTransformer
from ssdh_surgery.errors import DataError

Maker = Callable[..., Path]

pytestmark = pytest.mark.caffe


def exif_rotated(jpeg: bytes) -> bytes:
    """The JPEG with EXIF data that says: turn it by a quarter (orientation 6)."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., NDArray]) -> Path:
    """Pictures of many kinds and `list.txt` of them."""
    folder = tmp_path_factory.mktemp("pictures")
    image = picture(1, 61, 83)
    jpeg = cv2.IMWRITE_JPEG_QUALITY
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    files = {
        "good.jpg": encode(image, "jpg"),
        "rough.jpeg": cv2.imencode(".jpg", image, [jpeg, 30])[1].tobytes(),
        "progressive.JPG": cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[
            1
        ].tobytes(),
        "full colour.jpg": cv2.imencode(".jpg", image, sampling)[1].tobytes(),
        "gray.jpg": encode(image[:, :, 0], "jpg"),
        "turned.jpg": exif_rotated(encode(image, "jpg")),
        "sub folder/a.png": encode(image, "png"),
        "gray.png": encode(image[:, :, 1], "png"),
        "deep.png": encode(image.astype(np.uint16) * 257, "png"),
        "clear.png": encode(np.dstack([image, image[:, :, 2]]), "png"),
        "a.bmp": encode(image, "bmp"),
        "a.ppm": encode(image, "ppm"),
        "a.tiff": encode(image, "tiff"),
        "large.jpg": encode(picture(2, 375, 500), "jpg"),
        "tiny.png": encode(picture(3, 1, 2), "png"),
    }
    (folder / "sub folder").mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    labels = [0, 1, 127, 128, 300, 2147483647, *range(6, 15)]
    lines = [f"{name} {label}\n" for name, label in zip(files, labels, strict=True)]
    (folder / "list.txt").write_text("".join(lines))
    return folder


def run(caffe: Path, tool: str, *arguments: object, folder: Path) -> str:
    """What a tool of Caffe's says; it must not fail."""
    command = [str(caffe.with_name(tool)), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def items(path: Path) -> list[tuple[bytes, bytes]]:
    with LmdbStore(path) as store:
        return list(store.items())


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ([], RecordOptions()),
        (["-gray"], RecordOptions(gray=True)),
        (["-resize_width=256", "-resize_height=256"], RecordOptions(size=(256, 256))),
        (["-resize_width=57", "-resize_height=31"], RecordOptions(size=(57, 31))),
        (
            ["-gray", "-resize_width=28", "-resize_height=40"],
            RecordOptions(size=(28, 40), gray=True),
        ),
        (["-encoded"], RecordOptions(encoded=True)),
        (["-encoded", "-gray"], RecordOptions(encoded=True, gray=True)),
    ],
    ids=["plain", "gray", "square", "odd", "gray-resized", "encoded", "encoded-gray"],
)
def test_records_are_those_of_convert_imageset(
    caffe: Path, pictures: Path, tmp_path: Path, flags: list[str], options: RecordOptions
) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    run(caffe, "convert_imageset", *flags, f"{pictures}/", pictures / "list.txt", theirs,
        folder=tmp_path)  # fmt: skip
    build(pictures / "list.txt", ours, options, root=pictures)
    assert len(items(ours)) == 15
    assert items(ours) == items(theirs)


@pytest.mark.parametrize("gray", [False, True], ids=["color", "gray"])
def test_pictures_encoded_anew_are_those_of_convert_imageset(
    caffe: Path, pictures: Path, tmp_path: Path, gray: bool
) -> None:
    """JPEGs to the byte; a PNG has the same pixels, but another zlib may have packed it."""
    lines = (pictures / "list.txt").read_text().splitlines(keepends=True)
    (tmp_path / "list.txt").write_text("".join(line for line in lines if ".ppm" not in line))
    flags = ["-encoded", "-resize_width=40", "-resize_height=30", f"-gray={str(gray).lower()}"]
    run(caffe, "convert_imageset", *flags, f"{pictures}/", "list.txt", "theirs", folder=tmp_path)
    options = RecordOptions(size=(40, 30), encoded=True, gray=gray)
    build(tmp_path / "list.txt", tmp_path / "ours", options, root=pictures)
    with LmdbStore(tmp_path / "ours") as our_store, LmdbStore(tmp_path / "theirs") as their_store:
        pairs = list(zip(our_store.records(), their_store.records(), strict=True))
    assert len(pairs) == 14
    for (our_key, our), (their_key, their) in pairs:
        assert (our_key, our.label, our.encoded) == (their_key, their.label, True)
        # BVLC's tool leaves the sizes out; that of SSD's lineage writes them.
        assert our.shape == (0, 0, 0)
        assert their.shape in [(0, 0, 0), (1 if gray else 3, 30, 40)]
        np.testing.assert_array_equal(our.pixels(), their.pixels())
        if our_key.lower().endswith((b".jpg", b".jpeg")):
            assert our.data == their.data


def test_a_shuffled_list_is_as_if_it_had_come_so(
    caffe: Path, pictures: Path, tmp_path: Path
) -> None:
    options = RecordOptions(size=(20, 20), shuffle=True, seed=3)
    images = read_source(pictures / "list.txt", pictures)
    lines = [f"{entry.path} {entry.label}\n" for _, entry in record_order(images, options)]
    (tmp_path / "list.txt").write_text("".join(lines))
    run(caffe, "convert_imageset", "-resize_width=20", "-resize_height=20", f"{pictures}/",
        "list.txt", "theirs", folder=tmp_path)  # fmt: skip
    build(pictures / "list.txt", tmp_path / "ours", options, root=pictures)
    assert items(tmp_path / "ours") == items(tmp_path / "theirs")


def test_what_is_skipped_leaves_the_other_records_as_they_are(
    caffe: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text(
        f"no.jpg 1\n{pictures}/good.jpg 2\n{tmp_path}/bad.png 3\n\n{pictures}/gray.jpg 4\n"
    )
    (tmp_path / "bad.png").write_bytes((pictures / "gray.png").read_bytes()[:-300])
    log = run(caffe, "convert_imageset", "", "list.txt", "theirs", folder=tmp_path)
    assert log.count("Could not open or find file") == 3
    summary = build(tmp_path / "list.txt", tmp_path / "ours", skip_bad=True)
    assert summary.skipped == 2
    assert items(tmp_path / "ours") == items(tmp_path / "theirs")
    assert [key[:9] for key, _ in items(tmp_path / "ours")] == [b"00000001_", b"00000004_"]


def test_caffe_takes_a_truncated_jpeg_for_whole_and_this_does_not(
    caffe: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.jpg").write_bytes((pictures / "large.jpg").read_bytes()[:20_000])
    (tmp_path / "list.txt").write_text(f"{tmp_path}/cut.jpg 1\n")
    run(caffe, "convert_imageset", "", "list.txt", "theirs", folder=tmp_path)
    assert len(items(tmp_path / "theirs")) == 1
    with pytest.raises(DataError) as caught:
        build(tmp_path / "list.txt", tmp_path / "ours")
    assert caught.value.message == "1 of 1 images cannot be used; nothing was written"


@pytest.mark.parametrize("encoded", [False, True], ids=["raw", "encoded"])
def test_the_mean_is_that_of_compute_image_mean(
    caffe: Path, tmp_path: Path, picture: Callable[..., NDArray], encoded: bool
) -> None:
    for i in range(40):
        channels = 4 if encoded else 3
        (tmp_path / f"{i}.png").write_bytes(encode(picture(i, 21, 33, channels), "png"))
    (tmp_path / "list.txt").write_text("".join(f"{i}.png 0\n" for i in range(40)))
    build(tmp_path / "list.txt", tmp_path / "lmdb", RecordOptions(encoded=encoded), root=tmp_path)
    log = run(caffe, "compute_image_mean", "lmdb", "theirs", folder=tmp_path)
    mean = database_mean(tmp_path / "lmdb")
    write_mean_file(tmp_path / "ours", mean.values)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    for channel, value in enumerate(mean.channels):
        (printed,) = (
            line.rpartition(" ")[2]
            for line in log.splitlines()
            if f"mean_value channel [{channel}]:" in line
        )
        assert value == pytest.approx(float(printed), rel=1e-5)


@pytest.mark.parametrize("encoded", [False, True], ids=["raw", "encoded"])
def test_a_leveldb_of_convert_imageset(
    caffe: Path, tmp_path: Path, picture: Callable[..., NDArray], encoded: bool
) -> None:
    """Its records, and their mean, are those of the LMDB of the same list."""
    for i in range(40):
        (tmp_path / f"{i}.png").write_bytes(encode(picture(i, 21, 33), "png"))
    (tmp_path / "list.txt").write_text("".join(f"{i}.png {i % 7}\n" for i in range(40)))
    for backend in ("leveldb", "lmdb"):
        words = [f"-backend={backend}", f"-encoded={encoded}", "./", "list.txt", backend]
        run(caffe, "convert_imageset", *words, folder=tmp_path)
    with open_records(tmp_path / "leveldb") as ours, open_records(tmp_path / "lmdb") as theirs:
        assert list(ours.items()) == list(theirs.items())
    run(caffe, "compute_image_mean", "-backend=leveldb", "leveldb", "theirs", folder=tmp_path)
    write_mean_file(tmp_path / "ours", database_mean(tmp_path / "leveldb").values)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


NET = """
layer {{
  name: "data" type: "Data" top: "data" top: "label"
  transform_param {{ {param} }}
  data_param {{ source: "lmdb" batch_size: 4 backend: LMDB }}
}}
"""


def given_by_caffe(caffe: Path, folder: Path, param: str) -> list[NDArray[np.float32]]:
    """What the Data layer makes of the records of `lmdb`, in phase TEST."""
    (folder / "net.prototxt").write_text(NET.format(param=param))
    (folder / "empty.caffemodel").write_bytes(b"")
    run(caffe, "extract_features", "empty.caffemodel", "net.prototxt", "data", "tops", 2, "lmdb",
        "CPU", folder=folder)  # fmt: skip
    with LmdbStore(folder / "tops") as store:
        return [datum.pixels() for _, datum in store.records()]  # type: ignore[misc]


@pytest.mark.parametrize(
    "param",
    [
        "",
        "scale: 0.017",
        "crop_size: 17 mean_value: 104 mean_value: 116.5 mean_value: 123.68",
        "crop_size: 18 mean_value: 99.5 scale: 0.00390625",
        'mean_file: "mean"',
        'crop_size: 16 mean_file: "mean" scale: 0.3',
    ],
)
def test_raw_records_are_transformed_as_by_the_data_layer(
    caffe: Path, make_lmdb: Maker, picture: Callable[..., NDArray], param: str
) -> None:
    images = [planar(picture(i, 21, 30)) for i in range(9)]
    path = make_lmdb((b"%d" % i, write_raw(images[i], i)) for i in range(8))
    write_mean_file(path.parent / "mean", np.float32(images[8]) / 3)
    expected = given_by_caffe(caffe, path.parent, param)
    assert len(expected) == 8
    np.testing.assert_array_equal(transformed(path, param), expected)


@pytest.mark.parametrize(
    "param", ["", "force_gray: true mean_value: 77", "force_color: true crop_size: 12 scale: 2"]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_encoded_records_are_transformed_as_by_the_data_layer(
    caffe: Path, make_lmdb: Maker, picture: Callable[..., NDArray], param: str, channels: int
) -> None:
    pictures = [encode(picture(i, 20, 30, channels), "jpg") for i in range(7)]
    pictures.append(exif_rotated(pictures[0]) if "force" not in param else pictures[0])
    path = make_lmdb((b"%d" % i, write_encoded(data, i)) for i, data in enumerate(pictures))
    expected = given_by_caffe(caffe, path.parent, param)
    assert len(expected) == 8
    np.testing.assert_array_equal(transformed(path, param), expected)


def test_caffe_mirrors_in_test_too(
    caffe: Path, make_lmdb: Maker, picture: Callable[..., NDArray]
) -> None:
    image = planar(picture(1, 20, 30))
    path = make_lmdb((b"%d" % i, write_raw(image, i)) for i in range(8))
    seen = {top.tobytes() for top in given_by_caffe(caffe, path.parent, "mirror: true")}
    ours = {pixels.tobytes() for pixels in transformed(path, "mirror: true")}
    allowed = {np.float32(image).tobytes(), np.float32(image[:, :, ::-1]).tobytes()}
    assert seen <= allowed
    assert ours == allowed


def transformed(path: Path, param: str) -> list[NDArray[np.float32]]:
    """The records as our own transform gives them."""
    message = schema.parse_text(param, "TransformationParameter")
    random = np.random.default_rng(0)
    transformer = DataTransformer(message, "TEST", folder=path.parent, random=random)
    with LmdbStore(path) as store:
        return [transformer.datum(datum) for _, datum in store.records()]
