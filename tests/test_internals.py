"""Each piece of Locust's inside that we use is there, and does what we take it to do, in the installed release."""

import ast
import contextlib
import csv
import functools
import inspect
import io
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import gevent
import gevent.event
import gevent.pool
import locust
import pytest
import zmq.green as zmq
from gevent.server import StreamServer
from gevent.socket import create_connection
from locust import FastHttpUser, LoadTestShape, User, constant, tag, task
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopTest
from locust.rpc import Message, zmqrpc

try:
    from chaterload import internals
except ImportError as error:
    pytest.fail(f"Locust {locust.__version__} has no longer what chaterload/internals.py imports: {error}", False)


def tells(test):
    """Have a test of a piece say so in a sentence when the piece is not what it was."""
    piece = test.__name__.removeprefix("test_")

    @functools.wraps(test)
    def told(*args, **kwargs):
        try:
            test(*args, **kwargs)
        except (AssertionError, AttributeError, TypeError, KeyError) as error:
            sentence = f"Locust {locust.__version__} has changed what chaterload.internals.{piece} stands on"
            raise AssertionError(f"{sentence}: {error!r}") from error

    return told


def wait_for(condition, seconds=10.0):
    """Let the greenlets of this process go on until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        gevent.sleep(0.01)


class Someone(User):
    """Works until it is let go, pauses for long, and notes what it does."""

    made: ClassVar[list["Someone"]] = []
    wait_time = constant(60)

    def __init__(self, environment):
        super().__init__(environment)
        self.made.append(self)
        self.did: list[str] = []
        self.let_go = gevent.event.Event()

    def on_stop(self):
        self.did.append("stopped")

    @tag("work")
    @task(1000)
    def work(self):
        self.did.append("began")
        self.let_go.wait()
        self.did.append("done")

    @tag("rest", "idle")
    @task
    def rest(self):
        self.did.append("rested")


class Thorough(Someone):
    """Runs each task first."""

    wait_time = constant(0)

    def on_start(self):
        internals.schedule_each_task(self)
        self.let_go.set()


class Resting(Someone):
    """Is told twice to rest, which it seldom would of itself."""

    wait_time = constant(0)

    def on_start(self):
        internals.schedule_task(self, Someone.rest)
        internals.schedule_task(self, Someone.rest)


@pytest.fixture
def start():
    """Starts a user of a class, as Locust does."""
    users = gevent.pool.Group()

    def started(user_class=Someone):
        user = user_class(Environment(user_classes=[user_class]))
        user.start(users)
        wait_for(lambda: user.did)
        return user

    yield started
    users.kill()


@pytest.fixture
def local(monkeypatch):
    """A local runner."""
    monkeypatch.setattr(locust.runners, "CPU_MONITOR_INTERVAL", 0.05)
    runner = Environment(user_classes=[Someone]).create_local_runner()
    yield runner
    runner.quit()


@pytest.fixture
def cluster(monkeypatch):
    """A master and its worker, both in this process."""
    monkeypatch.setattr(locust.runners, "CPU_MONITOR_INTERVAL", 0.05)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    master = Environment(user_classes=[Someone]).create_master_runner("127.0.0.1", port)
    worker = Environment(user_classes=[Someone]).create_worker_runner("127.0.0.1", port)
    wait_for(lambda: master.worker_count == 1)
    yield master, worker
    worker.quit()
    master.quit()


@tells
def test_is_waiting(start):
    """A user is waiting between its tasks, and not in one."""
    user = start()
    assert not internals.is_waiting(user)
    user.let_go.set()
    wait_for(lambda: internals.is_waiting(user))
    assert user.did == ["began", "done"]


@tells
def test_is_stopping(start):
    """A user that is stopped in a task is stopping, and ends after it."""
    user = start()
    assert not internals.is_stopping(user)
    user.stop()
    assert internals.is_stopping(user)
    user.let_go.set()
    wait_for(lambda: user.did == ["began", "done", "stopped"])


@tells
def test_end_pause(start):
    """A user that pauses ends at once; one that works ends after its task."""
    idle, busy = start(), start()
    idle.let_go.set()
    wait_for(lambda: internals.is_waiting(idle))
    for user in (idle, busy):
        gevent.get_hub().loop.run_callback(internals.end_pause, user)
    wait_for(lambda: idle.did[-1] == "stopped")
    assert busy.did == ["began"]
    busy.let_go.set()
    wait_for(lambda: busy.did == ["began", "done", "stopped"])


@tells
def test_schedule_each_task(start):
    """Each task runs once before any is picked."""
    user = start(Thorough)
    wait_for(lambda: len(user.did) >= 3)
    assert user.did[:3] == ["began", "done", "rested"]


class Fast(FastHttpUser):
    """Has no client until it needs one."""

    host = "http://127.0.0.1:9"
    network_timeout = 3.0

    def __init__(self, environment):
        internals.start_without_client(self, environment)


@tells
def test_start_without_client(local, monkeypatch):
    """A user of Locust's fast client starts as ever, without the client; one without a host is refused."""
    user = Fast(local.environment)
    assert user.environment is local.environment
    assert user._state is None
    assert not hasattr(user, "client")
    monkeypatch.setattr(Fast, "host", None)
    with pytest.raises(StopTest, match="no host"):
        Fast(local.environment)


@tells
def test_make_client(local):
    """The client is of the user's class and settings, fires its environment's event and knows the user."""
    user = Fast(local.environment)
    user._state = "running"
    client = internals.make_client(user)
    assert isinstance(client, FastHttpSession)
    assert client.base_url == Fast.host
    assert client.request_event is local.environment.events.request
    assert client.user is user
    assert client.client.clientpool.client_args["network_timeout"] == 3.0
    assert user._state == "running"


@tells
def test_tasks_with_tags():
    """One tag of --tags, none of --exclude-tags; each task once; none left is no warning."""
    work, rest = Someone.work, Someone.rest
    tasks: Any = Someone.tasks
    assert internals.tasks_with_tags(tasks, None, None) == [work, rest]
    assert internals.tasks_with_tags(tasks, ["idle"], []) == [rest]
    assert internals.tasks_with_tags(tasks, ["work", "rest"], ["idle"]) == [work]
    assert internals.tasks_with_tags(tasks, ["other"], None) == []
    assert len(Someone.tasks) == 1001


@tells
def test_tags_of():
    """A task has the tags that @tag gave it."""
    assert internals.tags_of(Someone.rest) == {"rest", "idle"}
    assert internals.tags_of(Someone.on_stop) == set()


@tells
def test_options_of():
    """An option knows its group, its variable, its default and its help."""
    parser = LocustArgumentParser()
    parser.add_argument_group("Ours").add_argument("--some", "-s", env_var="TEST_SOME", default=3, help="how many")
    assert internals.options_of(parser)[-1] == ("Ours", "--some", "TEST_SOME", 3, "how many")


@tells
def test_option_variables():
    """Locust's own options are read from variables."""
    assert {"LOCUST_HOST", "LOCUST_USERS", "LOCUST_RUN_TIME"} <= internals.option_variables()


@tells
def test_read_with(monkeypatch):
    """A value that Locust would read with a traceback is read by our function, from the option and its variable."""
    parser = get_parser()
    internals.read_with(parser, ("run_time",), len)
    assert parser.parse_args(["-t", "9" * 30 + "h"]).run_time == 31
    monkeypatch.setenv("LOCUST_RUN_TIME", "12345")
    assert parser.parse_args([]).run_time == 5


@tells
def test_command_line(monkeypatch):
    """The options are those of the command line."""
    monkeypatch.setattr(sys, "argv", ["locust", "--worker", "--processes", "2"])
    assert (internals.command_line().worker, internals.command_line().processes) == (True, 2)


@tells
def test_kill_users(local):
    """All users end at once, and clean up."""
    Someone.made.clear()
    local.start(2, 100)
    wait_for(lambda: [user.did for user in Someone.made] == [["began"], ["began"]])
    internals.kill_users(local)
    wait_for(lambda: local.user_count == 0)
    assert [user.did for user in Someone.made] == [["began", "stopped"], ["began", "stopped"]]


@tells
def test_has_started(local):
    """Locust has started once it makes users, and no longer when they are being stopped."""
    assert not internals.has_started(local)
    local.start(1, 100)
    wait_for(lambda: local.user_count == 1)
    assert internals.has_started(local)
    local.stop()
    assert not internals.has_started(local)


@tells
def test_start_users(local):
    """Users that are started beside Locust's own are counted, and end with them."""
    local.start(1, 100)
    wait_for(lambda: local.user_count == 1)
    internals.start_users(local, {"Someone": 3})
    assert local.user_count == 4
    local.stop()
    assert local.user_count == 0


@tells
def test_keep_users(cluster):
    """A worker that is told of fewer users than it has keeps them until the run ends, or until it is let go."""
    master, worker = cluster
    master.start(1, 100)
    wait_for(lambda: worker.user_count == 1)
    let_go = internals.keep_users(worker)
    internals.start_users(worker, {"Someone": 3})
    worker.start_worker({"Someone": 1})
    assert worker.user_count == 4
    let_go()
    worker.start_worker({"Someone": 2})
    assert worker.user_count == 2
    internals.keep_users(worker)
    worker.stop()
    assert worker.user_count == 0


@tells
def test_show_in_web_form():
    """An option of a group is in the form only when it is shown."""
    parser = LocustArgumentParser()
    action = parser.add_argument_group("ours").add_argument("--speed")
    assert "speed" not in parser.args_included_in_web_ui
    internals.show_in_web_form(action)
    assert parser.args_included_in_web_ui["speed"] is action


@tells
def test_schedule_task(start):
    """The task that is scheduled comes next, whatever the weights."""
    user = start(Resting)
    wait_for(lambda: "rested" in user.did)
    assert user.did[:2] == ["rested", "rested"]


@tells
def test_target_users(local):
    """Where Locust is heading for, before it is there."""
    assert internals.target_users(local) == 0
    local.start(3, 1)
    wait_for(lambda: local.user_count == 1)
    assert internals.target_users(local) == 3


@tells
def test_connected_workers(cluster):
    """A worker is connected until it quits."""
    master, worker = cluster
    assert internals.connected_workers(master) == {worker.client_id}
    internals.leave_master(worker)
    wait_for(lambda: not internals.connected_workers(master))


@tells
def test_known_workers(cluster):
    """A worker that has quit is known all the same."""
    master, worker = cluster
    internals.leave_master(worker)
    wait_for(lambda: not master.worker_count)
    assert internals.known_workers(master) == [worker.client_id]


@tells
def test_leave_master(cluster):
    """A worker that says so is gone at once, and is not missing."""
    master, worker = cluster
    internals.leave_master(worker)
    wait_for(lambda: not master.worker_count and not internals.connected_workers(master), seconds=2)


@tells
def test_dismiss_worker(cluster):
    """A worker's process ends when its master says so."""
    master, worker = cluster
    internals.dismiss_worker(master, worker.client_id)
    wait_for(lambda: len(worker.greenlet) == 0)


@tells
def test_build_default_options_once(cluster, monkeypatch):
    """A worker that is told to spawn builds Locust's parser once at most, however many options and messages come."""
    master, worker = cluster
    built: list[int] = []
    build = locust.argument_parser.setup_parser_arguments
    monkeypatch.setattr(locust.argument_parser, "default_args_dict", locust.argument_parser.default_args_dict)

    def count(parser: LocustArgumentParser) -> None:
        built.append(1)
        build(parser)

    monkeypatch.setattr(locust.argument_parser, "setup_parser_arguments", count)
    internals.build_default_options_once()
    internals.build_default_options_once()
    worker.environment.parsed_options = master.environment.parsed_options = get_parser().parse_args([])
    built.clear()
    for users in (1, 2):
        master.start(users, spawn_rate=10)
        wait_for(lambda users=users: worker.user_count == users)
    assert len(built) <= 1


@tells
def test_send_statistics(cluster):
    """The master has a worker's counts as soon as they are sent, once."""
    master, worker = cluster
    worker.environment.events.request.fire(
        request_type="GET", name="/", response_time=7, response_length=0, exception=None, context={}
    )
    internals.send_statistics(worker)
    wait_for(lambda: master.stats.total.num_requests == 1, seconds=2)


@tells
def test_shape_greenlet(monkeypatch):
    """There is one while a shape is followed."""

    class Shape(LoadTestShape):
        def tick(self):
            return 1, 1

    environment = Environment(user_classes=[Someone], shape_class=Shape())
    runner = environment.create_local_runner()
    assert internals.shape_greenlet(runner) is None
    runner.start_shape()
    following = internals.shape_greenlet(runner)
    assert following is not None
    assert not following.dead
    runner.quit()
    assert following.dead


@tells
def test_run_beside(local):
    """It runs at once, and ends with the runner."""
    seen = []

    def beside(word):
        seen.append(word)
        try:
            gevent.sleep(60)
        finally:
            seen.append("ended")

    internals.run_beside(local, beside, "began")
    wait_for(lambda: seen == ["began"])
    local.quit()
    assert seen == ["began", "ended"]


@tells
def test_crashes(local):
    """An exception of a task is a row with its text and how often it came, and ends no user."""

    class Crashing(User):
        wait_time = constant(0)

        @task
        def crash(self):
            gevent.sleep(0.01)
            raise LookupError("nothing there")

    local.environment.user_classes = [Crashing]
    local.start(1, 1)
    wait_for(lambda: [count for _, count in internals.crashes(local) if count > 1])
    assert [text for text, _ in internals.crashes(local)] == ["nothing there"]


@tells
def test_worker_count(cluster):
    """Each worker counts, until it goes."""
    master, worker = cluster
    assert internals.worker_count(master) == 1
    internals.leave_master(worker)
    wait_for(lambda: internals.worker_count(master) == 0)


@tells
def test_worker_index(cluster):
    """The first worker is number 0."""
    _, worker = cluster
    wait_for(lambda: internals.worker_index(worker) == 0)


@pytest.fixture
def stats():
    """Statistics of two requests, one of which failed a moment after the start."""
    stats = Environment().stats
    stats.log_request("GET", "/some", 7, 0)
    stats.log_request("POST", "/other", 9, 0)
    stats.log_error("POST", "/other", LookupError("<X object at 0x7f00>"))
    return stats


@tells
def test_entries(stats):
    """Each method and path has a row, with its counts; reading makes none."""
    rows = {(row.method, row.name): (row.num_requests, row.num_failures) for row in internals.entries(stats)}
    assert rows == {("GET", "/some"): (1, 0), ("POST", "/other"): (1, 1)}


@tells
def test_errors(stats):
    """A failure is a row with its exception, how often and when it came."""
    (row,) = internals.errors(stats)
    assert (row.method, row.name, row.occurrences) == ("POST", "/other", 1)
    assert row.last_seen == pytest.approx(time.time(), abs=60)
    assert internals.text_of(row.error) == internals.text_of(LookupError("<X object at 0x7f00>"))


@tells
def test_text_of():
    """Addresses are left out, so that errors which differ in them are one row."""
    assert internals.text_of(LookupError("<X object at 0x7f00>")) == internals.text_of(
        LookupError("<X object at 0x8e11>")
    )
    assert "<X object at" in internals.text_of(LookupError("<X object at 0x7f00>"))


@tells
def test_measured_s(stats):
    """From the start to the last request; nothing where there was none."""
    assert internals.measured_s(Environment().stats) == 0
    stats.total.start_time -= 5
    assert internals.measured_s(stats) == pytest.approx(5, abs=1)


@tells
def test_csv_files(local, tmp_path):
    """The files are there while Locust follows the run, and its tables can be had as they are."""
    local.environment.stats.log_request("GET", "/some", 7, 0)
    writer = internals.csv_files(local.environment, str(tmp_path / "run"), history=False)
    following = gevent.spawn(writer.stats_writer)
    wait_for(lambda: (tmp_path / "run_stats.csv").exists())
    for table in (writer.requests_csv, writer.failures_csv, writer.exceptions_csv):
        text = io.StringIO()
        table(csv.writer(text))
        assert text.getvalue().startswith(("Type,Name", "Method,Name", "Count,Message"))
    following.kill()
    writer.close_files()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"run_{name}.csv" for name in ("stats", "stats_history", "failures", "exceptions")}


@tells
def test_get_html_report(local):
    """Locust's report is a page with the names of the requests."""
    local.environment.stats.log_request("GET", "/some", 7, 0)
    page = internals.get_html_report(local.environment, show_download_link=False)
    assert page.startswith("<!DOCTYPE html>")
    assert "/some" in page


@tells
def test_STATS_LOGGER():
    """Locust writes its tables to this logger."""
    assert locust.stats.console_logger.name == internals.STATS_LOGGER


@tells
def test_Page(local, monkeypatch):
    """The web UI has each of the pages."""
    monkeypatch.setattr(sys, "argv", ["locust"])
    web_ui = local.environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    assert {*internals.Page} <= web_ui.app.view_functions.keys()


@tells
def test_parse_timespan():
    """A time is read as Locust's options are."""
    assert internals.parse_timespan("1h30m5s") == 5405
    with pytest.raises(ValueError, match="Invalid time span"):
        internals.parse_timespan("soon")


@tells
def test_intervals():
    """Locust samples a process every 10 s, warns above 90 % of CPU, and a worker reports every 3 s."""
    assert internals.CPU_MONITOR_INTERVAL == 10
    assert internals.CPU_WARNING_THRESHOLD == 90
    assert internals.WORKER_REPORT_INTERVAL == 3


@tells
def test_serve_with(local, monkeypatch):
    """The web UI is served by the server that was made for it, and stops it."""
    monkeypatch.setattr(sys, "argv", ["locust"])

    class Server:
        served = stopped = False

        def serve_forever(self):
            self.served = True

        def stop(self):
            self.stopped = True

    web_ui = local.environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
    server = Server()
    internals.serve_with(web_ui, lambda: server)
    web_ui.start()
    wait_for(lambda: server.served)
    web_ui.stop()
    assert server.stopped


@tells
def test_usage_of_processes(local, cluster):
    """A local process and each worker tell their CPU and memory."""
    master, _ = cluster
    wait_for(lambda: internals.usage_of_processes(local)[0].memory_bytes > 1_000_000)
    wait_for(lambda: internals.usage_of_processes(master)[0].memory_bytes > 1_000_000)
    for runner in (local, master):
        (usage,) = internals.usage_of_processes(runner)
        assert 0 <= usage.cpu_percent < 10_000


@tells
def test_greenlet_crashed(monkeypatch):
    """Locust notes that a greenlet, or a listener, ended by an exception."""
    monkeypatch.setattr(locust.log, "unhandled_greenlet_exception", False)
    assert not internals.greenlet_crashed()
    environment = Environment()
    environment.events.init.add_listener(lambda **_: 1 // 0)
    environment.events.init.fire(environment=environment)
    assert internals.greenlet_crashed()


class Stranger:
    """Sends what it likes to a master's port, and keeps what comes back."""

    def __init__(self, port, identity="stranger"):
        self.socket: Any = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def send(self, *frames):
        with contextlib.suppress(zmq.Again):  # where it is not let in
            self.socket.send_multipart(frames, zmq.NOBLOCK)

    def hears(self, seconds=0.3):
        return bool(self.socket.poll(1000 * seconds))


@pytest.fixture
def sockets(monkeypatch):
    """Our sockets instead of Locust's, for the runners that a test makes."""
    monkeypatch.setattr(zmqrpc, "Server", zmqrpc.Server)
    monkeypatch.setattr(zmqrpc, "Client", zmqrpc.Client)
    monkeypatch.setattr(internals, "CLUSTER", internals.Cluster())
    internals.use_own_sockets()
    return internals.CLUSTER


@pytest.fixture
def own_cluster(sockets, cluster):
    """A master and its worker on our sockets."""
    return cluster


@pytest.fixture
def stranger(own_cluster):
    other = Stranger(own_cluster[0].server.port)
    yield other
    other.socket.close()


def counted(worker):
    worker.environment.events.request.fire(
        request_type="GET", name="/", response_time=7, response_length=0, exception=None, context={}
    )
    internals.send_statistics(worker)


READY = ("client_ready", locust.__version__, "stranger")
HOSTILE = [
    (b"\x01",),
    (b"",),
    (b"\xc1",),
    (b"\x93" * 5000,),
    (b"a", b"b", b"c"),
    (),
    (Message(*(1, None, "stranger")).serialize(),),
    (Message(*("stats", None, "somebody else")).serialize(),),
    (Message(*("stats", {"__datetime__": 1}, "stranger")).serialize(),),
    (Message(*("x" * 1000, None, "stranger")).serialize(),),
    (Message(*("stats\x1b", None, "stranger")).serialize(),),
]


@tells
def test_use_own_sockets(own_cluster, stranger, caplog):
    """Whatever bytes come, the master goes on listening; each kind is told once."""
    master, worker = own_cluster
    for frames in HOSTILE * 20:
        stranger.send(*(frames or (b"",)))
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 1)
    assert len([message for message in caplog.messages if "came to the master's port" in message]) == 1
    stranger.send(Message(*READY).serialize())
    wait_for(lambda: master.worker_count == 2)
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 2)


def test_a_message_beyond_all_bounds(sockets, monkeypatch, request):
    """What is larger than any message is not even taken in; its sender is cut off."""
    monkeypatch.setattr(internals, "LARGEST_FRAME", 100_000)
    master, worker = request.getfixturevalue("cluster")
    other = Stranger(master.server.port)
    other.send(Message(*READY).serialize())
    wait_for(lambda: master.worker_count == 2)
    other.send(Message(*("quit", "x" * 200_000, "stranger")).serialize())
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 1)
    assert master.worker_count == 2
    other.socket.close()


def test_a_flood_keeps_nothing_waiting(sockets, monkeypatch):
    """While somebody sends faster than the master reads, everything else of its process goes on."""
    server: Any = zmqrpc.Server("127.0.0.1", 0)
    server.close()
    server.socket.context.term()
    monkeypatch.setattr(server, "socket", SimpleNamespace(recv_multipart=lambda: [b"stranger", b"\x01"]))
    listening = gevent.spawn(server.recv_from_client)
    for _ in range(3):
        gevent.sleep(0.001)
    assert not listening.dead
    listening.kill()


@pytest.fixture
def closed_cluster(sockets, request):
    """A master and its worker that have the same key."""
    sockets.key = b"a key of the cluster"
    began = time.monotonic()
    both = request.getfixturevalue("cluster")
    assert time.monotonic() - began < 4  # Locust's worker tries again after 5 s
    return both


def test_a_closed_cluster(closed_cluster, caplog):
    """With the key a worker joins at once and is counted; without it nobody is registered, heard or answered."""
    master, worker = closed_cluster
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 1)
    other = Stranger(master.server.port)
    for frames in [*HOSTILE, (Message(*READY).serialize(),), (b"x" * 200,)]:
        other.send(*(frames or (b"",)))
    assert not other.hears()
    assert internals.known_workers(master) == [worker.client_id]
    wait_for(lambda: any("does not have its TEST_CLUSTER_KEY" in message for message in caplog.messages))
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 2)
    other.socket.close()


def test_what_strangers_send_is_not_even_taken_in(closed_cluster):
    """A message of parts without end would else be kept until it ends."""
    master, _ = closed_cluster
    other = Stranger(master.server.port)
    other.socket.setsockopt(zmq.SNDHWM, 1)
    wait_for(lambda: not other.socket.poll(0, zmq.POLLOUT))  # turned away
    with pytest.raises(zmq.Again):
        other.socket.send(b"x", zmq.NOBLOCK | zmq.SNDMORE)
    other.socket.close()


class Proxy:
    """Stands between a worker and its master, and keeps what it passes on."""

    def __init__(self, port):
        self.recorded = []
        self._port = port
        self._server = StreamServer(("127.0.0.1", 0), self._pass_on)
        self._server.start()
        self.port = self._server.server_port

    def _pass_on(self, worker, _):
        with create_connection(("127.0.0.1", self._port)) as master:
            back = gevent.spawn(self._copy, master, worker, [])
            self._copy(worker, master, self.recorded)
            back.kill()

    def _copy(self, source, target, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept.append(data)
                target.sendall(data)

    def close(self):
        self._server.close()


def test_what_was_recorded_is_not_taken_again(sockets):
    """What a worker with the key once sent is nothing on another connection, and cannot be read on its own."""
    sockets.key = b"a key of the cluster"
    master = Environment(user_classes=[Someone]).create_master_runner("127.0.0.1", 0)
    proxy = Proxy(master.server.port)
    worker = Environment(user_classes=[Someone]).create_worker_runner("127.0.0.1", proxy.port)
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests == 1)
    recorded = b"".join(proxy.recorded)
    assert b"client_ready" not in recorded
    with create_connection(("127.0.0.1", master.server.port)) as again:
        again.sendall(recorded)
        again.settimeout(10)
        while again.recv(65536):  # greeted, and then cut off
            pass
    assert (internals.known_workers(master), master.stats.total.num_requests) == ([worker.client_id], 1)
    worker.quit()
    master.quit()
    proxy.close()


def test_a_worker_with_another_key(sockets, monkeypatch):
    """It is not registered, and does not take the master's word; one without any is told why."""
    sockets.key = b"the key of the master"
    master = Environment(user_classes=[Someone]).create_master_runner("127.0.0.1", 0)
    monkeypatch.setattr(locust.runners, "CONNECT_TIMEOUT", 0.1)
    wrong = (b"another key, as long", 3, None), (None, 300, "do not have the same TEST_CLUSTER_KEY")
    for key, tries, said in wrong:
        sockets.key = key
        monkeypatch.setattr(locust.runners, "CONNECT_RETRY_COUNT", tries)
        with pytest.raises(ConnectionError, match=said):
            Environment(user_classes=[Someone]).create_worker_runner("127.0.0.1", master.server.port)
    assert internals.known_workers(master) == []
    master.quit()


@tells
def test_read_message():
    """Locust's own messages are read; whatever else there is gives none."""
    payload = Message("stats", {"a": 1}, "me").serialize()
    message = internals.read_message(payload)
    assert message is not None
    assert (message.type, message.data, message.node_id) == ("stats", {"a": 1}, "me")
    assert [internals.read_message(frames[0]) for frames in HOSTILE[:4]] == [None] * 4


@tells
def test_guard_messages(cluster):
    """What is not admitted is dropped; of the rest Locust gets what the guard made of it."""
    master, worker = cluster
    seen = []

    def admit(client, kind, data):
        seen.append((client, kind))
        if kind != "stats":
            raise internals.NotAdmitted
        data["stats_total"]["num_requests"] = 40
        return data

    internals.guard_messages(master, admit)
    internals.leave_master(worker)
    counted(worker)
    wait_for(lambda: master.stats.total.num_requests >= 40)
    assert master.worker_count == 1
    assert (worker.client_id, "quit") in seen


@tells
def test_when_deaf(cluster):
    """It is told when a master's listener fails, as Locust's own does after one byte; not when the master quits."""
    master, _ = cluster
    other = Environment(user_classes=[Someone]).create_master_runner("127.0.0.1", 0)
    told = []
    internals.when_deaf(master, lambda: told.append("failed"))
    internals.when_deaf(other, lambda: told.append("ended"))
    other.quit()
    stranger = Stranger(master.server.port)
    stranger.send(b"\x01")
    wait_for(lambda: told)
    assert told == ["failed"]
    stranger.socket.close()


@pytest.mark.parametrize(("host", "alone"), [("*", False), ("*", True), ("127.0.0.1", False)])
def test_port_for_workers(sockets, host, alone):
    """The port, and whether only this machine reaches it, which is so where all workers are on it."""
    sockets.alone = alone
    master = Environment(user_classes=[Someone]).create_master_runner(host, 0)
    assert internals.port_for_workers(master) == (master.server.port, alone or host != "*")
    master.quit()


def test_every_piece_is_tried():
    """Each function of the module has a test of its name."""
    made = [made for made in vars(internals).values() if inspect.isfunction(made)]
    pieces = [function.__name__ for function in made if function.__module__ == internals.__name__]
    assert len(pieces) > 10
    assert [name for name in pieces if f"test_{name}" not in globals()] == []


DOCUMENTED = {
    "locust": {"FastHttpUser", "LoadTestShape", "__version__", "between", "events", "tag", "task"},
    "locust.argument_parser": {"LocustArgumentParser"},
    "locust.contrib.fasthttp": {"FastHttpSession", "FastResponse"},
    "locust.env": {"Environment"},
    "locust.event": {"EventHook"},
    "locust.exception": {"CatchResponseError", "StopTest", "StopUser"},
    "locust.runners": {"LocalRunner", "MasterRunner", "Runner", "STATE_RUNNING", "WorkerRunner"},
    "locust.stats": {"RequestStats", "StatsEntry", "StatsError", "bucket_response_time"},
    "locust.web": {"WebUI"},
}
"""What Locust's documentation names, and types of what its documented attributes hold."""

INSIDE = {
    *("_action_groups", "_actions", "_group_actions", "_send_stats", "_state", "_taskset_instance"),
    *("client_id", "clients", "cpu_usage", "current_cpu_usage", "current_memory_usage", "exceptions"),
    *("last_request_timestamp", "locust_tag_set", "memory_usage", "parse_error", "shape_greenlet"),
    *("spawn_users", "spawning_greenlet", "start_server", "stop_users", "target_user_count", "user_greenlets"),
    *("worker_count", "worker_index", "worker_indexes", "handle_message", "unhandled_greenlet_exception"),
}
"""Attributes of Locust's objects that its documentation does not name, and none of our own has."""


def uses(path):
    """What a file of ours uses of Locust's: names of its modules, and attributes that are INSIDE."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "locust":
                yield from ((module, alias.name) for alias in node.names)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="locust"), attr=module), attr=name):
                yield f"locust.{module}", name
            case ast.Attribute(value=ast.Name(id="internals")):
                pass
            case ast.Attribute(attr=name) if name in INSIDE:
                yield "an attribute", name


def test_nothing_else_uses_locusts_inside():
    """Outside of this one module, only what Locust documents is used."""
    package = Path(internals.__file__).parent
    files = [path for path in package.rglob("*.py") if path.name != "internals.py" and "standin" not in path.parts]
    found = [
        (str(path.relative_to(package)), module, name)
        for path in (*files, package.parent / "locustfile.py")
        for module, name in uses(path)
        if name not in DOCUMENTED.get(module, ())
    ]
    assert found == []
    assert len({name for _, name in uses(Path(internals.__file__))} & INSIDE) > 10
