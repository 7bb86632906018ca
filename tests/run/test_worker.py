"""What a worker does that its master asks for, and what it refuses, by messages that a test makes."""

import time
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.env import Environment
from locust.rpc import Message

from chaterload.chater.answer_gaps import AnswerGap
from chaterload.chater.environment import load_settings
from chaterload.chater.load_context import CURRENT, LoadContext
from chaterload.chater.samples import FailureSample
from chaterload.chater.user import ProtobufUser
from chaterload.chater.writes import Writes
from chaterload.exits import Exit
from chaterload.judge.lateness import Arrivals
from chaterload.run import worker as module
from chaterload.run.incoming import NodeReport
from chaterload.run.worker import Worker
from chaterload.run.workers import WorkerRecord

PUBLIC, NAME = "http://load.example.com", "load.example.com"


class Runner:
    """Locust's, as far as a worker of ours uses it."""

    worker_index = 0

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.listeners: dict[str, Any] = {}
        self.greenlet = SimpleNamespace(spawn=lambda *_: None)
        self.user_greenlets: list[Any] = []
        self.quits = 0

    def register_message(self, kind, listener, concurrent=False):
        self.listeners[kind] = listener

    def send_message(self, kind, data=None, client_id=None):
        self.sent.append((kind, data))

    def quit(self):
        self.quits += 1

    def get(self, kind, data):
        """A message of the master comes in."""
        self.listeners[kind](msg=SimpleNamespace(type=kind, node_id="master", data=data), environment=None)


@pytest.fixture
def runner():
    yield Runner()
    CURRENT.clear()


def make(runner: Any, *allowed: str) -> Worker:
    options: Any = SimpleNamespace(tags=None, exclude_tags=None, stand_in=False, run_time=None)
    environment: Any = Environment(parsed_options=options)
    environment.runner = runner
    return Worker(environment, runner, load_settings(), allowed)


def question(host: str, **changed: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "question": "q",
        "run_id": "run",
        "host": host,
        "tags": None,
        "exclude_tags": None,
        "stand_in": False,
        "run_time": None,
        "times_key": "0f",
    }
    return asked | changed


def problems(runner: Runner) -> list[str]:
    (answer,) = [data for kind, data in runner.sent if kind == "chater_checked"]
    found: list[str] = answer["problems"]
    return found


@pytest.mark.parametrize(
    "host", [PUBLIC, "http://8.8.8.8", "http://134744072", "http://x.svc.evil.com", "http://me:secret@localhost"]
)
def test_a_host_that_the_worker_does_not_allow(runner, host):
    """Whatever its master allows: a worker loads what its own rules allow, and says why it does not."""
    make(runner)
    runner.get("chater_check", question(host))
    (problem,) = problems(runner)
    assert problem.startswith("The host ")
    assert "secret" not in problem


def test_no_list_of_hosts_is_taken_from_a_master(runner, caplog):
    """A check that brings hosts to be allowed is no message of this protocol."""
    make(runner)
    runner.get("chater_check", question(PUBLIC, allowed=[NAME]))
    assert [kind for kind, _ in runner.sent] == ["chater_hello"]
    assert any("cannot be read" in message for message in caplog.messages)


def test_a_host_that_the_worker_allows(runner, monkeypatch):
    """What its own --allow-host or TEST_ALLOW_HOST names is tried out."""
    tried = []

    def prepare(*_, host, allowed):
        tried.append((host, allowed))
        return SimpleNamespace(accounts=[], index=SimpleNamespace())

    monkeypatch.setattr(module, "prepare_users", prepare)
    make(runner, NAME)
    runner.get("chater_check", question(PUBLIC))
    assert problems(runner) == []
    assert tried == [(PUBLIC, (NAME,))]


@pytest.mark.parametrize(("host", "allowed", "leaves"), [(PUBLIC, (), 1), (PUBLIC, (NAME,), 0), (None, (), 0)])
def test_a_host_at_the_start(runner, caplog, host, allowed, leaves):
    """What Locust's own message to start names is judged as well: no user starts on another host."""
    worker = make(runner, *allowed)
    worker.environment.host = host
    if leaves:
        with pytest.raises(gevent.GreenletExit):
            worker._on_test_start()
        gevent.sleep(0)
        assert worker.environment.process_exit_code == Exit.NEVER_STARTED
        assert any("may not go on here" in message for message in caplog.messages)
    else:
        worker._on_test_start()
    assert runner.quits == leaves


def test_a_run_that_was_not_checked_here(runner):
    """A worker that was away when a run was checked has forgotten the last one: its users wait to be told of this."""
    worker = make(runner)
    shared: Any = SimpleNamespace(every_task=False)
    worker._prepared = "first", shared
    runner.get("chater_start", {"run_id": "first", "every_task": False})
    worker._on_test_start()
    assert CURRENT.get() is worker.shared is shared
    worker._on_test_start()
    assert worker.shared is None
    waiting = gevent.spawn(CURRENT.get)
    gevent.sleep(0)
    assert not waiting.ready()
    joined: Any = SimpleNamespace(every_task=False)
    worker._prepared = "second", joined
    runner.get("chater_start", {"run_id": "second", "every_task": False})
    assert waiting.get(timeout=5) is joined


@pytest.mark.parametrize("key", ["", "x", "0" * 17, "0F", "-1"])
def test_a_mark_that_is_none(runner, caplog, key):
    """What would be no mark of a run's dishes is not taken for one."""
    make(runner)
    runner.get("chater_check", question("http://127.0.0.1:1", times_key=key))
    assert any("cannot be read" in message for message in caplog.messages)


def test_what_it_reports(runner, monkeypatch):
    """A master takes all that a worker reports: whoever adds a part to the one adds it to the other."""
    worker = make(runner)
    shared: Any = object.__new__(LoadContext)
    shared.index = SimpleNamespace(strangers={"a@example.com": [1, 2]}, leftovers=list)
    shared.cleanup = SimpleNamespace(requests={"POST /delete_food": 1}, early_requests=0)
    shared.writes, shared.unanswered, shared.without_account, shared.accounts = Writes(), {("GET", "/a"): [1.5]}, 0, []
    failed = FailureSample("GET", "/a", "server error", 1.7e9, 3.5, "", "alcohol, line 7", 500, "")
    shared.samples = SimpleNamespace(take_new=lambda: [asdict(failed)])
    shared.arrivals = SimpleNamespace(figures=lambda: asdict(Arrivals(9, 2, 1, 150.5, 0, 3)))
    worker.shared, worker._is_clean = shared, True
    gap = AnswerGap(time.monotonic() - 3, time.monotonic() - 1, 1, {("GET", "/a"): (0.0, 1.0)})
    told = {"began": 5.0, "ended": 0.0, "new": [gap.to_list(time.monotonic())], "current": None}
    monkeypatch.setattr(ProtobufUser.gaps, "tell", lambda: told)
    data: dict[str, Any] = {}
    worker._on_report("a", data)
    sent = Message.unserialize(Message("stats", data["chater"], "a").serialize()).data
    taken = NodeReport.model_validate(sent).model_dump(exclude_unset=True)
    assert Message.unserialize(Message("stats", taken, "a").serialize()).data == sent
    assert taken.keys() == NodeReport.model_fields.keys()
    record = WorkerRecord("somewhere")
    record.take(taken)
    assert record.final_report()["watched"]
