"""Starts a stand-in as a separate process that cannot outlive the one that started it.

It works with and without gevent's monkey patching: nothing here but the standard library.
"""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

_ROOT = Path(__file__).resolve().parents[2]
_EXPORTS = ("TARGET_HOST", "TEST_USER_TOKEN", "TEST_USER_EMAIL", "TEST_AUTH_TOKEN")
_INHERITED = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LANG", "LANGUAGE", "TZ")
_INHERITED_PREFIXES = ("LC_", "PYTHON")
_STOPS_WITHIN = 5.0  # seconds before it is killed


class StandInError(Exception):
    """The stand-in did not come up; says why in its own words."""


@dataclass(repr=False)
class StandInProcess:
    """A running stand-in. It ends by `stop`, with the `with` block, or with this process, however that ends.

    A process forked from this one shares the pipe that tells of our end: start the stand-in after forking.
    """

    host: str
    token: str
    email: str
    id_token: str
    """What /eater_auth takes for signed by a provider."""
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Ends it and waits until it has ended. Harmless when repeated."""
        _end(self.process)

    def __enter__(self) -> StandInProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(options: Sequence[str] = (), timeout: float = 20.0) -> StandInProcess:
    """A stand-in with these command line options on a free loopback port, ready to serve.

    StandInError if it is not ready within `timeout` seconds.
    """
    command = [sys.executable, "-m", "chaterload.standin", "--port", "0", "--watch-stdin", *options]
    with tempfile.TemporaryFile("w+") as complaints:
        # A session of its own, so that Ctrl-C in our terminal does not end it before we have said goodbye.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            cwd=_ROOT,
            env=_environment(),
            start_new_session=True,
        )
        told = _exports(process, timeout)
        if told is None:
            _end(process)
            complaints.seek(0)
            reason = complaints.read().strip() or "it says nothing"
            raise StandInError(f"The stand-in did not start: {reason}")
    host, token, email, id_token = told
    return StandInProcess(host, token, email, id_token, process)


def _environment() -> dict[str, str]:
    """What a Python process needs of ours, and nothing else: whatever we were told in confidence stays here."""
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), kept.get("PYTHONPATH")]))}


def _exports(process: subprocess.Popen[str], timeout: float) -> list[str] | None:
    """The values of its export lines; None if it ends, or says nothing in time."""
    assert process.stdout
    answers: queue.Queue[list[str]] = queue.Queue()
    # A thread, because it can be waited for with a bound on every platform, patched by gevent or not.
    reader = threading.Thread(target=_read_exports, args=(process.stdout, answers), daemon=True)
    reader.start()
    try:
        values = answers.get(timeout=timeout)
    except queue.Empty:
        process.kill()
        reader.join()  # it meets the end of the output, which must not be closed before
        return None
    return values if len(values) == len(_EXPORTS) else None


def _read_exports(stdout: IO[str], answers: queue.Queue[list[str]]) -> None:
    lines = [stdout.readline() for _ in _EXPORTS]
    answers.put([shlex.split(line)[1].partition("=")[2] for line in lines if line])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.terminate()
    try:
        process.wait(_STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
