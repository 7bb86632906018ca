"""What may start, what is refused while a run goes on, and which exit code is left, without a process."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.event import Event
from locust.env import Environment

from chaterload.chater.environment import load_settings
from chaterload.exits import Exit, Refused
from chaterload.run.controller import RunController, end_shape
from chaterload.run.lifecycle import Phase, Prepared
from chaterload.run.run_options import RunOptions


class Runner:
    """Notes that it was told to quit."""

    def __init__(self):
        self.quits = 0
        self.user_count = self.target_user_count = 1
        self.current_cpu_usage, self.current_memory_usage = 0.0, 0
        self.shape_greenlet = None
        self.exceptions: dict[str, Any] = {}
        self.greenlet = SimpleNamespace(spawn=lambda *_: None)

    def quit(self):
        self.quits += 1


class Node:
    """A process whose check takes until it is let go, and finds what it is told to."""

    def __init__(self):
        self.go = Event()
        self.go.set()
        self.error: Exception | None = None
        self.checked: list[tuple[str, int, str | None]] = []
        self.started: list[str] = []
        self.done: list[str] = []

    def check(self, run_id, users, host):
        self.checked.append((run_id, users, host))
        self.go.wait()
        if self.error:
            raise self.error

    def start(self, prepared, *, every_task):
        self.started.append(prepared.run_id)

    def finish(self):
        pass

    def clean_up(self):
        self.done.append("cleaned up")

    def limit_cleanup(self, seconds):
        self.done.append(f"{seconds:g} s for the clean-up")

    def quit_workers(self):
        pass

    def reports(self):
        return []

    def lost(self):
        return []


@pytest.fixture
def node():
    return Node()


@pytest.fixture
def control(node):
    """A controller that judges nothing, so that it asks no server."""
    options: Any = SimpleNamespace(
        headless=False,
        autostart=False,
        num_users=1,
        rate=None,
        run_time=None,
        abort_on_critical=None,
        enable_rebalancing=False,
    )
    environment: Any = Environment(parsed_options=options, host="http://127.0.0.1:1")
    environment.runner, environment.stop_timeout = Runner(), 5.0
    return RunController(environment, RunOptions.read(options), load_settings(), node, judge=None)


def run_through(control):
    """A run from its start to its end."""
    control.on_test_start()
    control.on_test_stopping()
    control.on_test_stop()


def test_one_start_at_a_time(control, node):
    """While one start is being checked a second one is refused at once, and the first one is what runs."""
    node.go.clear()
    first = gevent.spawn(control.begin, 3, "http://127.0.0.1:1")
    gevent.sleep(0)
    for host in ("http://127.0.0.1:1", "http://127.0.0.1:2"):
        with pytest.raises(Refused, match="being checked already"):
            control.begin(3, host)
    node.go.set()
    first.get(timeout=5)
    with pytest.raises(Refused, match="being checked already"):
        control.begin(3, "http://127.0.0.1:2")
    control.on_test_start()
    assert [host for _, _, host in node.checked] == ["http://127.0.0.1:1"]
    assert node.started == [node.checked[0][0]]
    assert control.run.prepared.host == "http://127.0.0.1:1"


@pytest.mark.parametrize(("phase", "reason"), [(Phase.RUNNING, "goes on already"), (Phase.STOPPING, "still ending")])
def test_no_start_beside_a_run(control, phase, reason):
    """A run that goes on, or that is still ending, leaves room for no other."""
    control.phase = phase
    with pytest.raises(Refused, match=reason):
        control.begin(1, None)
    with pytest.raises(gevent.GreenletExit):
        control.on_test_start()
    assert control.phase is phase
    assert control.environment.process_exit_code is None


@pytest.mark.parametrize(
    ("phase", "by_hand", "done"),
    [
        (Phase.RUNNING, False, ["3 s for the clean-up"]),
        (Phase.STOPPING, False, ["3 s for the clean-up"]),
        (Phase.RUNNING, True, []),
    ],
    ids=["SIGTERM during the load", "SIGTERM during the clean-up", "Ctrl-C"],
)
def test_who_waits_for_the_clean_up(control, node, phase, by_hand, done):
    """Whoever sends SIGTERM waits TEST_CLEANUP_SECONDS for it; who pressed Ctrl-C can press it again."""
    control.on_test_start()
    control.phase, control.ended_by_hand = phase, by_hand
    control.on_interrupt()
    assert node.done == done


def test_the_next_run_is_another(control, node):
    """Nothing of a run is left in the next one: it has an id, a clock and reasons of its own."""
    run_through(control)
    first = control.run
    first.unproven.append("something")
    assert control.phase is Phase.JUDGED
    run_through(control)
    assert control.run is not first
    assert control.run.unproven == []
    assert len(set(node.started)) == 2


@pytest.mark.parametrize("error", [Refused("no"), ValueError("odd")])
def test_a_failed_check_leaves_nothing(control, node, error):
    """Whatever a check raises, it is a refusal, and the next start is free."""
    node.error = error
    with pytest.raises(Refused):
        control.begin(1, None)
    assert control.phase is Phase.IDLE
    node.error = None
    run_through(control)
    assert len(node.started) == 1


def test_a_start_that_does_not_come(control, node):
    """What was checked for a start that Locust refused is not used for the next one."""
    control.begin(1, "http://127.0.0.1:1")
    control.abandon()
    assert control.phase is Phase.IDLE
    control.environment.host = "http://127.0.0.1:2"
    control.on_test_start()
    assert control.run.prepared.host == "http://127.0.0.1:2"


def test_a_headless_run_that_may_not_start(control, node, capfd):
    """Where Locust starts by itself, a refusal is told, ends the process with 2, and starts no user."""
    control.options = replace(control.options, headless=True)
    node.error = Refused("The host is wrong.")
    with pytest.raises(gevent.GreenletExit):
        control.on_test_start()
    assert control.environment.process_exit_code == Exit.NEVER_STARTED
    assert control.runner.quits == 0  # it would end the greenlet that this is, and then nothing more
    gevent.sleep(0)
    assert control.runner.quits == 1
    assert "  - The host is wrong." in capfd.readouterr().err


def test_an_exception_of_ours(control, caplog):
    """An unexpected exception in a listener is told in a sentence, and the exit code is 1."""

    def fail(**_):
        raise KeyError("lost")

    control.listeners.guard(fail)(environment=None)
    control.on_quitting()
    assert control.environment.process_exit_code == Exit.ERROR
    assert any("failed by its own fault: KeyError" in message for message in caplog.messages)


def test_a_run_without_a_verdict(control):
    """A run that began and was to be judged cannot end with 0 where its verdict is missing."""
    control.on_test_start()
    control.judge = object()
    control.on_quitting()
    assert control.environment.process_exit_code == Exit.ERROR


def test_no_run_at_all(control):
    """A process that ran nothing leaves the exit code to Locust."""
    control.on_quitting()
    assert control.environment.process_exit_code is None


@pytest.mark.parametrize(("rebalancing", "ended"), [(False, 1), (True, 0)])
def test_a_lost_worker(control, rebalancing, ended):
    """A headless run that lost a worker ends at once, unless the others are to take over."""
    control.options = replace(control.options, headless=True, enable_rebalancing=rebalancing)
    control.on_test_start()
    control.on_lost_worker("worker 0 was lost during the run")
    gevent.sleep(0)
    assert control.runner.quits == ended


def test_the_exit_code_of_a_run_that_goes_on(control, monkeypatch):
    """From its first user until its report, a run that is to be judged leaves a code that is not 0."""
    control.judge = object()
    monkeypatch.setattr(control, "begin", lambda users, host: None)
    control._prepared = Prepared("run", "http://127.0.0.1:1", None, [])
    control.on_test_start()
    assert control.environment.process_exit_code == Exit.ERROR


def test_a_signal_while_the_run_is_being_concluded(control, node, monkeypatch):
    """Whoever ends the process meanwhile waits for the verdict, and no second conclusion begins."""
    control.on_test_start()
    control.on_test_stopping()
    go, concluded = Event(), []

    def conclude(run):
        concluded.append(run)
        go.wait()

    monkeypatch.setattr(control, "_conclude", conclude)
    first = gevent.spawn(control.on_test_stop)
    gevent.sleep(0)
    control.on_test_stop()
    quitting = [gevent.spawn(control.on_quitting) for _ in range(2)]
    gevent.sleep(0.05)
    assert not any(greenlet.ready() for greenlet in quitting)
    go.set()
    gevent.joinall([first, *quitting], timeout=5, raise_error=True)
    assert len(concluded) == 1
    assert control.runner.quits == 2


@pytest.mark.parametrize("judged", [True, False])
def test_a_greenlet_of_locusts_that_crashed(control, monkeypatch, judged):
    """It is an error of the load test's, and not a run that never started."""
    monkeypatch.setattr("chaterload.run.controller.greenlet_crashed", lambda: True)
    if judged:
        control.report = SimpleNamespace(exit_code=Exit.MET)
    control.on_quitting()
    assert control.environment.process_exit_code == Exit.ERROR


def test_the_exit_code_of_somebody_elses(control):
    """A listener of other people's that has decided about the exit code keeps it."""
    control.environment.process_exit_code = 7
    control.on_quitting()
    assert control.environment.process_exit_code == 7


def test_sigterm_and_a_load_shape(control, node):
    """It ends a shape that goes on, and of one whose run is ending it limits the clean-up."""
    control.runner.shape_greenlet = gevent.spawn(gevent.sleep, 60)
    control.on_test_start()
    end_shape(control)
    control.runner.shape_greenlet.join(5)
    assert node.done == []
    control.on_test_stopping()
    end_shape(control)
    assert node.done == ["3 s for the clean-up"]
