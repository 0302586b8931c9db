from __future__ import annotations

import pytest

from ssdh_surgery.findings import RULES
from support.command_line import Ssdh


@pytest.mark.parametrize("word", ["SSDH101", "ssdh101", "labels-out-of-range"])
def test_a_finding_is_explained_by_its_code_or_name(ssdh: Ssdh, word: str) -> None:
    rule = RULES["SSDH101"]
    assert ssdh("rule", word).out == (
        f"SSDH101 labels-out-of-range (error)\n{rule.summary}\n{rule.reason}\n{rule.remedy}\n"
    )


@pytest.mark.parametrize("code", RULES)
def test_every_finding_can_be_explained(ssdh: Ssdh, code: str) -> None:
    assert ssdh("rule", code).out.startswith(f"{code} {RULES[code].name} (")


@pytest.mark.parametrize(
    ("word", "hint"), [("SSDH30", "SSDH3"), ("labels-out-of-rang", "labels-out-of-range")]
)
def test_another_code_is_a_usage_error(ssdh: Ssdh, word: str, hint: str) -> None:
    err = ssdh("rule", word, code=2).err
    assert f"no finding has the code or name '{word}'" in err
    assert f"did you mean '{hint}" in err
