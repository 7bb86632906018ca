"""Servers and load generators as processes of their own, each on a core of its own, and what they take."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from chaterload.standin import process as stand_in  # noqa: E402
from chaterload.standin.process import StandInProcess  # noqa: E402
from chaterload.chater.tokens import make_token  # noqa: E402

GENERATOR_CORE, SERVER_CORE = 0, 1
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Target:
    """What a generator has to know of a server, and we to measure."""

    host: str
    token: str
    email: str


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return float(found[1])


def page(server: StandInProcess | Target, path: str) -> Any:
    """A JSON page of the stand-in's."""
    with urllib.request.urlopen(f"{server.host}/_standin/{path}", timeout=30) as answer:
        return json.load(answer)


def requests_of(server: StandInProcess | Target) -> int:
    """How many requests the server has counted."""
    return sum(row["requests"] for row in page(server, "counters")["endpoints"].values())


@contextmanager
def server(*options: str, core: int = SERVER_CORE) -> Iterator[StandInProcess]:
    """A stand-in on a core of its own."""
    with stand_in.start(options) as process:
        os.sched_setaffinity(process.process.pid, {core})
        yield process


@contextmanager
def fast_server(delays: str = "", *, keep: bool = False) -> Iterator[Target]:
    """The cheap server on a core of its own; `delays` as MS:SHARE with commas between, `keep` its connections open."""
    words = [*([delays] if delays else []), *(["keep"] if keep else [])]
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, str(HERE / "fastserver.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        token = make_token("any", "loadtest@example.com", timedelta(hours=1))
        yield Target(f"http://127.0.0.1:{process.stdout.readline().strip()}", token, "loadtest@example.com")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def generator(command: list[str], target: StandInProcess | Target, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A load generator on the other core; ended with SIGINT."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",  # where it is set, each start compiles our modules anew
        "PYTHONPATH": str(ROOT),
        "TARGET_HOST": target.host,
        "LOCUST_HOST": target.host,
        "TEST_USER_TOKEN": target.token,
        "TEST_USER_EMAIL": target.email,
        "TEST_AUTH_TOKEN": getattr(target, "id_token", "any"),  # the cheap server takes any
        "TEST_PHOTO_PATH": str(ROOT / "image.png"),
        **env,
    }
    pinned = ["taskset", "-c", str(GENERATOR_CORE), *command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(pinned, env=environment, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def locust(file: str, users: int, *options: str) -> list[str]:
    """The command of a headless run of one of our files."""
    command = [sys.executable, "-m", "locust", "-f", str(HERE / file), "--headless", "--only-summary"]
    return [*command, "--users", str(users), "--spawn-rate", str(max(100, users)), *options]


def k6(users: int, seconds: float) -> list[str] | None:
    """The command of the same mix in k6; None where it is not installed."""
    program = shutil.which("k6") or shutil.which("k6", path=str(Path(sys.executable).parent))
    if program is None:
        return None
    os.environ.update(USERS=str(users), SECONDS=str(int(seconds)))
    return [program, "run", "--quiet", "--no-usage-report", str(HERE / "flow.js")]


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
