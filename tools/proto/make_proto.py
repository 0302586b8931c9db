"""Make ssdh_caffe.proto from tables of Caffe's fields and enums.

This was needed once: the .proto file that it wrote is now edited by hand. The script is kept to
show where every line came from:

    python tools/proto/make_proto.py FIELDS.tsv ENUMS.tsv > ssdh_caffe.proto

FIELDS.tsv has the columns message, field, number, label, type, default (`-` for none) and packed;
ENUMS.tsv has the columns enum (`Message.Enum`, or `Enum` outside messages), name and number.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

HEADER = """\
// Caffe's messages: names, numbers, types and defaults as in BVLC Caffe 1.0, the current
// layer form with V1 and V0 beside it. Fields that forks of Caffe added are not here.
//
// File and package have names of their own, so that Caffe's caffe.proto can be loaded in
// the same process; neither the wire form nor the text form carries a package's name.
//
// After an edit: make proto

syntax = "proto2";

package ssdh_caffe;
"""


def read_table(path: str) -> list[dict[str, str]]:
    """The rows of a tab-separated file, by column name."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def grouped(rows: list[dict[str, str]], column: str) -> dict[str, list[dict[str, str]]]:
    """Rows by the value of one column, in the order of first appearance."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def enum_lines(name: str, rows: list[dict[str, str]], indent: str) -> list[str]:
    """One enum, with the values in the table's order."""
    values = [f"{indent}  {row['name']} = {row['number']};" for row in rows]
    return [f"{indent}enum {name} {{", *values, f"{indent}}}"]


def field_line(row: dict[str, str]) -> str:
    """One field; the enums of its own message are written without the message's name."""
    type_name = row["type"].removeprefix(row["message"] + ".")
    options = []
    if row["default"] != "-":
        quote = '"' if type_name == "string" else ""
        options.append(f"default = {quote}{row['default']}{quote}")
    if row["packed"] == "packed":
        options.append("packed = true")
    suffix = f" [{', '.join(options)}]" if options else ""
    return f"  {row['label']} {type_name} {row['field']} = {row['number']}{suffix};"


def message_lines(
    name: str, rows: list[dict[str, str]], enums: dict[str, list[dict[str, str]]]
) -> list[str]:
    """One message: its enums, then its fields in the table's order."""
    lines = [f"message {name} {{"]
    for enum, values in enums.items():
        owner, _, own_name = enum.rpartition(".")
        if owner == name:
            lines += [*enum_lines(own_name, values, "  "), ""]
    return [*lines, *map(field_line, rows), "}"]


def proto(fields: list[dict[str, str]], enums: list[dict[str, str]]) -> str:
    """The whole .proto file."""
    by_enum = grouped(enums, "enum")
    blocks = [enum_lines(name, rows, "") for name, rows in by_enum.items() if "." not in name]
    blocks += [
        message_lines(name, rows, by_enum) for name, rows in grouped(fields, "message").items()
    ]
    return HEADER + "".join("\n" + "\n".join(block) + "\n" for block in blocks)


if __name__ == "__main__":
    sys.stdout.write(proto(read_table(sys.argv[1]), read_table(sys.argv[2])))
