"""`python -m chaterload.clean` removes what a verdict lists, and nothing else."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.dishes import Leftover, Trace
from chaterload.chater.times import day_of
from chaterload.chater.wire import DAY_MS
from chaterload.clean import main, read_leftovers
from chaterload.exits import Exit, Refused
from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import ROOT, page, server

__all__ = ["server"]

HOST = "http://127.0.0.1:1"


def verdict(folder: Path, host: str, *left: tuple[str, int, str]) -> Path:
    """The JSON of a run on `host` that left these dishes."""
    entries = [{"email": email, "time": time_ms, "trace": trace, "certain": False} for email, time_ms, trace in left]
    file = folder / "verdict.json"
    file.write_text(json.dumps({"format": 1, "verdict": "pass", "run": {"host": host}, "leftovers": entries}))
    return file


def clean(file: Path, server: StandInProcess, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {"TARGET_HOST": server.host, "TEST_USER_TOKEN": server.token, "TEST_VERIFY_SECONDS": "0.5"}
    return subprocess.run(
        [sys.executable, "-m", "chaterload.clean", str(file), *options],
        cwd=ROOT,
        env={**os.environ, **own, **env},
        capture_output=True,
        text=True,
        timeout=100,
    )


def seed(server: StandInProcess, *times: int) -> None:
    page(server, "seed", {"email": server.email, "dishes": [{"time": time_ms} for time_ms in times]})


def there(server: StandInProcess) -> set[int]:
    return {dish["time"] for dish in page(server, "records")[server.email]["dishes"]}


def test_only_what_is_listed_is_removed(server: StandInProcess, tmp_path: Path) -> None:
    """Dishes of today and of other days go, whatever their trace; what was in doubt and what is not listed stays."""
    now = int(time.time() * 1000)
    times = {trace: day_of(now) * DAY_MS + 1000 + number for number, trace in enumerate(Trace)}
    yesterday, foreign = now - DAY_MS, day_of(now) * DAY_MS + 5
    seed(server, *times.values(), yesterday, foreign)
    never_came = day_of(now) * DAY_MS + 77
    left = [(server.email, time_ms, str(trace)) for trace, time_ms in times.items()]
    left += [(server.email, yesterday, "there"), (server.email, never_came, "upload unclear")]
    done = clean(verdict(tmp_path, server.host, *left), server)
    assert done.returncode == Exit.INVALID, done.stdout + done.stderr
    assert there(server) == {times[Trace.DOUBTFUL], foreign}
    assert f"{server.email} time {times[Trace.DOUBTFUL]}: in doubt" in done.stdout
    assert f"{len(left) - 1} of {len(left)} listed dishes are not there" in done.stdout
    deletes = page(server, "records")[server.email]["received"]["deletes"]
    assert set(deletes) == {*times.values(), yesterday} - {times[Trace.DOUBTFUL]}


@pytest.mark.parametrize("server", [["--drop-delete", "1"]], indirect=True)
def test_what_is_still_there_is_told(server: StandInProcess, tmp_path: Path) -> None:
    """A dish that the server does not delete is told with its time; the exit code says that it is there."""
    time_ms = day_of(int(time.time() * 1000)) * DAY_MS + 9
    seed(server, time_ms)
    file = verdict(tmp_path, server.host, (server.email, time_ms, "there"))
    script = "import sys; from chaterload import clean; from chaterload.chater import cleanup; cleanup.IDLE_LIMIT_S = 2"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; sys.exit(clean.main([{str(file)!r}]))"],
        cwd=ROOT,
        env={
            **os.environ,
            "TARGET_HOST": server.host,
            "TEST_USER_TOKEN": server.token,
            "TEST_VERIFY_SECONDS": "0.2",
        },
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == Exit.MISSED, done.stdout + done.stderr
    assert f"{server.email} time {time_ms}: there" in done.stdout


def test_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Where nothing is listed nothing is asked."""
    monkeypatch.setenv("TARGET_HOST", HOST)
    verdict(tmp_path, HOST)
    assert main([str(tmp_path)]) == Exit.MET
    assert "0 of 0 listed dishes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("http://evil.test", "is of a run on 'http://evil.test', and the host here is"),
        (f"{HOST}/", "There is no token for b@example.com"),
    ],
)
def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, host: str, problem: str) -> None:
    """Tokens go to no host but the settings', and only accounts that there are tokens for are cleaned."""
    monkeypatch.setenv("TARGET_HOST", HOST)
    monkeypatch.setenv("TEST_JWT_SECRET", "secret")
    file = verdict(tmp_path, host, ("b@example.com", 1, "there"))
    assert main([str(file)]) == Exit.NEVER_STARTED
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"run": {"host": "http://127.0.0.1:1"}}',
        '{"run": {"host": 1}, "leftovers": []}',
        '{"run": {"host": "http://127.0.0.1:1"}, "leftovers": [{"email": "a@b", "time": "1", "trace": "there"}]}',
        '{"run": {"host": "http://127.0.0.1:1"}, "leftovers": [{"email": "a@b", "time": 1, "trace": "here"}]}',
        "\xff",
    ],
)
def test_a_file_that_is_no_verdict(tmp_path: Path, text: str) -> None:
    """What does not list leftovers as a verdict does is refused in a sentence."""
    file = tmp_path / "v.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(Refused, match="lists no leftovers"):
        read_leftovers(file, HOST)


@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever a file holds, it is read or refused."""
    file = tmp_path_factory.mktemp("any") / "v.json"
    file.write_bytes(data)
    with pytest.raises(Refused):
        read_leftovers(file, HOST)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is told, and a folder of --results stands for its verdict."""
    with pytest.raises(Refused, match=r"^'/dev/zero' holds more than 64 MB"):
        read_leftovers(Path("/dev/zero"), HOST)
    with pytest.raises(Refused, match=r"verdict\.json' does not exist\. Expected"):
        read_leftovers(tmp_path, HOST)
    verdict(tmp_path, HOST, ("a@example.com", 5, "delete cut off"))
    assert read_leftovers(tmp_path, HOST) == [Leftover("a@example.com", 5, Trace.CUT_OFF)]
