"""What a process knows before there is load: its tasks, and what it would load."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from chaterload.chater.deadline import OpenRequest
from chaterload.chater.settings import IN_CLUSTER, Settings
from chaterload.chater.user import ProtobufUser
from chaterload.exits import Refused
from chaterload.run.node import Local, all_tasks, own_host


def test_requests_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process reports how many requests wait, for how long the oldest has, and by endpoint the age of each in ms."""
    now = time.monotonic()
    waiting = [
        OpenRequest("POST", "/a", now - 3),
        OpenRequest("GET", "/b", now - 2),
        OpenRequest("POST", "/a", now - 1),
    ]
    monkeypatch.setattr(ProtobufUser, "deadline", SimpleNamespace(open_requests=lambda: waiting))
    environment: Any = SimpleNamespace(user_classes=[], runner=None)
    report = Local(environment, Settings(), ()).report()
    assert report["in_flight"] == [3, pytest.approx(3, abs=1)]
    assert report["open"] == [
        ["POST", "/a", [pytest.approx(3000, abs=1000), pytest.approx(1000, abs=900)]],
        ["GET", "/b", [pytest.approx(2000, abs=1000)]],
    ]


def user_class(name: str, host: str | None = None) -> Any:
    """A class as Locust has it of a locustfile."""
    return type(name, (), {"host": host, "tasks": [print]})


def test_a_class_by_another_name() -> None:
    """The tasks of a user class are found that another locustfile imported `as` something else."""
    base = user_class("ChaterUser")
    environment: Any = SimpleNamespace(
        user_classes=[base], available_user_classes={"Base": base}, available_user_tasks={"Base": base.tasks}
    )
    assert all_tasks(environment) == [print]


@pytest.mark.parametrize(
    ("named", "own", "expected"),
    [
        (None, (None,), IN_CLUSTER),
        (None, (None, "http://own:1/"), "http://own:1"),
        (None, ("http://own:1", "HTTP://Own:1/"), "http://own:1"),
        ("http://named:2/", ("http://own:1",), "http://named:2"),
    ],
)
def test_what_to_load(named: str | None, own: tuple[str | None, ...], expected: str) -> None:
    """The settings' host comes before that of a user class, which comes before the platform's own."""
    environment: Any = SimpleNamespace(user_classes=[user_class("User", host) for host in own])
    assert own_host(environment, Settings(TARGET_HOST=named)) == expected


@pytest.mark.parametrize(
    ("hosts", "problem"),
    [
        (("http://a", "http://b"), "The user classes name 2 hosts: http://a, http://b. Expected one, or --host."),
        (("http://me:hidden@a",), "The host '…@a' carries a user name or password, which would be printed. Expected "),
    ],
)
def test_user_classes_that_do_not_agree(hosts: tuple[str, ...], problem: str) -> None:
    """One run loads one host: user classes that name two, or none that can be one, are refused."""
    environment: Any = SimpleNamespace(user_classes=[user_class("User", host) for host in hosts])
    with pytest.raises(Refused) as refused:
        own_host(environment, Settings())
    assert str(refused.value).startswith(problem)
