"""An LMDB that points beyond the end of its file: an error with exit code 3, never a signal."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter

KEY = b"00000003_image"


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder with an LMDB in which a record claims to be longer than the file."""
    with LmdbWriter(tmp_path / "lmdb") as writer:
        for number in range(8):
            image = np.full((3, 64, 64), number, np.uint8)  # on pages of its own
            writer.put(f"{number:08d}_image".encode(), write_raw(image, number))
    file = tmp_path / "lmdb" / "data.mdb"
    data = bytearray(file.read_bytes())
    # Its entry in a leaf page: the size of the value in two halves, flags, size of the key, key.
    header = data.rindex(KEY) - 8
    struct.pack_into("<HH", data, header, 0, 0x40)
    file.write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("data", "show", "lmdb", "--verify"), id="show"),
        pytest.param(("data", "mean", "lmdb", "mean.binaryproto"), id="mean"),
        pytest.param(("data", "show", "lmdb", "--verify", "--json"), id="JSON"),
    ],
)
def test_it_is_an_error_that_names_the_file(damaged: Path, words: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery", *words],
        cwd=damaged,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    message = "is truncated or damaged: it ends before what was to be read"
    hint = "copy it again, and do not change it while it is read"
    assert ran.returncode == 3, ran.stderr
    if "--json" in words:
        error = json.loads(ran.stderr.splitlines()[-1])["error"]
        assert (error["file"], error["message"]) == ("lmdb/data.mdb", message)
    else:
        assert ran.stderr.endswith(f"lmdb/data.mdb: {message}\nhint: {hint}\n")
    assert sorted(path.name for path in damaged.iterdir()) == ["lmdb"]
