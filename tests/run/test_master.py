"""A master's record of its workers, by messages that a test makes."""

from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.env import Environment

from chaterload import __version__
from chaterload.chater.environment import load_settings
from chaterload.exits import Refused
from chaterload.run import master as module
from chaterload.run.lifecycle import Prepared
from chaterload.run.master import Master


class Runner:
    """Locust's, as far as a master of ours uses it: messages are kept, and workers come and go as told."""

    def __init__(self):
        self.sent: list[tuple[str, Any, str | None]] = []
        self.listeners: dict[str, Any] = {}
        self.here: set[str] = set()
        self.greenlet = SimpleNamespace(spawn=lambda *_: None)

    def register_message(self, kind, listener, concurrent=False):
        self.listeners[kind] = listener

    def send_message(self, kind, data=None, client_id=None):
        self.sent.append((kind, data, client_id))
        if kind == "chater_check" and client_id in self.answers:
            self.get("chater_checked", client_id, self.answers[client_id] | {"question": data["question"]})
        if kind == "chater_finish" and client_id in self.answers:
            self.get("chater_finished", client_id, {"question": data["question"]})

    answers: dict[str, dict[str, Any]]

    def get(self, kind, worker, data):
        """A message of a worker comes in."""
        self.listeners[kind](msg=SimpleNamespace(type=kind, node_id=worker, data=data), environment=None)

    def to(self, worker, kind):
        return [data for sent, data, client in self.sent if (sent, client) == (kind, worker)]


def answer(**changed):
    return {
        "process": "somewhere",
        "problems": [],
        "version": __version__,
        "fingerprint": "f",
        "accounts": 0,
        "strict": False,
    } | changed


@pytest.fixture
def runner(monkeypatch):
    runner = Runner()
    runner.here, runner.answers = {"a", "b"}, {"a": answer(), "b": answer()}
    monkeypatch.setattr(module, "connected_workers", lambda _: set(runner.here))
    monkeypatch.setattr(module, "dismiss_worker", lambda _, worker: runner.send_message("quit", None, worker))
    return runner


@pytest.fixture
def master(runner):
    options: Any = SimpleNamespace(tags=None, exclude_tags=None, stand_in=False, run_time=None)
    environment: Any = Environment(parsed_options=options, host="http://127.0.0.1:1")
    environment.stop_timeout = 0.1
    return Master(environment, runner, load_settings(), ())


def start(master):
    master.check("run", 1, "http://127.0.0.1:1")
    master.start(Prepared("run", "http://127.0.0.1:1", None, None), every_task=False)


def test_a_run(master, runner):
    """Each worker that answered is told that its run starts, and at the end asked for its last counts."""
    start(master)
    for worker in ("a", "b"):
        assert runner.to(worker, "chater_start") == [{"run_id": "run", "every_task": False}]
    master.finish()
    assert master.lost() == []


def test_no_worker(master, runner):
    """Without a worker there is nothing to start."""
    runner.here = set()
    with pytest.raises(Refused, match="No worker is connected"):
        master.check("run", 1, None)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"problems": ["The token has expired."]}, "The token has expired."),
        ({"version": "0.1"}, "different versions"),
        ({"fingerprint": "other"}, "settings differ"),
    ],
)
def test_a_worker_that_does_not_fit(master, runner, changed, reason):
    """One worker that could not take part keeps the run from starting."""
    runner.answers["b"] = answer(**changed)
    with pytest.raises(Refused, match=reason):
        master.check("run", 1, None)


@pytest.mark.parametrize("data", [None, {}, {"question": 1}, [], "text", {"question": "q", "more": 1}])
def test_a_message_that_cannot_be_read(master, runner, caplog, data):
    """What does not fit its kind is dropped, in a sentence, and the master goes on."""
    runner.get("chater_checked", "a", data)
    assert any("cannot be read and is ignored" in message for message in caplog.messages)
    start(master)


def test_figures_of_strangers(master, runner):
    """Only workers that were checked count; nobody else can add to the figures."""
    start(master)
    master._on_report("stranger", {"chater": {"saturated_s": 99}})
    master._on_report("a", {"chater": {"saturated_s": 1}})
    assert sorted(report.get("saturated_s", 0) for report in master.reports()) == [0, 0, 1]


def test_a_worker_that_vanishes(master, runner):
    """It is lost once, told once, and its dishes are listed as uncertain."""
    told: list[str] = []
    master.on_lost = told.append
    start(master)
    runner.get("chater_dish", "a", {"email": "me@example.com", "time": 5})
    runner.here = {"b"}
    master._note_missing()
    master._note_missing()
    assert told == ["worker somewhere was lost during the run"]
    assert any(report.get("leftovers") == [["me@example.com", 5, False]] for report in master.reports())
    master.finish()
    assert master.lost() == told


def test_a_worker_that_joins(master, runner):
    """One that comes during a run is checked by itself, and told of the start that it missed."""
    start(master)
    runner.here.add("c")
    runner.answers["c"] = answer(process="new")
    runner.get("chater_hello", "c", {})
    assert runner.to("c", "chater_start") == [{"run_id": "run", "every_task": False}]
    master.finish()
    assert runner.to("c", "chater_finish")


def test_a_worker_that_may_not_join(master, runner):
    """One whose check fails during a run is sent away, and the run goes on without it."""
    start(master)
    runner.here.add("c")
    runner.answers["c"] = answer(problems=["The token has expired."])
    runner.get("chater_hello", "c", {})
    assert runner.to("c", "chater_start") == []
    assert runner.to("c", "quit") == [None]
    assert master.lost() == []


def test_an_early_hello(master, runner):
    """Before a run a worker that is ready is only known to be there."""
    runner.get("chater_hello", "a", {})
    assert runner.sent == []


def test_sharing_an_account_is_told_once(master, runner):
    """The first user of an account hears that it is shared when the second comes, and no more after that."""
    for worker in ("a", "b"):
        runner.answers[worker] = answer(accounts=1)
    start(master)
    for number in range(20):
        runner.get("chater_lease", "ab"[number % 2], {"request": number})
    assert len([1 for kind, _, _ in runner.sent if kind == "chater_shared"]) == 2
    leased = [data["shared"] for kind, data, _ in runner.sent if kind == "chater_leased"]
    assert leased == [False] + [True] * 19


def test_a_worker_that_stays_silent_at_the_end(master, runner, monkeypatch):
    """One that is connected and sends no last counts makes the run's figures incomplete."""
    monkeypatch.setattr(module, "FINISH_MARGIN_S", -3.0)
    start(master)
    del runner.answers["a"]
    with gevent.Timeout(10):
        master.finish()
    assert master.lost() == ["worker somewhere did not send its last counts"]
