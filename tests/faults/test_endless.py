"""Answers without end, on every path at once: the run's memory stays small, and it ends in time with a verdict."""

import gzip
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psutil

from chaterload.chater.wire import JSON, PROTOBUF
from chaterload.exits import Exit
from tests.e2e.conftest import Locust, Run, wait_for
from tests.faults.conftest import Script, Target, head, kinds, verdict, whole

MakeTarget = Callable[..., Target]

CHUNKED = head(None, PROTOBUF, "200 OK", "Transfer-Encoding: chunked")
RUN_S = 6
ENDS_S = 20.0
"""After the run time."""
MOST_MB = 300


def endless(start: bytes, part: bytes) -> Script:
    """Send `start`, then `part` at full speed until the other side has gone."""
    many = part * (1 + (64 << 10) // len(part))

    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(many)

    return script


def trickle(start: bytes) -> Script:
    """Send `start`, then a byte a second for as long as the other side stays."""

    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"1")
            time.sleep(1)

    return script


@cache
def bomb() -> bytes:
    """An answer that expands to 512 MB, and takes seconds to make: not while tests are collected."""
    body = gzip.compress(b"\0" * (512 << 20), 9)
    return head(len(body), PROTOBUF, "200 OK", "Content-Encoding: gzip") + body


ATTACKS: dict[str, Script] = {
    "/get_food_custom_date": endless(CHUNKED, b"1\r\nx\r\n"),
    "/set_language": endless(b"HTTP/1.1 200 OK\r\n", b"a:\r\n"),
    "/alcohol_range": endless(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "/feedback": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "/eater_auth": endless(head(None), b"z"),
    "/eater_get_today": lambda connection: connection.sendall(bomb()),
    "/metrics": endless(head(None, "text/plain"), b"a 1\n"),
}


class Memory:
    """The most that a process took, looked at ten times a second."""

    def __init__(self, run: Locust) -> None:
        self.most_mb = 0.0
        self._process = psutil.Process(run.process.pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        try:
            while True:
                self.most_mb = max(self.most_mb, self._process.memory_info().rss / 2**20)
                time.sleep(0.1)
        except psutil.Error:
            return


def test_every_answer_without_end_at_once(locust: Run, target: MakeTarget) -> None:
    """Every path floods the run in its own way: answers are cut off and counted, and the run ends in time and whole."""
    bomb()  # before anybody asks for it
    hostile = target(ATTACKS)
    options = (
        "--headless",
        "--users",
        "12",
        "--spawn-rate",
        "12",
        "--run-time",
        f"{RUN_S}s",
        "--verdict-json",
        "v.json",
    )
    run = locust(*options, env=hostile.env())
    memory = Memory(run)
    run.says("Run time limit set")
    began = time.monotonic()
    document = verdict(run)
    took = time.monotonic() - began
    assert run.wait() == document["exit_code"] == Exit.MISSED
    assert took < RUN_S + ENDS_S
    assert 0 < memory.most_mb < MOST_MB
    found = kinds(document)
    for path in ("/set_language", "/alcohol_range", "/feedback", "/eater_auth", "/eater_get_today"):
        assert set(found[path]) <= {"answer too large", "unanswered"}, found
    assert hostile.requests["/metrics"] >= 1


ASKED = "/api/v1/query_range"
QUERY = """
minimum_requests = 1
[[query]]
name = "anything"
promql = "up"
below = 1
"""


def test_questions_that_are_answered_a_byte_a_second(locust: Run, target: MakeTarget, tmp_path: Path) -> None:
    """Prometheus and /metrics trickle: the run ends in time, and SIGTERM meanwhile waits for the verdict."""
    never = {"/metrics": trickle(head(1000, "text/plain")), ASKED: trickle(head(1000, JSON))}
    never["/set_language"] = whole(b"\x08\x01")
    slow = target(never)
    (tmp_path / "o.toml").write_text(QUERY)
    options = ("--headless", "--users", "2", "--run-time", "2s", "--tags", "language", "--verdict-json", "v.json")
    run = locust(*options, "--objectives", "o.toml", env=slow.env() | {"TEST_PROMETHEUS_URL": slow.host})
    wait_for(lambda: slow.requests[ASKED], "a question to Prometheus")
    began = time.monotonic()
    run.send(signal.SIGTERM)
    document = verdict(run)
    assert time.monotonic() - began < ENDS_S
    assert run.wait() == document["exit_code"] == Exit.INVALID
    assert [objective["state"] for objective in document["objectives"]] == ["no_data"]
