"""Feed one reader with inputs of Atheris: `harness.py READER FINDINGS [libFuzzer options]`.

It runs in a folder of the stock. An exception that is not one of ssdh's is written to the folder
FINDINGS, once for each place in the code, with the input; hangs and crashes end the process, and
libFuzzer writes their input there.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ssdh_surgery"]):
    from readers import READERS, Reader

    from ssdh_surgery import mapped_files
    from ssdh_surgery.errors import SsdhError

SECONDS, BYTES = 10, 2 << 30


def main() -> None:
    """Run until libFuzzer's options end it."""
    name, folder, *options = sys.argv[1:]
    reader = next(each for each in READERS if each.name == name)
    findings = Path(folder)
    input_file = Path(reader.file)
    read = _in_child(reader.read) if reader.is_native else reader.read
    mapped_files.report_with(lambda _: SsdhError.exit_code)

    # What it imports is imported once, in the parent of all children.
    reader.read()

    def take(data: bytes) -> None:
        input_file.write_bytes(data)
        try:
            read()
        except SsdhError:
            pass
        except Exception as error:
            _save(findings, reader, data, error)

    atheris.Setup([sys.argv[0], *options], take)
    atheris.Fuzz()


def _in_child(read: Callable[[], object]) -> Callable[[], object]:
    """The same in a child with limits of time and memory.

    Raises:
        RuntimeError: it ended with a signal, or with an exception that is not one of ssdh's.
    """

    def run() -> object:
        pipe, end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(pipe)
            _run_child(read, end)
        os.close(end)
        with open(pipe, encoding="utf-8", errors="replace") as file:
            text = file.read()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if text or code not in (0, SsdhError.exit_code):
            raise RuntimeError(text or f"ends with {_end(code)}")
        return None

    return run


def _end(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _run_child(read: Callable[[], object], end: int) -> None:
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (2 * BYTES, 2 * BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        read()
    except SsdhError:
        pass
    except Exception:
        os.write(end, traceback.format_exc().encode())
    os._exit(0)


def _save(findings: Path, reader: Reader, data: bytes, error: Exception) -> None:
    """Write an input and its traceback, unless the place in the code has been seen."""
    text = "".join(traceback.format_exception(error))
    place = "".join(line for line in text.splitlines() if line.lstrip().startswith("File "))
    is_of_child = isinstance(error, RuntimeError)
    identity = hashlib.sha256((str(error) if is_of_child else place).encode()).hexdigest()[:8]
    file = findings / f"{reader.name.replace(': ', '-').replace(' ', '-')}-{identity}"
    if not file.exists():
        file.write_bytes(data)
        file.with_suffix(".txt").write_text(text)


if __name__ == "__main__":
    main()
