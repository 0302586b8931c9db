"""What tests stand on: the corpus, the built Caffe, and the rule for doing without them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from support.live_nets import Caffe
from support.paths import CORPUS, GOLDEN, corpus_files
from support.postgres_server import database, plain_database, postgres_server
from support.processes import default_signals
from support.strategies import searched

__all__ = ["database", "default_signals", "plain_database", "postgres_server"]  # fixtures

# Every property is tried on the same examples each time, in the time that it takes.
settings.register_profile("searched", searched)
settings.load_profile("searched")

# What a marked test needs, and the command that provides it.
_PROVIDED_BY = {
    "caffe": "make caffe",
    "corpus": "put the folder of real prototxt files at ../shared/corpus",
    "dot": "apt-get install graphviz",
}


def _has_caffe() -> bool:
    from ssdh_surgery.engines.caffe_binary.executable import built_caffe

    return built_caffe() is not None


_AT_HAND = {
    "caffe": _has_caffe,
    "corpus": CORPUS.is_dir,
    "dot": lambda: shutil.which("dot") is not None,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, unless SSDH_REQUIRE names it: then it must run."""
    required = set(os.environ.get("SSDH_REQUIRE", "").replace(",", " ").split())
    for need, at_hand in _AT_HAND.items():
        if need in required or at_hand():
            continue
        skip = pytest.mark.skip(reason=f"needs {need}; to provide it: {_PROVIDED_BY[need]}")
        for item in items:
            if item.get_closest_marker(need):
                item.add_marker(skip)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `corpus_file` runs once for each file of the corpus."""
    if "corpus_file" in metafunc.fixturenames:
        files = corpus_files()
        ids = [str(file.relative_to(CORPUS)) for file in files]
        metafunc.parametrize("corpus_file", files, ids=ids)


@pytest.fixture(scope="session", autouse=True)
def _glog_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the files that glog writes beside the log of each caffe out of the system's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOG_log_dir", str(tmp_path_factory.mktemp("glog")))
        yield


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real prototxt files."""
    return CORPUS


@pytest.fixture(scope="session")
def golden() -> Path:
    """The records of real Caffe that the project carries."""
    return GOLDEN


@pytest.fixture(scope="session")
def caffe() -> Path:
    """The real caffe executable."""
    from ssdh_surgery.engines.caffe_binary.executable import built_caffe

    path = built_caffe()
    assert path is not None, "run: make caffe"
    return path


@pytest.fixture(scope="session")
def live_caffe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caffe]:
    """The real Caffe as a process that is asked about nets."""
    from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe

    pycaffe = built_pycaffe()
    assert pycaffe is not None, "run: make caffe"
    process = Caffe(pycaffe, tmp_path_factory.mktemp("live_caffe"))
    yield process
    process.close()
