"""The table of findings: in order, used, tested, and on its page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssdh_surgery import findings
from ssdh_surgery.findings import FAMILIES, RULES, FindingRule

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "ssdh_surgery" / "findings.py"
_CODE = re.compile(r"SSDH\d+")


def rows() -> Iterator[tuple[str, FindingRule]]:
    """The rules by the names that the code has for them."""
    for name, value in vars(findings).items():
        if isinstance(value, FindingRule):
            yield name, value


def trees(folder: Path) -> Iterator[ast.AST]:
    """The syntax trees of all files but the table and this test."""
    for path in folder.rglob("*.py"):
        if path not in (TABLE, Path(__file__)):
            yield ast.parse(path.read_text())


def test_the_table_is_in_the_order_of_its_codes() -> None:
    assert list(RULES) == sorted(RULES)
    assert list(RULES.values()) == [rule for _, rule in rows()]


@pytest.mark.parametrize("name", [name for name, _ in rows()])
def test_a_rule_is_called_what_users_call_it(name: str) -> None:
    rule: FindingRule = getattr(findings, name)
    assert rule.name == name.lower().replace("_", "-")
    assert re.fullmatch(r"SSDH\d{3}", rule.code)
    assert rule.code[4] in FAMILIES
    assert rule.summary.endswith(".")
    assert rule.reason.endswith(".")
    assert rule.remedy.endswith(".")


def test_every_rule_has_a_finding_made_of_it() -> None:
    used = set()
    for tree in trees(ROOT / "ssdh_surgery"):
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id="rules"), attr=name):
                    used.add(name)
                case ast.Name(id=name):
                    used.add(name)
    assert {name for name, _ in rows()} - used == set()


def test_every_code_in_the_package_is_in_the_table() -> None:
    """Codes stand in the table alone; where a text speaks of one, or of a family, it is there."""
    families = {f"SSDH{digit}" for digit in FAMILIES}
    paths = [path for path in (ROOT / "ssdh_surgery").rglob("*.py") if path != TABLE]
    named = {code for path in paths for code in _CODE.findall(path.read_text())}
    assert named - families - set(RULES) == set()


def test_findings_are_made_of_rules_alone() -> None:
    calls = (
        node
        for tree in trees(ROOT / "ssdh_surgery")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    assert [call.lineno for call in calls if call.func.id in ("Finding", "FindingRule")] == []  # type: ignore[attr-defined]


def test_every_code_is_asserted_by_a_test() -> None:
    """A test has the code in a text that it compares with, or the name by itself."""
    texts = {
        node.value
        for tree in trees(ROOT / "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    codes = {code for text in texts for code in _CODE.findall(text)}
    assert [r for r in RULES.values() if r.code not in codes and r.name not in texts] == []


def test_every_code_is_on_the_page() -> None:
    page = (ROOT / "docs" / "findings.md").read_text()
    listed = re.findall(
        r"^\| \[(SSDH\d+)\]\(#ssdh\d+\) \| `([\w-]+)` \| (\w+) \|", page, re.MULTILINE
    )
    assert listed == [(rule.code, rule.name, rule.severity) for rule in RULES.values()]
