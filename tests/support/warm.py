"""Processes that start at once: forks of one that has imported already what all of them need.

Importing Locust and what is ours takes a second of CPU, and these tests start some hundred processes. A fork is as real
as any process: it has arguments, environment, folder, session and streams of its own, and runs as it ever does from the
command's first line on. Only what that line would import is there already.
"""

import functools
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from chaterload.standin.process import StandInProcess

from . import forkable

ROOT = Path(__file__).resolve().parents[2]


class WarmProcess:
    """One fork, with the part of Popen's interface that tests use."""

    stdin: IO[str] | None = None
    stdout: IO[str] | None = None

    def __init__(self, ended: IO[bytes]) -> None:
        self._ended = ended
        self.pid = int(ended.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, seconds: float | None = None) -> int:
        code = self._look(seconds)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", seconds or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(self._ended.readline()))
            self._ended.close()
        return self.returncode


class Warm:
    """The process that is forked, for one module with a main()."""

    def __init__(self, *modules: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, forkable.__file__, str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, streams: tuple[int, int, int]
    ) -> WarmProcess:
        """A fork that runs with these streams in `folder`, as the head of a session of its own."""
        ended, telling = os.pipe()
        request = json.dumps({"arguments": arguments, "env": dict(env), "folder": str(folder)}).encode()
        assert len(request) < forkable.LONGEST
        socket.send_fds(self._socket, [request], [*streams, telling])
        os.close(telling)
        return WarmProcess(os.fdopen(ended, "rb", buffering=0))

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def warm_locust() -> Warm:
    """Locust, and all of ours that does nothing when it is imported; the rest each run imports for itself."""
    ours = ("chater.dish_user", "run.controller", "run.master", "run.worker", "web.setup")
    return Warm("locust.main", *(f"chaterload.{name}" for name in ours))


@functools.cache
def warm_stand_in() -> Warm:
    """What `python -m chaterload.standin` runs."""
    return Warm("chaterload.standin.__main__")


def end_warm_processes() -> None:
    """End those that were started."""
    for kept in (warm_locust, warm_stand_in):
        if kept.cache_info().currsize:
            kept().end()
            kept.cache_clear()


def start_stand_in(options: Sequence[str] = ()) -> StandInProcess:
    """A stand-in like that of `chaterload.standin.process.start`, and sooner."""
    their_stdin, stdin = os.pipe()
    stdout, their_stdout = os.pipe()
    arguments = ["--port", "0", "--watch-stdin", *options]
    process = warm_stand_in().start(arguments, {"PATH": os.defpath}, ROOT, (their_stdin, their_stdout, 2))
    os.close(their_stdin)
    os.close(their_stdout)
    process.stdin, process.stdout = os.fdopen(stdin, "w"), os.fdopen(stdout)
    lines = [process.stdout.readline() for _ in range(4)]
    host, token, email, id_token = (shlex.split(line)[1].partition("=")[2] for line in lines)
    return StandInProcess(host, token, email, id_token, cast("subprocess.Popen[str]", process))
