"""What is printed never decides how a run ends: stdout may be full, closed, or unable to write our characters."""

import atexit
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


def tell(*lines: str) -> None:
    """Write lines to stderr; without effect where that is closed or full."""
    if sys.stderr:  # None where it is closed
        with suppress(OSError):
            sys.stderr.write("\n".join([*lines, ""]))
            sys.stderr.flush()


class Forgiving:
    """A text stream that goes on when what it writes to does not: from then on it writes to nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError:
            self._give_up()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())  # with what is buffered
        os.close(nowhere)


def forgive_stdout() -> None:
    """Let no run fail for its terminal: Python exits with 120 when it cannot write what is left, whatever else was."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before Python began
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # for as long as we live
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
        sys.stdout = Forgiving(sys.stdout)
        atexit.register(sys.stdout.flush)
