"""Parsing GoogLeNet, compared with protobuf's text_format, and the growth of time with size.

python benchmarks/parse.py [ROUNDS]

Both parse the same text in turn, A B A B, in one process; the target is a ratio of the
medians of at most 1. Then come texts of 0.5 MB and 5 MB, both ordinary layers and hostile input,
such as a single repeated character or a depth of a million; the target is about the same time
per byte.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable

from google.protobuf import text_format

from ssdh_surgery import parse, zoo
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import ParseError

SMALL, LARGE = 500_000, 5_000_000


def seconds(run: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare_with_protobuf(data: bytes, rounds: int) -> None:
    text = data.decode()
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(lambda: parse(data)))
        theirs.append(seconds(lambda: text_format.Parse(text, schema.NetParameter())))
    our_median, their_median = statistics.median(ours), statistics.median(theirs)
    lines = text.count("\n")
    print(f"GoogLeNet, {len(data)} bytes in {lines} lines, medians of {rounds} rounds")
    print(f"  parse               {our_median * 1e3:6.2f} ms")
    print(f"  text_format.Parse   {their_median * 1e3:6.2f} ms")
    print(f"  ratio               {our_median / their_median:6.2f}     (target: at most 1)")


def parse_whole(data: bytes) -> int:
    """Parse a text and walk the whole tree; a parse error is a valid outcome."""
    try:
        document = parse(data)
    except ParseError as error:
        return len(str(error))
    return document.depth + sum(1 for _ in document.root.walk())


def measure_growth(net: bytes) -> None:
    texts: dict[str, Callable[[int], bytes]] = {
        "layers of GoogLeNet": lambda size: net * (size // len(net)),
        "one line of layers": lambda size: net.replace(b"\n", b" ") * (size // len(net)),
        'a: """""...': lambda size: b"a:" + b'"' * size,
        "'\\'\\''\\'\\'...": lambda size: b"'\\'\\'" * (size // 5),
        "a: '\\'\\'\\'...'": lambda size: b"a:'" + b"\\'" * (size // 2) + b"'",
        'a: "\\\\\\\\..."': lambda size: b'a:"' + b"\\" * (size // 2 * 2) + b'"',
        "a: [[[[...": lambda size: b"a:" + b"[" * size,
        "{{{{...": lambda size: b"{" * size,
        "a: [1,1,...]": lambda size: b"a:[" + b"1," * (size // 2) + b"1]",
        "a{a{...}}": lambda size: b"a{" * (size // 5) + b"}" * (size // 5),
        "a{a{a{... (open)": lambda size: b"a{" * (size // 5),
    }
    print(f"\nTime per byte of {LARGE / 1e6:g} MB, compared with {SMALL / 1e6:g} MB")
    for name, make in texts.items():
        small, large = make(SMALL), make(LARGE)
        short = statistics.median(seconds(lambda data=small: parse_whole(data)) for _ in range(5))
        long = seconds(lambda data=large: parse_whole(data))
        per_byte = long / len(large) / (short / len(small))
        print(f"  {name:22} {short:7.3f} s {long:7.3f} s   {per_byte:5.2f} times")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    net = zoo.text("googlenet", "train_val").encode()
    compare_with_protobuf(net, rounds)
    measure_growth(net)


if __name__ == "__main__":
    main()
