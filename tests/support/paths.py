"""Where the files are that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Real prototxt files, which the project does not carry.
CORPUS = ROOT.parent / "shared" / "corpus"
# Records of real Caffe: `layers`, `train`, `logs` and `shapes.json`.
GOLDEN = ROOT / "tests" / "golden"
# How the built Caffe differs from BVLC's.
CAFFE_DIFFERENCES = ROOT / "tests" / "caffe_differences.toml"
# Programs that tests run: one that logs as `caffe train` does, and one that runs records.
STAND_IN_CAFFE = Path(__file__).with_name("stand_in_caffe")
REPLAY_RECORDS = Path(__file__).with_name("replay_records.py")


def corpus_files() -> list[Path]:
    """Every real prototxt at hand."""
    return sorted(CORPUS.rglob("*.prototxt"))
