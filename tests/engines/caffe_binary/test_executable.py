import os

import pytest

from ssdh_surgery.engines.caffe_binary.executable import (
    Executable,
    caffe_environment,
    can_use_gpu,
    can_use_several_gpus,
    find_caffe,
    is_cpu_only,
    is_nvcaffe,
    missing_caffe,
)
from ssdh_surgery.errors import EngineError
from support.paths import STAND_IN_CAFFE


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """One executable in every place, and the environment that names them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = {
        "--caffe": program(tmp_path / "given" / "caffe"),
        "$SSDH_CAFFE": program(tmp_path / "ours" / "caffe"),
        "$CAFFE_ROOT": program(tmp_path / "root" / "build" / "tools" / "caffe"),
        "PATH": program(tmp_path / "bin" / "caffe"),
        "make caffe": program(tmp_path / "cache/ssdh-surgery/caffe/current/bin/caffe"),
    }
    environ = {
        "SSDH_CAFFE": str(found["$SSDH_CAFFE"]),
        "CAFFE_ROOT": str(tmp_path / "root"),
        "PATH": str(tmp_path / "bin"),
    }
    return found, environ


def test_the_order_of_places(places):
    found, environ = places
    given = str(found["--caffe"])
    assert find_caffe(given, environ) == Executable(found["--caffe"], "--caffe")
    for name in ("SSDH_CAFFE", "CAFFE_ROOT", "PATH"):
        origin = name if name == "PATH" else f"${name}"
        assert find_caffe(None, environ) == Executable(found[origin], origin)
        environ[name] = ""
    assert find_caffe(None, environ) == Executable(found["make caffe"], "make caffe")
    found["make caffe"].unlink()
    assert find_caffe(None, environ) is None


def test_a_root_without_a_build_is_passed_over(places):
    found, environ = places
    found["$CAFFE_ROOT"].unlink()
    del environ["SSDH_CAFFE"]
    assert find_caffe(None, environ) == Executable(found["PATH"], "PATH")


def test_a_given_name_is_looked_for_on_path(places):
    found, environ = places
    other = program(found["PATH"].with_name("caffe-gpu"))
    assert find_caffe("caffe-gpu", environ) == Executable(other, "--caffe")


def test_a_relative_path_becomes_absolute(places, monkeypatch):
    found, environ = places
    monkeypatch.chdir(found["--caffe"].parent)
    assert find_caffe("./caffe", environ) == Executable(found["--caffe"], "--caffe")


@pytest.mark.parametrize(
    ("make", "reason", "hint"),
    [
        (lambda path: None, "does not exist", "give the path of your caffe executable"),
        (lambda path: path.touch(), "is not executable", "chmod +x {path}"),
        (
            lambda path: path.mkdir(),
            "is a folder",
            "the executable may be {path}/build/tools/caffe",
        ),
    ],
    ids=["missing", "not executable", "folder"],
)
@pytest.mark.parametrize("origin", ["--caffe", "$SSDH_CAFFE"])
def test_what_is_named_must_be_an_executable(tmp_path, origin, make, reason, hint):
    path = tmp_path / "my caffe"
    make(path)
    given, environ = (str(path), {}) if origin == "--caffe" else (None, {"SSDH_CAFFE": str(path)})
    with pytest.raises(EngineError) as caught:
        find_caffe(given, environ)
    assert str(caught.value) == (
        f"the caffe executable '{path}' ({origin}) {reason}\nhint: {hint.format(path=path)}"
    )


def test_the_error_when_there_is_none():
    assert str(missing_caffe()) == (
        "no caffe executable found: neither --caffe nor $SSDH_CAFFE is set, and there is none at "
        "$CAFFE_ROOT/build/tools/caffe, on PATH, or built by make caffe\n"
        "hint: give the path of yours with --caffe, or run: make caffe"
    )


def test_gpus_that_can_be_used(tmp_path):
    assert can_use_gpu(STAND_IN_CAFFE, "1")
    assert can_use_gpu(STAND_IN_CAFFE, "0,1")
    assert not can_use_gpu(STAND_IN_CAFFE, "7")
    assert not can_use_gpu(tmp_path / "missing", "0")


@pytest.mark.caffe
def test_the_built_caffe_has_no_gpu(caffe):
    assert not can_use_gpu(caffe, "0")
    assert not can_use_gpu(caffe, "all")
    assert not can_use_several_gpus(caffe)


@pytest.mark.caffe
def test_how_the_built_caffe_was_built(caffe):
    assert is_cpu_only(caffe)
    assert not is_nvcaffe(caffe)


def test_words_that_tell_how_a_caffe_was_built(tmp_path):
    """They are found wherever a block of the file ends."""
    path = tmp_path / "caffe"
    for before in ((1 << 20) - 9, 1 << 20, 5):
        path.write_bytes(bytes(before) + b"This is NVCaffe " + bytes(99))
        assert is_nvcaffe(path)
        assert not is_cpu_only(path)
    assert not is_nvcaffe(tmp_path / "missing")


def test_several_gpus(tmp_path):
    assert can_use_several_gpus(STAND_IN_CAFFE)
    assert not can_use_several_gpus(tmp_path / "missing")


def test_environment():
    given = {"PATH": "/bin", "GLOG_minloglevel": "2", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    assert caffe_environment(given) == {"PATH": "/bin", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert caffe_environment()["PATH"] == os.environ["PATH"]
