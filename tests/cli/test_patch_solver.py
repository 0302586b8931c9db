"""`ssdh patch` and the solver: which one is taken, its paths, its numbers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ssdh_surgery import parse
from support import lenet
from support.command_line import Ssdh, snapshot

TRAIN, SOLVER = lenet.TRAIN, lenet.SOLVER


@pytest.fixture
def here(ssdh: Ssdh) -> Path:
    lenet.write(Path.cwd())
    return Path.cwd()


def value(path: str | Path, name: str) -> str | None:
    """A field of a solver: a string without its quotes, a number as written, None if absent."""
    scalar = parse(Path(path).read_bytes()).root.scalar(name)
    return scalar.string if scalar else None


def patched(ssdh: Ssdh, solver: str, *words: str) -> Path:
    """The solver after a patch of the net that it names."""
    Path("solver.prototxt").write_text(solver)
    ssdh("patch", "train_val.prototxt", *words)
    return Path("solver_ssdh.prototxt")


# ---------------------------------------------------------------- which one


def test_the_one_that_names_the_net(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").rename("any_name.prototxt")
    (here / "other.prototxt").write_text(SOLVER.replace("train_val", "train_val2"))
    ran = ssdh("patch", "train_val.prototxt", "--json")
    assert [each["source"] for each in ran.json["files"]] == [
        "train_val.prototxt",
        "any_name.prototxt",
    ]


@pytest.mark.parametrize(
    "named",
    [
        'net: "models/lenet/train_val.prototxt"',
        "train_net: '/somewhere/train_val.prototxt'",
        'net: "train" "_val.prototxt"',
        'net :"\\164rain_val.prototxt"',
        "net# which\n: 'train_val.prototxt'",
    ],
)
def test_base_names_are_compared(ssdh: Ssdh, here: Path, named: str) -> None:
    (here / "solver.prototxt").write_text(SOLVER.replace('net: "train_val.prototxt"', named))
    ran = ssdh("patch", "train_val.prototxt", "--json", "--dry-run")
    assert [each["source"] for each in ran.json["files"]][1:] == ["solver.prototxt"]


def test_of_several_the_one_called_solver(ssdh: Ssdh, here: Path) -> None:
    for name in ("quick_solver", "another"):
        (here / f"{name}.prototxt").write_text(SOLVER)
    ran = ssdh("patch", "train_val.prototxt")
    assert "solver.prototxt (solver): wrote solver_ssdh.prototxt\n" in ran.out
    assert ran.err == ("note: other solvers left alone: another.prototxt, quick_solver.prototxt\n")
    assert not (here / "another_ssdh.prototxt").exists()


def test_of_several_none_called_solver(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").rename("b.prototxt")
    (here / "a.prototxt").write_text(SOLVER)
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", code=2)
    assert ran.err == (
        "train_val.prototxt: several solvers name this net: a.prototxt, b.prototxt\n"
        "hint: choose one with --solver FILE, or --solver none\n"
    )
    assert snapshot(here) == before
    ssdh("patch", "train_val.prototxt", "--solver", "b.prototxt")
    assert not (here / "a_ssdh.prototxt").exists()
    # It is remembered: the same command without it finds the same files.
    ran = ssdh("patch", "train_val.prototxt", "--check")


def test_none_beside_it(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").unlink()
    ran = ssdh("patch", "train_val.prototxt")
    assert ran.err == "note: no solver next to it names this net; choose one with --solver FILE\n"
    assert "next:" not in ran.out
    ran = ssdh("patch", "train_val.prototxt", "--set", "max_iter=5", "--lr-divide", "2")
    assert ran.err.endswith("note: no effect without a solver: --lr-divide, --set\n")


def test_one_beside_it_that_cannot_be_parsed(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").write_text(SOLVER.replace("base_lr: 0.01", "base_lr 0.01"))
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", code=3)
    assert ran.err.startswith("solver.prototxt:")
    assert ran.err.endswith(
        "no other solver next to train_val.prototxt names it: --solver FILE, or --solver none\n"
    )
    assert snapshot(here) == before
    ssdh("patch", "train_val.prototxt", "--solver", "none")


@pytest.mark.parametrize(
    "data", [SOLVER.encode("utf-16"), SOLVER.encode() + b"\0"], ids=["UTF-16", "NUL"]
)
def test_one_beside_it_that_is_no_text(ssdh: Ssdh, here: Path, data: bytes) -> None:
    (here / "solver.prototxt").write_bytes(data)
    assert ssdh("patch", "train_val.prototxt", code=3).err.startswith("solver.prototxt:")


def test_other_files_that_cannot_be_parsed_do_not_matter(ssdh: Ssdh, here: Path) -> None:
    (here / "other.prototxt").write_text('layer { name: "x" ')
    (here / "quick_solver.prototxt").write_text("base_lr 0.01")
    ssdh("patch", "train_val.prototxt")
    assert (here / "solver_ssdh.prototxt").exists()
    (here / "quick_solver.prototxt").unlink()
    (here / "solver.prototxt").unlink()
    ran = ssdh("patch", "train_val.prototxt", "--force")
    assert "no solver next to it names this net" in ran.err


def test_none_is_wanted(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "train_val.prototxt", "--solver", "none")
    assert ran.err == ""
    assert not (here / "solver_ssdh.prototxt").exists()


def test_one_elsewhere(ssdh: Ssdh, here: Path) -> None:
    (here / "solvers").mkdir()
    (here / "solver.prototxt").rename("solvers/mine.prototxt")
    ssdh("patch", "train_val.prototxt", "--solver", "solvers/mine.prototxt")
    assert value("solvers/mine_ssdh.prototxt", "net") == "train_val_ssdh.prototxt"


def test_one_that_names_another_net(ssdh: Ssdh, here: Path) -> None:
    lenet.write(here / "other")
    (here / "other" / "train_val.prototxt").rename("other/tv.prototxt")
    (here / "other" / "solver.prototxt").write_text(SOLVER.replace("train_val", "tv"))
    before = snapshot(here)
    ran = ssdh("patch", "train_val.prototxt", "--solver", "other/solver.prototxt", code=3)
    assert ran.err == (
        "other/solver.prototxt: this solver does not name train_val.prototxt, but "
        "'tv.prototxt'\n"
        "hint: correct its net field, or choose another solver with --solver\n"
    )
    assert snapshot(here) == before


def test_a_solver_alone_brings_its_net(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("patch", "solver.prototxt", "--json")
    assert [each["output"] for each in ran.json["files"]] == [
        "train_val_ssdh.prototxt",
        "solver_ssdh.prototxt",
    ]


def test_a_solver_whose_net_is_missing(ssdh: Ssdh, here: Path) -> None:
    (here / "train_val.prototxt").unlink()
    ran = ssdh("patch", "solver.prototxt", code=3)
    assert ran.err == (
        "solver.prototxt:2:6: the solver names 'train_val.prototxt' as net, but there is no such "
        "file\n"
        '  2 | net: "train_val.prototxt"\n'
        "    |      ^^^^^^^^^^^^^^^^^^^^\n"
        "hint: name that file on the command line too, or correct the solver\n"
    )


def test_a_solver_that_names_no_net(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").write_text("base_lr: 0.01\n")
    ran = ssdh("patch", "solver.prototxt", code=3)
    assert ran.err == (
        "solver.prototxt: the solver names no net to train\n"
        "hint: add net: with the path of the train net\n"
    )


# ---------------------------------------------------------------- train_net, test_net, net_param


def split(folder: Path) -> None:
    """A train net and a test net in files of their own, and a solver that names both."""
    data, rest = TRAIN.split('layer {\n  name: "conv1"')
    rest = 'layer {\n  name: "conv1"' + rest
    train, test = data.replace('name: "LeNet"\n', "").split('layer {\n  name: "mnist"')[1:]
    head = 'name: "LeNet"\nlayer {\n  name: "mnist"'
    accuracy = rest.index('layer {\n  name: "accuracy"')
    loss = rest.index('layer { name: "loss"')
    (folder / "train.prototxt").write_text(
        (head + train + rest[:accuracy] + rest[loss:]).replace("  include { phase: TRAIN }\n", "")
    )
    (folder / "test.prototxt").write_text(
        (head + test + rest).replace("  include { phase: TEST }\n", "")
    )
    (folder / "solver.prototxt").write_text(
        SOLVER.replace(
            'net: "train_val.prototxt"',
            'train_net: "nets/train.prototxt"\ntest_net: "nets/test.prototxt"',
        )
    )
    (folder / "train_val.prototxt").unlink()


def test_test_nets_go_along(ssdh: Ssdh, here: Path) -> None:
    split(here)
    words = ("--bits", "24", "--at", "conv1", "--latent-name", "codes", "--test-data", "T",
             "--train-data", "A")  # fmt: skip
    ran = ssdh("patch", "train.prototxt", *words, "--json")
    assert [each["output"] for each in ran.json["files"]] == [
        "train_ssdh.prototxt",
        "test_ssdh.prototxt",
        "solver_ssdh.prototxt",
    ]
    train, test = ((here / f"{name}_ssdh.prototxt").read_text() for name in ("train", "test"))
    for text in (train, test):
        assert 'name: "codes"\n  type: "InnerProduct"\n  bottom: "conv1"' in text
        assert "num_output: 24" in text
        assert 'name: "ip2_change"' in text
    assert 'source: "A"' in train
    assert 'source: "T"' in test
    assert '"T"' not in train
    assert '"A"' not in test
    assert value("solver_ssdh.prototxt", "train_net") == "nets/train_ssdh.prototxt"
    assert value("solver_ssdh.prototxt", "test_net") == "nets/test_ssdh.prototxt"
    assert ssdh("patch", "train_ssdh.prototxt").out == (
        "train_ssdh.prototxt (train net): nothing to do\n"
        "  note: the net already has a hash layer: 'codes' -> 'latent_SSDH_encode', 24 bits; "
        "--bits N changes its width\n"
        "test_ssdh.prototxt (train net): nothing to do\n"
        "  note: the net already has a hash layer: 'codes' -> 'latent_SSDH_encode', 24 bits; "
        "--bits N changes its width\n"
        "solver_ssdh.prototxt (solver): nothing to do\n"
    )


def test_a_test_net_alone_brings_the_others(ssdh: Ssdh, here: Path) -> None:
    split(here)
    for named in ("test.prototxt", "solver.prototxt"):
        ran = ssdh("patch", named, "--json", "--dry-run")
        assert [each["source"] for each in ran.json["files"]] == [
            "train.prototxt",
            "test.prototxt",
            "solver.prototxt",
        ]


def test_nets_of_one_name_in_two_folders(ssdh: Ssdh, here: Path) -> None:
    split(here)
    for name in ("train", "test"):
        (here / name).mkdir()
        (here / f"{name}.prototxt").rename(here / name / "net.prototxt")
    (here / "solver.prototxt").write_text(
        SOLVER.replace(
            'net: "train_val.prototxt"',
            'train_net: "train/net.prototxt"\ntest_net: "test/net.prototxt"',
        )
    )
    for named in (["solver.prototxt"], ["train/net.prototxt", "solver.prototxt"],
                  ["train/net.prototxt", "--solver", "solver.prototxt"],
                  ["test/net.prototxt", "train/net.prototxt", "solver.prototxt"]):  # fmt: skip
        ran = ssdh("patch", *named, "--json", "--dry-run")
        assert [each["output"] for each in ran.json["files"]] == [
            "train/net_ssdh.prototxt",
            "test/net_ssdh.prototxt",
            "solver_ssdh.prototxt",
        ]


def test_a_test_net_with_another_classifier(ssdh: Ssdh, here: Path) -> None:
    split(here)
    (here / "test.prototxt").write_text((here / "test.prototxt").read_text().replace("ip2", "fc9"))
    before = snapshot(here)
    ran = ssdh("patch", "train.prototxt", code=3)
    assert ran.err == (
        "test.prototxt: the test net does not have the classifier 'ip2' of the train net: Caffe "
        "would test a random one\nhint: did you mean 'ip1'?\n"
    )
    assert snapshot(here) == before


def inner(field: str, text: str) -> str:
    body = "".join(f"  {row}\n" for row in text.splitlines())
    return f"{field} {{\n{body}}}\n"


def test_a_net_inside_the_solver(ssdh: Ssdh, here: Path) -> None:
    (here / "train_val.prototxt").unlink()
    (here / "solver.prototxt").write_text(
        SOLVER.replace('net: "train_val.prototxt"\n', inner("net_param", TRAIN))
    )
    ran = ssdh("patch", "solver.prototxt", "--bits", "16", "--train-data", "A", "--test-data", "T")
    assert "  + net_param.layer[latent_SSDH] InnerProduct ip1 -> latent_SSDH\n" in ran.out
    assert "  ~ net_param.layer[ip2].name: 'ip2' -> 'ip2_change'\n" in ran.out
    text = (here / "solver_ssdh.prototxt").read_text()
    assert "base_lr: 0.001" in text
    assert 'source: "A"' in text
    assert 'source: "T"' in text
    assert "    # the classifier" not in text.replace("  # the classifier", "", 1)
    assert ssdh("patch", "solver_ssdh.prototxt").out.startswith(
        "solver_ssdh.prototxt (solver): nothing to do\n"
    )
    # The workspace knows the net, so that the next commands do.
    ran = ssdh("deploy")
    assert "num_output: 16" in (here / "deploy_ssdh.prototxt").read_text()


def test_a_train_net_outside_and_a_test_net_inside(ssdh: Ssdh, here: Path) -> None:
    split(here)
    test = inner("test_net_param", (here / "test.prototxt").read_text())
    solver = (here / "solver.prototxt").read_text()
    (here / "solver.prototxt").write_text(solver.replace('test_net: "nets/test.prototxt"\n', test))
    ran = ssdh("patch", "train.prototxt", "--json")
    assert [each["output"] for each in ran.json["files"]] == [
        "train_ssdh.prototxt",
        "solver_ssdh.prototxt",
    ]
    text = (here / "solver_ssdh.prototxt").read_text()
    assert 'name: "latent_SSDH_encode"' in text
    assert 'name: "ip2_change"' in text
    assert 'train_net: "nets/train_ssdh.prototxt"' in text


def test_a_train_net_inside_and_a_test_net_outside(ssdh: Ssdh, here: Path) -> None:
    split(here)
    train = inner("train_net_param", (here / "train.prototxt").read_text())
    solver = (here / "solver.prototxt").read_text()
    (here / "solver.prototxt").write_text(
        solver.replace('train_net: "nets/train.prototxt"\n', train)
    )
    ran = ssdh("patch", "solver.prototxt", "--json")
    assert [each["output"] for each in ran.json["files"]] == [
        "solver_ssdh.prototxt",
        "test_ssdh.prototxt",
    ]
    assert "latent_SSDH" in (here / "test_ssdh.prototxt").read_text()
    assert value("solver_ssdh.prototxt", "test_net") == "nets/test_ssdh.prototxt"


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("net", "prefix", "new_net", "new_prefix"),
    [
        ("train_val.prototxt", "lenet", "train_val_ssdh.prototxt", "lenet_ssdh"),
        ("./train_val.prototxt", "./a/lenet", "./train_val_ssdh.prototxt", "./a/lenet_ssdh"),
        ("a/b/train_val.prototxt", "a/b/lenet", "a/b/train_val_ssdh.prototxt", "a/b/lenet_ssdh"),
        ("/a/train_val.prototxt", "/s/x", "/a/train_val_ssdh.prototxt", "/s/x_ssdh"),
        ("train_val.prototxt", "snap/", "train_val_ssdh.prototxt", "snap/solver_ssdh"),
        ("train_val.prototxt", "snap", "train_val_ssdh.prototxt", "snap/solver_ssdh"),
        ("train_val.prototxt", "x_ssdh", "train_val_ssdh.prototxt", "x_ssdh"),
    ],
)
def test_new_paths_keep_their_folder(
    ssdh: Ssdh, here: Path, net: str, prefix: str, new_net: str, new_prefix: str
) -> None:
    (here / "snap").mkdir()
    solver = patched(
        ssdh, SOLVER.replace("train_val.prototxt", net).replace('"lenet"', f'"{prefix}"')
    )
    assert value(solver, "net") == new_net
    assert value(solver, "snapshot_prefix") == new_prefix


def test_a_missing_prefix_is_the_solvers_name(ssdh: Ssdh, here: Path) -> None:
    solver = patched(ssdh, SOLVER.replace('snapshot_prefix: "lenet"\n', ""))
    assert value(solver, "snapshot_prefix") == "solver_ssdh"
    text = solver.read_text()
    assert text.endswith('snapshot: 5000\nsnapshot_prefix: "solver_ssdh"\nsolver_mode: GPU\n')


@pytest.mark.parametrize("prefix", ["", 'snapshot_prefix: ""\n'])
def test_a_missing_prefix_in_a_folder(ssdh: Ssdh, here: Path, prefix: str) -> None:
    lenet.write(
        here / "m" / "lenet",
        solver=SOLVER.replace("train_val", "m/lenet/train_val").replace(
            'snapshot_prefix: "lenet"\n', prefix
        ),
    )
    ssdh("patch", "m/lenet/train_val.prototxt")
    assert value("m/lenet/solver_ssdh.prototxt", "snapshot_prefix") == "m/lenet/solver_ssdh"


def test_out_is_seen_from_where_caffe_runs(ssdh: Ssdh, here: Path) -> None:
    lenet.write(
        here / "m" / "lenet",
        solver=SOLVER.replace("train_val", "m/lenet/train_val").replace('"lenet"', '"m/lenet/s"'),
    )
    ssdh("patch", "m/lenet/train_val.prototxt", "--out", "new")
    assert value("new/solver_ssdh.prototxt", "net") == "new/train_val_ssdh.prototxt"
    assert value("new/solver_ssdh.prototxt", "snapshot_prefix") == "new/s_ssdh"
    # From within the folder, caffe still runs above it.
    ssdh("-C", "m/lenet", "patch", "train_val.prototxt", "--out", "../there")
    assert value(here / "m/there/solver_ssdh.prototxt", "net") == "m/there/train_val_ssdh.prototxt"


def test_out_of_an_absolute_path_is_absolute(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").write_text(
        SOLVER.replace("train_val.prototxt", f"{here}/train_val.prototxt")
    )
    ssdh("patch", "train_val.prototxt", "--out", "new")
    assert value("new/solver_ssdh.prototxt", "net") == f"{here}/new/train_val_ssdh.prototxt"


def test_in_place_the_net_stays(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--in-place")
    assert value("solver.prototxt", "net") == "train_val.prototxt"
    assert value("solver.prototxt", "snapshot_prefix") == "lenet_ssdh"
    assert value("solver.prototxt", "base_lr") == "0.001"


def test_a_path_above(ssdh: Ssdh, here: Path) -> None:
    (here / "solvers").mkdir()
    (here / "solvers" / "s.prototxt").write_text(SOLVER.replace("train_val", "../train_val"))
    ssdh("patch", "train_val.prototxt", "--solver", "solvers/s.prototxt")
    assert value("solvers/s_ssdh.prototxt", "net") == "../train_val_ssdh.prototxt"
    ssdh("patch", "train_val.prototxt", "--solver", "solvers/s.prototxt", "--out", "new")
    assert value("new/s_ssdh.prototxt", "net") == "../new/train_val_ssdh.prototxt"


def test_a_path_that_leads_nowhere_is_told(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").write_text(SOLVER.replace("train_val", "gone/train_val"))
    out = ssdh("patch", "train_val.prototxt").out
    assert (
        "  note: 'gone/train_val.prototxt' does not lead to train_val.prototxt from any folder "
        "above it: check that caffe finds it from its working directory\n"
    ) in out


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("old", "words", "new"),
    [
        ("0.01", (), "0.001"),
        (".1", (), "0.01"),
        ("1e-3", (), "0.0001"),
        ("1E-4f", (), "0.00001"),
        ("0.0001", (), "0.00001"),
        ("1", (), "0.1"),
        ("0.01", ("--lr-divide", "4"), "0.0025"),
        ("0.01", ("--lr-divide", "1"), "0.01"),
        ("0.3", ("--lr-divide", "3"), "0.1"),
        ("0.01", ("--lr-divide", "3"), "0.00333333333"),
    ],
)
def test_the_rate_is_divided_as_a_decimal(
    ssdh: Ssdh, here: Path, old: str, words: tuple[str, ...], new: str
) -> None:
    solver = patched(ssdh, SOLVER.replace("0.01", old), *words)
    found = value(solver, "base_lr")
    assert found is not None
    assert Decimal(found) == Decimal(new)
    if "e" not in old.lower():
        assert found == new


def test_a_rate_that_is_missing_is_told(ssdh: Ssdh, here: Path) -> None:
    (here / "solver.prototxt").write_text(SOLVER.replace("base_lr: 0.01\n", ""))
    out = ssdh("patch", "train_val.prototxt").out
    assert "  note: base_lr is not set: nothing was divided\n" in out
    assert value("solver_ssdh.prototxt", "base_lr") is None


def test_fields_that_are_missing_are_added(ssdh: Ssdh, here: Path) -> None:
    solver = patched(ssdh, SOLVER.replace("weight_decay: 0.002\n", "").replace("gamma: 0.96\n", ""))
    text = solver.read_text()
    assert "momentum: 0.9\nweight_decay: 0.0005\n" in text
    assert 'lr_policy: "step"\ngamma: 0.1\n' in text


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("fixed", "lr_policy 'fixed' does not read it"),
        ("poly", "lr_policy 'poly' does not read it"),
        ("exp", "lr_policy 'exp' would stop learning with 0.1"),
        ("inv", "lr_policy 'inv' would stop learning with 0.1"),
        ("sigmoid", "lr_policy 'sigmoid' gives it another meaning"),
        ("plateau", "lr_policy 'plateau' may give it another meaning"),
        ("", "there is no lr_policy"),
    ],
)
def test_gamma_stays_where_the_policy_reads_it_otherwise(
    ssdh: Ssdh, here: Path, policy: str, why: str
) -> None:
    text = SOLVER.replace('"step"', f'"{policy}"')
    (here / "solver.prototxt").write_text(text)
    out = ssdh("patch", "train_val.prototxt").out
    assert f"  note: gamma is unchanged: {why}\n" in out
    assert value("solver_ssdh.prototxt", "gamma") == "0.96"
    solver = patched(ssdh, text, "--gamma", "0.5", "--force")
    assert value(solver, "gamma") == "0.5"


@pytest.mark.parametrize("policy", ["step", "multistep"])
def test_gamma_where_it_is_multiplied_by(ssdh: Ssdh, here: Path, policy: str) -> None:
    assert value(patched(ssdh, SOLVER.replace('"step"', f'"{policy}"')), "gamma") == "0.1"


def test_gamma_follows_a_policy_that_is_set(ssdh: Ssdh, here: Path) -> None:
    solver = patched(ssdh, SOLVER, "--set", "lr_policy=poly", "--set", "power=0.5")
    assert value(solver, "gamma") == "0.96"


def test_the_summary_names_what_is_kept(ssdh: Ssdh, here: Path) -> None:
    out = ssdh("patch", "train_val.prototxt", "--set", "max_iter=500").out
    assert (
        "  note: kept: test_iter 100, stepsize 5000, snapshot 5000; to change: --set test_iter=N "
        "--set stepsize=N --set snapshot=N\n"
    ) in out
    assert (
        "  note: data kept: TRAIN 'mnist_train_lmdb' (batch 64), TEST 'mnist_test_lmdb' (batch "
        "100); to change: --train-data or --test-data\n"
    ) in out
    assert out.endswith("next: ssdh train --gpu 0 --weights WEIGHTS.caffemodel\n")


def test_the_next_command_asks_for_no_gpu_where_the_solver_does_not(ssdh: Ssdh, here: Path) -> None:
    out = ssdh("patch", "train_val.prototxt", "--set", "solver_mode=CPU").out
    assert out.endswith("next: ssdh train --weights WEIGHTS.caffemodel\n")


def test_the_first_test_is_announced(ssdh: Ssdh, here: Path) -> None:
    note = (
        "  note: Caffe tests before the first iteration, 100 batches without any output in the "
        "log; --set test_initialization=false skips this test\n"
    )
    assert note in ssdh("patch", "train_val.prototxt", "--dry-run").out
    words = ("--set", "test_initialization=false")
    assert note not in ssdh("patch", "train_val.prototxt", "--dry-run", *words).out
    (here / "solver.prototxt").write_text(SOLVER.replace("test_interval: 500\n", ""))
    assert note not in ssdh("patch", "train_val.prototxt", "--dry-run").out


def test_removed_in_the_way_that_was_asked_for(ssdh: Ssdh, here: Path) -> None:
    assert "# test_initialization: false\n" in patched(ssdh, SOLVER).read_text()
    text = patched(ssdh, SOLVER, "--remove", "delete", "--force").read_text()
    assert "test_initialization" not in text


# ---------------------------------------------------------------- --set


def test_set_is_typed(ssdh: Ssdh, here: Path) -> None:
    sets = ("max_iter=7", "solver_mode=CPU", "type=Adam", "debug_info=true", "snapshot_prefix=x y")
    solver = patched(ssdh, SOLVER, *(word for each in sets for word in ("--set", each)))
    text = solver.read_text()
    for row in ("max_iter: 7", "solver_mode: CPU", 'type: "Adam"', "debug_info: true",
                'snapshot_prefix: "x y"'):  # fmt: skip
        assert f"{row}\n" in text


@pytest.mark.parametrize("text", ["fixed", '"fixed"', "'fixed'"])
def test_a_string_may_have_its_quotes(ssdh: Ssdh, here: Path, text: str) -> None:
    patched(ssdh, SOLVER, "--set", f"lr_policy={text}")
    assert value("solver_ssdh.prototxt", "lr_policy") == "fixed"


def test_a_rate_that_is_divided_takes_the_place_of_one_that_was_set(ssdh: Ssdh, here: Path) -> None:
    patched(ssdh, SOLVER.replace("base_lr: 0.01", "base_lr: 0.5"), "--preset", "cvprw15")
    assert value("solver_ssdh.prototxt", "base_lr") == "0.001"
    ssdh("patch", "train_val.prototxt", "--lr-divide", "5", "--force")
    assert value("solver_ssdh.prototxt", "base_lr") == "0.1"
    assert value("solver_ssdh.prototxt", "max_iter") == "50000"


@pytest.mark.parametrize("preset", ["ssdh", "cvprw15"])
def test_a_preset_names_a_policy_that_caffe_knows(ssdh: Ssdh, here: Path, preset: str) -> None:
    patched(ssdh, SOLVER, "--preset", preset)
    assert value("solver_ssdh.prototxt", "lr_policy") == "step"


def test_what_is_set_wins(ssdh: Ssdh, here: Path) -> None:
    sets = ("base_lr=0.5", "net=other.prototxt", "gamma=0.7", "weight_decay=0",
            "test_initialization=false")  # fmt: skip
    solver = patched(ssdh, SOLVER, *(word for each in sets for word in ("--set", each)))
    text = solver.read_text()
    for row in ("base_lr: 0.5", 'net: "other.prototxt"', "gamma: 0.7", "weight_decay: 0",
                "test_initialization: false"):  # fmt: skip
        assert f"{row}\n" in text


def test_repeated_fields_add_up(ssdh: Ssdh, here: Path) -> None:
    solver = patched(ssdh, SOLVER, "--set", "stepvalue=100", "--set", "stepvalue=200")
    assert "stepsize: 5000\nstepvalue: 100\nstepvalue: 200\n" in solver.read_text()
    old = SOLVER.replace("test_iter: 100", "test_iter: 1\ntest_iter: 2 # two\ntest_iter: 3")
    solver = patched(ssdh, old, "--set", "test_iter=9", "--force", "--set", "stepvalue=1")
    assert "test_iter: 9\ntest_interval" in solver.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "max_itr=5",
            "SolverParameter has no field 'max_itr'\nhint: did you mean 'max_iter'?",
        ),
        ("max_iter=many", None),
        ("max_iter=1.5", None),
        ("solver_mode=TPU", None),
        ("debug_info=maybe", None),
        ("net_param=x", "'net_param' is a message, not a single value"),
        ("base_lr=0.1 max_iter: 5", "'0.1 max_iter: 5' is more than one value of 'base_lr'"),
        ("base_lr=0.1 # hi", "'0.1 # hi' is not one value"),
        ("base_lr=0.1;", "'0.1;' is not one value"),
        ("base_lr=[1]", None),
        ('base_lr="1"', None),
    ],
)
def test_set_is_checked(ssdh: Ssdh, here: Path, text: str, said: str | None) -> None:
    before = snapshot(here)
    # Whether there is a solver or not: the command line alone is wrong.
    for more in ((), ("--solver", "none")):
        ran = ssdh("patch", "train_val.prototxt", "--set", text, *more, code=2)
        assert ran.err.startswith(f"error: --set {text}: ")
        if said:
            assert ran.err == f"error: --set {text}: {said}\n"
    assert snapshot(here) == before


def test_a_solver_that_is_patched_takes_what_is_asked_for(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt")
    text = (here / "solver_ssdh.prototxt").read_text()
    words = ("--set", "max_iter=9", "--weight-decay", "0.1", "--in-place")
    out = ssdh("patch", "train_val_ssdh.prototxt", *words, "--lr-divide", "7").out
    assert (here / "solver_ssdh.prototxt").read_text() == text.replace(
        "max_iter: 10000", "max_iter: 9"
    ).replace("0.0005", "0.1")
    assert "  note: --lr-divide applies to a new hash layer only: base_lr is unchanged\n" in out
    ssdh("patch", "train_val_ssdh.prototxt", *words, "--check")


def test_one_that_the_workspace_lists_is_not_divided_again(ssdh: Ssdh, here: Path) -> None:
    ssdh("patch", "train_val.prototxt", "--in-place")
    (here / "train_val.prototxt").write_text(TRAIN)
    out = ssdh("patch", "train_val.prototxt", "--in-place").out
    assert value("solver.prototxt", "base_lr") == "0.001"
    assert "solver.prototxt (solver): nothing to do\n" in out
    assert "  note: ssdh.toml lists it as written, so its rates are not divided again\n" in out


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("joined", [False, True], ids=["lines", "one-line"])
def test_layouts(ssdh: Ssdh, here: Path, newline: str, joined: bool) -> None:
    text = SOLVER.replace("# solver of LeNet\n", "")
    text = text.replace("\n", " ") if joined else text.replace("\n", f"  # x{newline}")
    (here / "solver.prototxt").write_bytes(text.encode())
    words = ("--set", "random_seed=3", "--set", "clip_gradients=2", "--set", "max_iter=9")
    ssdh("patch", "train_val.prototxt", *words)
    new = (here / "solver_ssdh.prototxt").read_bytes().decode()
    root = parse(new.encode()).root
    assert root.string("random_seed") == "3"
    assert root.string("max_iter") == "9"
    if not joined:
        assert new.count("\n") == new.count(newline)
        assert new.count("# x") == text.count("# x")
