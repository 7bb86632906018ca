"""Real Locust processes against a real stand-in."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chaterload.standin import process as stand_in
from chaterload.standin.process import StandInProcess

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
"""Longer than anything that is waited for takes on a busy machine; only a failing test waits this long."""


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """The first true value of `condition`. Fails, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Locust:
    """One Locust process with our locustfile, its output gathered in a file."""

    def __init__(self, arguments: Sequence[str], env: dict[str, str], folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        base = {key: value for key, value in os.environ.items() if not key.startswith(("TEST_", "LOCUST_"))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), *arguments],
                cwd=folder,
                env={**base, "PYTHONUNBUFFERED": "1", **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, text: str, seconds: float = PATIENCE_S) -> None:
        """Wait until the output holds `text`."""
        wait_for(lambda: text in self.output or self.process.poll() is not None, repr(text), seconds)
        assert text in self.output, self.output

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def finish(self, seconds: float = 60.0) -> str:
        """Wait for the end, demand that nobody sees a traceback, and return the output."""
        self.wait(seconds)
        assert "Traceback" not in self.output, self.output
        return self.output

    def kill(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


Run = Callable[..., Locust]


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Run]:
    """Starts Locust: `locust("--headless", env={...})`. What still runs at the end of the test is killed."""
    started: list[Locust] = []

    def start(*arguments: str, env: dict[str, str] | None = None) -> Locust:
        started.append(Locust(arguments, env or {}, tmp_path, f"locust-{len(started)}"))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[StandInProcess]:
    """A stand-in of the test's own; `@pytest.mark.parametrize("server", [[...]], indirect=True)` gives it options."""
    with stand_in.start(getattr(request, "param", ())) as process:
        yield process


def credentials(server: StandInProcess) -> dict[str, str]:
    """The environment that runs against `server`."""
    return {"TARGET_HOST": server.host, "TEST_USER_TOKEN": server.token, "TEST_USER_EMAIL": server.email}


def page(server: StandInProcess, path: str, body: Any = None) -> Any:
    """A JSON page of the stand-in's: records, counters, seed, faults."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.host}/_standin/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def rows(output: str) -> dict[str, tuple[int, int]]:
    """Requests and failures by "METHOD /path", from the last table that Locust printed."""
    last = output[output.rindex("Type     Name  ", 0, output.index("Response time percentiles")) :]
    found = re.findall(r"^(GET|POST)\s+(/\S+)\s+(\d+)\s+(\d+)\(", last.split("Aggregated")[0], re.MULTILINE)
    return {f"{method} {path}": (int(requests), int(failures)) for method, path, requests, failures in found}
