"""The example in Python: from a classifier to search; its figures are those of its own run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

SCRIPT = ROOT / "examples" / "digits" / "search.py"


def test_it_finds_the_digits(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "queries: 200 codes of 24 bits" in ran.stdout
    hits = re.findall(r"^queries/(\d)/\d+\.png: (.*)$", ran.stdout, re.M)
    assert len(hits) == 10
    same = [digit == each for digit, row in hits for each in re.findall(r"(\d)/\d+\.png", row)]
    assert len(same) == 50
    assert sum(same) > 40
    (figure,) = re.findall(r"^mAP (0\.\d+)$", ran.stdout, re.M)
    assert float(figure) > 0.7
