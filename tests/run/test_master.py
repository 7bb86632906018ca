"""A master's record of its workers, by messages that a test makes."""

import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.env import Environment

from chaterload import __version__
from chaterload.chater.environment import load_settings
from chaterload.exits import Refused
from chaterload.load.rates import ArrivalPlan
from chaterload.run import master as module
from chaterload.run.lifecycle import Prepared
from chaterload.run.master import Master, tell_who_may_join
from chaterload.run.protocol import StartRun
from chaterload.run.rate_shares import plan_of


class Runner:
    """Locust's, as far as a master of ours uses it: messages are kept, and workers come and go as told."""

    def __init__(self):
        self.sent: list[tuple[str, Any, str | None]] = []
        self.listeners: dict[str, Any] = {}
        self.here: set[str] = set()
        self.beside: list[tuple[Any, ...]] = []
        self.greenlet = SimpleNamespace(spawn=lambda *called: self.beside.append(called))
        self.deaf: Callable[[], object] = lambda: None
        self.handled: list[tuple[str, Any]] = []

    def register_message(self, kind, listener, concurrent=False):
        self.listeners[kind] = listener

    def send_message(self, kind, data=None, client_id=None):
        self.sent.append((kind, data, client_id))
        if kind == "chater_check" and client_id in self.answers:
            self.get("chater_checked", client_id, self.answers[client_id] | {"question": data["question"]})
        if kind == "chater_finish" and client_id in self.answers:
            self.get("chater_finished", client_id, {"question": data["question"]})

    def handle_message(self, worker, message):
        """What Locust would do with a message."""
        self.handled.append((worker, message))

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
    monkeypatch.setattr(module, "when_deaf", lambda _, function: setattr(runner, "deaf", function))
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
    master.start(Prepared("run", "http://127.0.0.1:1", None, []), every_task=False)


def test_a_run(master, runner):
    """Each worker that answered is told that its run starts, and at the end asked for its last counts."""
    start(master)
    for worker in ("a", "b"):
        assert runner.to(worker, "chater_start") == [asdict(StartRun("run", every_task=False))]
    master.finish()
    assert master.lost() == []


def test_a_worker_that_came_between_check_and_start(master, runner):
    """Its hello found no run to join; at the start it is asked, and joins, once."""
    master.check("run", 1, "http://127.0.0.1:1")
    runner.here.add("c")
    runner.answers["c"] = answer()
    runner.get("chater_hello", "c", {})
    assert runner.to("c", "chater_check") == []
    before = len(runner.beside)
    master.start(Prepared("run", "http://127.0.0.1:1", None, []), every_task=False)
    for function, *arguments in runner.beside[before:]:
        function(*arguments)
    runner.get("chater_hello", "c", {})
    assert runner.to("c", "chater_start") == [asdict(StartRun("run", every_task=False))]


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
    assert any(report.get("leftovers") == [["me@example.com", 5, "upload unclear"]] for report in master.reports())
    master.finish()
    assert master.lost() == told


def test_a_worker_that_joins(master, runner):
    """One that comes during a run is checked by itself, and told of the start that it missed."""
    start(master)
    runner.here.add("c")
    runner.answers["c"] = answer(process="new")
    runner.get("chater_hello", "c", {})
    assert runner.to("c", "chater_start") == [asdict(StartRun("run", every_task=False))]
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
    monkeypatch.setattr(module, "FINISH_MARGIN_S", 0.0)
    start(master)
    del runner.answers["a"]
    with gevent.Timeout(10):
        master.finish()
    assert master.lost() == ["worker somewhere did not send its last counts"]


def test_dishes_that_are_gone(master, runner):
    """Of a worker that vanishes only those dishes are listed that it began and did not report as gone."""
    start(master)
    for time_ms in (5, 6, 7):
        runner.get("chater_dish", "a", {"email": "me@example.com", "time": time_ms})
    master._on_report("a", {"chater": {"closed": [6, 99]}})
    runner.here = {"b"}
    master._note_missing()
    left = [entry for report in master.reports() for entry in report.get("leftovers", ())]
    assert [entry[1] for entry in left] == [5, 7]


def test_seconds_for_the_times_of_dishes(master, runner):
    """Every worker gets the mark of the run, and each second of a day goes to one of them alone."""
    start(master)
    [[key], [same]] = [[data["times_key"] for data in runner.to(worker, "chater_check")] for worker in ("a", "b")]
    assert key == same
    for request in range(100):
        runner.get("chater_second", "ab"[request % 2], {"request": request, "day": 20_000})
    taken = [data for worker in ("a", "b") for data in runner.to(worker, "chater_second_taken")]
    assert sorted(data["request"] for data in taken) == list(range(100))
    assert len({data["second"] for data in taken}) == 100


def test_how_far_the_clean_up_is(master, runner, caplog):
    """What the workers have left to remove is told in one line for all of them, and not at each message."""
    caplog.set_level("INFO")
    start(master)
    runner.get("chater_cleanup", "b", {"left": 1})
    for left in (40, 30):
        runner.get("chater_cleanup", "a", {"left": left})
    assert [message for message in caplog.messages if "left to remove" in message] == [
        "Cleaning up: 1 dish left to remove."
    ]
    master._told = 0.0
    runner.get("chater_cleanup", "a", {"left": 20})
    assert "Cleaning up: 21 dishes left to remove." in caplog.messages


def test_a_clean_up_that_takes_long(master, runner, monkeypatch):
    """A worker that tells of its clean-up is waited for, however long it takes; one that tells nothing is not."""
    monkeypatch.setattr(module, "HEARD_S", 0.6)
    monkeypatch.setattr(module, "FINISH_MARGIN_S", 0.0)
    start(master)
    del runner.answers["a"], runner.answers["b"]

    def work():
        for left in (3, 2, 1):
            gevent.sleep(0.4)
            runner.get("chater_cleanup", "a", {"left": left})
        gevent.sleep(0.2)
        runner.get("chater_finished", "a", {"question": runner.to("a", "chater_finish")[-1]["question"]})

    worker = gevent.spawn(work)
    master.finish()
    worker.join()
    assert master.lost() == ["worker somewhere did not send its last counts"]


def test_a_clean_up_that_is_limited(master, runner):
    """Whoever ends the master waits no longer for any of its workers."""
    start(master)
    master.limit_cleanup(3.0)
    master.finish()
    assert [runner.to(worker, "chater_limit_cleanup")[-1] for worker in ("a", "b")] == [{"seconds": 3.0}] * 2


def test_figures_that_cannot_be_read(master, runner):
    """A worker whose figures had to be ignored is lost: the run goes on to a verdict, and its figures are not whole."""
    told: list[str] = []
    master.on_lost = told.append
    start(master)
    message = SimpleNamespace(type="stats", node_id="a", data={"stats": "many"})
    runner.handle_message("a", message)
    assert runner.handled == []
    master.finish()
    assert master.lost() == told == ["worker somewhere sent figures that cannot be read"]


def test_figures_of_nobody(master, runner):
    """Before any check, and of a worker that was in none, no figures reach Locust."""
    message = SimpleNamespace(type="stats", node_id="a", data={})
    runner.handle_message("a", message)
    start(master)
    runner.handle_message("stranger", message)
    assert runner.handled == []
    assert master.lost() == []


def test_a_master_that_is_deaf(master, runner, monkeypatch, caplog):
    """When nothing listens to the workers any more, the process ends, says why, and takes no figures for whole."""
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *call: ended.append(call))
    start(master)
    runner.deaf()
    assert ended == [(os.getpid(), signal.SIGTERM)]
    assert "The master no longer hears its workers: what listens to them has failed. It ends." in caplog.messages
    assert master.lost() == ["worker somewhere could no longer be heard"] * 2


@pytest.mark.parametrize(
    ("alone", "sealed", "said"),
    [
        (True, False, "from this machine alone"),
        (False, True, "Whoever has TEST_CLUSTER_KEY"),
        (False, False, "is believed. Set TEST_CLUSTER_KEY"),
    ],
)
def test_who_may_join(monkeypatch, caplog, alone, sealed, said):
    """The log says who can be a worker, as a warning where it may be anybody."""
    caplog.set_level("INFO")
    monkeypatch.setattr(module, "port_for_workers", lambda _: (5557, alone))
    nobody: Any = None
    tell_who_may_join(nobody, sealed=sealed)
    (record,) = caplog.records
    assert said in record.message
    assert "5557" in record.message
    assert (record.levelname == "WARNING") is not (alone or sealed)


def test_shares_of_a_rate(master, runner):
    """Each worker gets its part; who joins or is lost changes the parts at the next look, and the end ends them."""
    plan = ArrivalPlan("even", 7, 100)
    master.check("run", 1, None)
    master.start(Prepared("run", "http://127.0.0.1:1", None, [], plan), every_task=False)
    (told,) = runner.to("a", "chater_start")
    assert plan_of(StartRun(**told), 0) == plan
    master.ask_rate(90.0)
    assert [runner.to(worker, "chater_rate")[-1] for worker in "ab"] == [{"rate": 45.0}] * 2
    runner.here.add("c")
    runner.answers["c"] = answer(process="new")
    runner.get("chater_hello", "c", {})
    master._shares.send()
    assert [runner.to(worker, "chater_rate")[-1] for worker in "abc"] == [{"rate": 30.0}] * 3
    runner.here.remove("a")
    master._shares.send()
    assert [runner.to(worker, "chater_rate")[-1] for worker in "bc"] == [{"rate": 45.0}] * 2
    master.finish()
    before = len(runner.to("b", "chater_rate"))
    master._shares.send()
    assert len(runner.to("b", "chater_rate")) == before


def test_a_run_by_users_has_no_shares(master, runner):
    """No worker is told a rate, and none reads a plan of its start."""
    start(master)
    master._shares.send()
    assert runner.to("a", "chater_rate") == []
    assert plan_of(StartRun("run", every_task=False), 0) is None
