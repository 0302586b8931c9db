"""What Caffe's parser refuses is refused in its words; what it reads is not refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages.wrong_values import refuse_wrong_values
from ssdh_surgery.errors import SchemaError

# Recorded by support/record_value_verdicts.py: message, text, what protoc prints.
TABLE = Path(__file__).with_name("value_verdicts.tsv").read_text().splitlines()[1:]
ROWS = [tuple(line.split("\t")) for line in TABLE]

# Values of their enums, in another case.
MISSPELT = ("layers { type: innerproduct", "phase: Train", "pool: max", "solver_mode: gpu")


def refusal(message: str, text: str) -> SchemaError | None:
    try:
        refuse_wrong_values(parse(text.encode(), "input").root, message)
    except SchemaError as error:
        return error
    return None


@pytest.mark.parametrize(("message", "text", "printed"), ROWS, ids=[" ".join(r[:2]) for r in ROWS])
def test_values_are_refused_in_the_words_of_caffe(message: str, text: str, printed: str) -> None:
    error = refusal(message, text)
    is_misspelt = any(each in text for each in MISSPELT)
    is_of_fork = "Unknown enumeration" in printed and not is_misspelt
    if printed == "" or is_of_fork or "decimal number" in printed:
        # Forks have enum values of their own, and older parsers read hexadecimal floats.
        assert error is None
        return
    assert error is not None
    sentence = re.sub(r"^input:1:\d+: ", "", printed)
    # C++ prints a word in place of a float in lower case.
    assert error.message.split(": ", 1)[1].lower() == sentence.lower()
    assert error.hint
    assert error.location is not None
    assert error.location.line == 1
