"""The one time limit of a request, and which requests are open."""

from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event

from chaterload.chater import deadline
from chaterload.chater.deadline import DeadlineExceeded, OpenRequest, RequestDeadline


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks fifty times a second, so that no test waits for long."""
    monkeypatch.setattr(deadline, "CHECK_EVERY_S", 0.02)


def wait(limit: RequestDeadline, answer: Event) -> str:
    """What a request that waits for `answer` ends in."""
    try:
        with limit.of("GET", "/today"):
            answer.wait()
    except DeadlineExceeded:
        return "timed out"
    return "answered"


def test_what_takes_too_long_is_ended():
    """An answer that never comes times out."""
    assert gevent.spawn(wait, RequestDeadline(0.05), Event()).get(timeout=10) == "timed out"


def test_each_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that wait, the one whose time is over is ended and the later one goes on."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: clock.now))
    limit, answer = RequestDeadline(90), Event()
    first = gevent.spawn(wait, limit, Event())
    gevent.sleep(0)
    clock.now = 60.0
    second = gevent.spawn(wait, limit, answer)
    gevent.sleep(0)
    clock.now = 100.0
    assert first.get(timeout=10) == "timed out"
    assert not second.ready()
    answer.set()
    assert second.get(timeout=10) == "answered"


def test_what_is_over_is_not_ended():
    """A greenlet that got its answer goes on for longer than the limit."""
    limit = RequestDeadline(0.02)

    def ask_and_go_on() -> str:
        with limit.of("GET", "/today"):
            pass
        gevent.sleep(0.1)
        return "went on"

    assert gevent.spawn(ask_and_go_on).get(timeout=10) == "went on"


def test_other_ends():
    """A greenlet that is killed while it waits is forgotten: the limit has nothing to end any more."""
    limit = RequestDeadline(0.05)
    waiting = gevent.spawn(wait, limit, Event())
    gevent.sleep(0)
    waiting.kill()
    gevent.sleep(0.1)
    assert isinstance(waiting.value, gevent.GreenletExit)


def test_open_requests_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not answered is listed with its endpoint and its beginning, the longest wait first, and then no more."""
    clock = SimpleNamespace(now=1.0)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: clock.now))
    limit, answer = RequestDeadline(90), Event()

    def ask(path: str) -> None:
        with limit.of("POST", path):
            answer.wait()

    first = gevent.spawn(ask, "/photo")
    gevent.sleep(0)
    clock.now = 2.0
    second = gevent.spawn(ask, "/weight")
    gevent.sleep(0)
    assert limit.open_requests() == [OpenRequest("POST", "/photo", 1.0), OpenRequest("POST", "/weight", 2.0)]
    second.kill()
    assert limit.open_requests() == [OpenRequest("POST", "/photo", 1.0)]
    answer.set()
    first.join(10)
    assert limit.open_requests() == []
