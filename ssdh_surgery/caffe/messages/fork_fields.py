"""Fields that only forks of Caffe have, and what Caffe itself calls the same.

Pooling's `ceil_mode` of the SSD lineage became `round_mode` in Caffe, with the same number in the
schema. Published nets have it in hundreds; other fields of forks are left aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ssdh_surgery.prototxt.cst import Field, Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

# By message and field: Caffe's field, and its value for a true and for a false one.
FORK_FIELDS: Mapping[tuple[str, str], tuple[str, Mapping[bool, str]]] = {
    ("PoolingParameter", "ceil_mode"): ("round_mode", {True: "CEIL", False: "FLOOR"}),
}


def fork_fields(tree: Message, descriptor: Descriptor) -> Iterator[Field]:
    """The fields of a message and of those within it that `FORK_FIELDS` has."""
    for field in tree.fields:
        known = descriptor.fields_by_name.get(field.name)
        if known is None:
            if (descriptor.name, field.name) in FORK_FIELDS:
                yield field
        elif known.message_type is not None:
            for value in field.values:
                if isinstance(value, Message):
                    yield from fork_fields(value, known.message_type)
