"""Reports name neither the user nor the machine, and keep all other words."""

from __future__ import annotations

from typing import Any

import pytest

from ssdh_surgery.pipeline.doctor.private_names import without_private_names

_ENVIRON = {"HOME": "/home/ann", "USER": "ann"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/home/ann/caffe/build", "~/caffe/build"),
        ("cannot read '/home/ann'", "cannot read '~'"),
        ("/home/annette/caffe", "/home/annette/caffe"),
        ("/data/ann/caffe", "/data/USER/caffe"),
        ("/data/ann", "/data/USER"),
        ("ann is a word, as planned", "ann is a word, as planned"),
        ("node7: no route to host node7.", "HOST: no route to host HOST."),
        ("node77 and anode7", "node77 and anode7"),
        ({"ann": ["/home/ann", 7, None, True]}, {"ann": ["~", 7, None, True]}),
    ],
)
def test_names(value: Any, expected: Any) -> None:
    assert without_private_names(value, _ENVIRON, "node7") == expected


def test_root_and_odd_environments() -> None:
    assert without_private_names("/root/x", {"HOME": "/root"}, "localhost") == "~/x"
    assert without_private_names("/x", {"HOME": "/", "USER": ""}, "") == "/x"
