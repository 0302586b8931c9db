"""Record what protobuf's C++ parser, the one inside Caffe, says of texts: cxx_verdicts.tsv.

    python tests/support/record_cxx_verdicts.py > tests/prototxt/cxx_verdicts.tsv

needs `protoc`, best of the series that Caffe is built with (Debian: protobuf-compiler 3.21):
`protoc --encode` runs `TextFormat::Parse`. The table has one text per line, with escapes as
in Python, whether it is accepted, and in hex the bytes that protoc encodes it to.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

# A field's name says its type: this parser judges syntax by it.
SCHEMA = """
syntax = "proto2";
enum Enum { zero = 0; one = 1; minus = -1; }
message All {
  repeated double d = 1;
  repeated int64 i = 2;
  repeated uint64 u = 3;
  repeated bool b = 4;
  repeated bytes y = 5;
  repeated Enum e = 6;
  repeated All m = 7;
  extensions 100;
}
extend All { repeated int64 ext = 100; }
"""

NUMBERS = """
d: 1F|d: 1f|d: 1.|d: 1.F|d: .5|d: .5f|d: 1e5|d: 1E+5|d: 1.e-5f|d: 0f|d: 1e|d: 1e+|d: .|d: .f
d: - 1|d: -1|d: - 1F|d: -.5|d: - .5|d: - 1e5|d: -\\t1|d: -\\n1|d: -# why\\n1|d: -\\v\\f\\r1
d: inf|d: INF|d: infinity|d: nan|d: NaN|d: - inf|d: - INFinity|d: - nan|d: -inf|d: - inff
d: - infinityf|d: - nanf|d: --1|d: - -1|d: +1|d: + 1|d: -+1|d: - "1"|d: -|d: - a|d: - é
d: - 1_0|d: - 00.5|d: - 1.5.5|d: - 1x|d: - 1ff|d: - 0b1|d: - .|d: - 1.2.3|d: - 1e5e5
d: 18446744073709551616|d: - 18446744073709551616|d: 99999999999999999999|d: 09|d: 00.5
i: 0x1F|i: 0XaB|i: - 0x1F|i: 017|i: - 017|i: 08|i: - 08|i: 0x|i: - 0x|i: 0xG|i: 1_0|i: 0b11
i: - 0x8000000000000000|i: - 0x8000000000000001|u: 0xFFFFFFFFFFFFFFFF|u: - 0xFFFFFFFFFFFFFFFF
u: 0x1FFFFFFFFFFFFFFFF|i: - 9223372036854775808|i:1i:2|i: 1.5.5|i: 1-1|i: 0x1p3|i: 1m{}
d: [-1, - 2, - inf]|d: [- ]|i: [1,]|i: [,]|i: [1 2]|i: [1; 2]|i: [1|i: [[1]]
d: \u0663|d: - \u0663|d: -\u0663
""".strip().replace("\n", "|")

LAYOUT = """
|i: 1|i:1|i:1;|i:1,|i:1;;|i:1,;|,|;|i:1 i:2|i 1|i = 1|m {}|m: {}|m <>|m: <>|m {>|m <}|m {|}|{}
m { i: 1 }|m < i: 1; >, i: 2|m []|m [{}]|m: [{}, <>]|m [{},]|m {},i:1|m;{}|m : : {}|i:: 1
[ext]: 1|[ext]: [1, 2]|[ ext ] : 1|[ext] 1|[ext.]: 1|[.ext]: 1|[1]: 1|[]: 1|[ext: 1|[a/ext]: 1
# why\\ni: 1|i: 1# why|i: 1 #|# \\xd6\\xd0\\ni: 1|i: 1 // why|i: 1 /* why */|i: 1 -- why|100: 1
\\xef\\xbb\\xbfi: 1|i: 1\\xef\\xbb\\xbf|i:\\xa01|i: 1\\0|# \\0\\ni: 1|i: 1\\r\\n|i:\\t1\\v\\f
\\xff|i: \\xff|b: true|b: t|b: 1|b: True|e: one|e: minus|e: - 1|e: 1|e: -one|b: - true
e: on-e|é: 1|i: 1;m{}
""".strip().replace("\n", "|")

STRINGS = [
    *['y: ""', "y: ''", 'y: "a"', "y: 'a'", "y: \"a\" 'b'", 'y: "a""b"', 'y: "a"#\\n"b"'],
    *['y: "a', 'y: "a\\n"', 'y: a"', "y: \"a'", 'y: "', "y: '\\n'", 'y: "a" b', 'y: "a" "b'],
    *['y: "\\xff"', 'y: "a\\xe9b"', 'y: "\\0"', 'y: "\\x01\\x7f"', 'y: "\\r"', 'y: "\\t"'],
]

ESCAPES = r"""
\a\b\f\n\r\t\v|\\|\"|\'|\?|\0|\1x\18|\377|\400|\777|\x4|\x4f|\x4fa|\xe9|\xE9\xe9|\x|\xg|\X41
\u00e9|\u00E9|\u4e2d|\u41|\u|\U0001f600|\U0010ffff|\U00110000|\U001FFFFF|\U00200000|\U41|\U
\ud83d|\ude00|\ud83d\ude00|\ud83d\ud83d\ude00|\U0000d83d\ude00|\ud83d\U0000de00|\ud83d\u0041
\ud83d\x41|\u0000|\8|\9|\q|\e|\ |\é|\N{DEGREE SIGN}|\#|\{|\\x|\\\x41|\\\\x4|\u005cx|\777\q
""".strip().replace("\n", "|")


def texts() -> list[bytes]:
    """All texts of the table."""
    plain = [*NUMBERS.split("|"), *LAYOUT.split("|"), *STRINGS]
    found = [_bytes(text) for text in plain]
    found += [f'y: "{escape}"'.encode() for escape in ESCAPES.split("|")]
    found += [rb'y: "\xe9" "\q"', rb'y: "\777" "\8"', b'y: "\xff" "\\q"', b'y: "\\\xff"']
    found += [b'y: "\xff\\n"', b'y: "\\ud83d" "\\ude00"', rb'y: "\x" "\777"', b'y: "\0\\777"']
    found += [b'y: "\xff\0"']
    return list(dict.fromkeys(found))


def _bytes(text: str) -> bytes:
    """A text whose bytes may be given by Python's escapes."""
    return text.encode().decode("unicode_escape").encode("latin-1")


def verdict(text: bytes, schema: Path) -> bytes | None:
    """What protoc encodes the text to, or None where it refuses."""
    command = ["protoc", f"-I{schema.parent}", "--encode=All", str(schema)]
    ran = subprocess.run(command, input=text, capture_output=True, check=False)
    return ran.stdout if ran.returncode == 0 else None


def main() -> None:
    """Print the table."""
    version = subprocess.check_output(["protoc", "--version"], text=True).split()[-1]
    print(f"# protoc {version}, recorded by record_cxx_verdicts.py")
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder, "all.proto")
        schema.write_text(SCHEMA)
        for text in texts():
            encoded = verdict(text, schema)
            shown = text.decode("latin-1").encode("unicode_escape").decode()
            word = "refuses" if encoded is None else "accepts"
            print(shown, word, (encoded or b"").hex() or "-", sep="\t")


if __name__ == "__main__":
    main()
