"""What we use of Locust beyond its documented interface: here, and nowhere else.

tests/test_internals.py tries each piece on the Locust that is installed, so that a release which changes one is told in
a sentence before any run.
"""
# longer than the house allows, because what is used of Locust's inside is to be found in one place

import functools
import hmac
import logging
from argparse import Action, Namespace
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import gevent
import zmq.green as zmq
from gevent.pywsgi import WSGIServer
from locust import FastHttpUser, TaskSet, User, argument_parser, log
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import RPCError, RPCSendError, StopTest
from locust.html import get_html_report
from locust.rpc import Message, zmqrpc
from locust.runners import (
    CPU_MONITOR_INTERVAL,
    CPU_WARNING_THRESHOLD,
    STATE_CLEANUP,
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    WORKER_REPORT_INTERVAL,
    MasterRunner,
    Runner,
    WorkerRunner,
)
from locust.stats import PERCENTILES_TO_REPORT, RequestStats, StatsCSVFileWriter, StatsEntry, StatsError
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    filter_tasks_by_tags,
)
from locust.util.exception_handler import retry
from locust.util.timespan import parse_timespan
from locust.web import WebUI
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from chaterload.turns import Turns

logger = logging.getLogger(__name__)

__all__ = [
    "CPU_MONITOR_INTERVAL",
    "CPU_WARNING_THRESHOLD",
    "WORKER_REPORT_INTERVAL",
    "StatsCSVFileWriter",
    "get_html_report",
    "parse_timespan",
]

STATS_LOGGER = "locust.stats_logger"
"""The logger of the tables on the terminal, which has handlers of its own."""

Task = Callable[..., Any]


def is_waiting(user: User) -> bool:
    """Whether the user pauses between two tasks."""
    return user._state == LOCUST_STATE_WAITING


def is_stopping(user: User) -> bool:
    """Whether the user is to stop after its task."""
    return user._state == LOCUST_STATE_STOPPING


def end_pause(user: User) -> None:
    """Stop a user that pauses; one whose pause ends at this very moment goes on until its task is done.

    It has to run in gevent's hub, where no user can go on in between.
    """
    if user._state == LOCUST_STATE_WAITING:
        user.greenlet.throw(gevent.GreenletExit)
    elif user._state == LOCUST_STATE_RUNNING:
        user._state = LOCUST_STATE_STOPPING


def schedule_each_task(user: User) -> None:
    """Have a user that starts run each of its tasks once before it picks any by weight."""
    for task in dict.fromkeys(user.tasks):
        schedule_task(user, task)


def schedule_task(user: User, task: Task | TaskSet) -> None:
    """Have a user run this task next, instead of one that it picks."""
    if user._taskset_instance:
        user._taskset_instance.schedule_task(task)


def start_without_client(user: FastHttpUser, environment: Environment) -> None:
    """What FastHttpUser's constructor does, but for its client."""
    if user.host is None:
        raise StopTest("There is no host to load. Expected --host or TARGET_HOST.")
    super(FastHttpUser, user).__init__(environment)


def make_client(user: FastHttpUser) -> FastHttpSession:
    """The client that FastHttpUser's constructor would have given the user."""
    maker = object.__new__(type(user))
    maker.host = user.host
    FastHttpUser.__init__(maker, user.environment)
    maker.client.user = user
    return maker.client


def tasks_with_tags(
    tasks: Iterable[Task], tags: Sequence[str] | None, exclude_tags: Sequence[str] | None
) -> list[Task]:
    """The tasks that --tags and --exclude-tags leave, by Locust's own rule, each once."""

    class Holder:
        functions = True  # as Locust's users of pytest have it: none left is for the caller to tell, not for a warning

    holder: Any = Holder
    holder.tasks = list(dict.fromkeys(tasks))
    filter_tasks_by_tags(holder, set(tags) if tags else None, set(exclude_tags) if exclude_tags else None)
    left: list[Task] = holder.tasks
    return left


def tags_of(task: Task) -> set[str]:
    """What @tag put on a task."""
    return set(getattr(task, "locust_tag_set", ()))


class Option(NamedTuple):
    """An option of the command line, as it was added."""

    group: str
    name: str
    """With its dashes."""
    env_var: str | None
    default: object
    help: str


def options_of(parser: LocustArgumentParser) -> list[Option]:
    """All options of a parser, Locust's and ours, group by group."""
    return [
        Option(group.title or "", action.option_strings[0], action.env_var, action.default, action.help or "")
        for group in parser._action_groups
        for action in group._group_actions
        if action.option_strings
    ]


def option_variables() -> set[str]:
    """The environment variables that options are read from."""
    return {action.env_var for action in get_parser()._actions if action.env_var}


def read_with(parser: LocustArgumentParser, names: Collection[str], convert: Callable[[str], Any]) -> None:
    """Have the values of options that were added already read by `convert`."""
    for action in parser._actions:
        if action.dest in names:
            action.type = convert


def show_in_web_form(action: Action) -> None:
    """Have the web UI's form ask for an option; those that are added to a group are not in it."""
    vars(action)["include_in_web_ui"] = True


def command_line() -> Namespace:
    """The options as this process's command line gives them, whatever Locust made of them since."""
    options: Namespace = get_parser().parse_args()
    return options


def kill_users(runner: Runner) -> None:
    """End all users of this process at once; their on_stop runs."""
    for user in list(runner.user_greenlets):
        user.kill(block=False)


def has_started(runner: Runner) -> bool:
    """Whether Locust has begun to start users in this process."""
    return runner.state in (STATE_SPAWNING, STATE_RUNNING)


def start_users(runner: Runner, counts: Mapping[str, int]) -> None:
    """Start so many users of each class in this process, at once; Locust stops them with its own."""
    runner.spawn_users(dict(counts))


def keep_users(runner: Runner) -> Callable[[], None]:
    """Have Locust stop no users of this process but at the end of the run, until the returned function is called.

    When a worker joins or is lost, Locust stops those that it has not counted itself.
    """
    stop_users = runner.stop_users

    def stop_at_the_end(counts: dict[str, int]) -> None:
        if runner.state == STATE_CLEANUP:
            stop_users(counts)

    def let_go() -> None:
        vars(runner).pop("stop_users", None)

    vars(runner)["stop_users"] = stop_at_the_end
    return let_go


def target_users(runner: Runner) -> int:
    """How many users Locust is heading for; it is behind that while it spawns."""
    return runner.target_user_count


def shape_greenlet(runner: Runner) -> gevent.Greenlet | None:
    """What follows the load shape; None while nothing does."""
    return runner.shape_greenlet


def run_beside(runner: Runner, function: Callable[..., object], *args: object) -> None:
    """Run `function` in a greenlet that ends when the runner quits, at the latest."""
    runner.greenlet.spawn(function, *args)


def greenlet_crashed() -> bool:
    """Whether a greenlet of Locust's ended by an exception, for which Locust would end the process with 2."""
    return bool(log.unhandled_greenlet_exception)


def crashes(runner: Runner) -> list[tuple[str, int]]:
    """The exceptions that ended users' tasks, on all processes: their text and how often."""
    return [(row["msg"], row["count"]) for row in runner.exceptions.values()]


def worker_count(master: MasterRunner) -> int:
    """How many workers are there to run users."""
    return master.worker_count


def worker_index(worker: WorkerRunner) -> int:
    """A number of this worker's own, from 0, that no other worker of the master ever had."""
    return worker.worker_index


def connected_workers(master: MasterRunner) -> set[str]:
    """The ids of the workers that Locust lists and hears of."""
    return {worker.id for worker in master.clients.all if worker.state != STATE_MISSING}


def known_workers(master: MasterRunner) -> list[str]:
    """The ids of all workers that ever came, also of those that Locust does not list while they rest after a run."""
    return list(master.worker_indexes)


def leave_master(worker: WorkerRunner) -> None:
    """Tell the master that this worker goes, which would else count as missing."""
    worker.send_message("quit")


def dismiss_worker(master: MasterRunner, worker: str) -> None:
    """Have a worker end its process, also one that Locust does not list."""
    master.send_message("quit", client_id=worker)


def build_default_options_once() -> None:
    """Locust's worker builds its parser anew for each option of each spawn message, and reads no answer meanwhile.

    That took 0.4 s of CPU for every second of a ramp, which counted as response times.
    """
    if not hasattr(argument_parser.default_args_dict, "cache_info"):
        argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)


def send_statistics(worker: WorkerRunner) -> None:
    """Send the master what was counted since the last report, and not only every WORKER_REPORT_INTERVAL seconds."""
    worker._send_stats()


def entries(stats: RequestStats) -> list[StatsEntry]:
    """The rows of Locust's statistics, without the sum."""
    return list(stats.entries.values())


def errors(stats: RequestStats) -> list[StatsError]:
    """The rows of Locust's failures table: method, name, error, occurrences and, in epoch seconds, last_seen."""
    return list(stats.errors.values())


def text_of(error: Exception | str | None) -> str:
    """An error as the failures table has it, variable parts left out; rows with the same one are one."""
    return StatsError.parse_error(error)


def measured_s(stats: RequestStats) -> float:
    """The time from the start of the statistics to the last request, by Locust's clock."""
    return float((stats.last_request_timestamp or stats.start_time) - stats.start_time)


def csv_files(environment: Environment, prefix: str, *, history: bool) -> StatsCSVFileWriter:
    """Locust's CSV files, which `stats_writer` writes for as long as it runs and `close_files` ends."""
    return StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, prefix, history)


LARGEST_FRAME = 16 << 20
"""Bytes of a message between master and workers: what a worker counted takes less than one MB."""

MOST_QUEUED = 16
"""Messages of one sender that a master holds unread; the rest waits where it comes from."""


@dataclass
class Cluster:
    """How the sockets of this process that are opened from now on talk to other processes of the run."""

    key: bytes | None = None
    """None where anybody may join."""
    alone: bool = False
    """All workers are on this machine: a master listens on loopback only, unless it was told an address."""

    def master_keys(self) -> tuple[bytes, bytes]:
        """The master's public and secret key of ZeroMQ's encryption (CurveZMQ), made of the key that both sides have.

        The public one is never sent, and without it nobody comes as far as sending a message.
        """
        assert self.key is not None
        secret = z85.encode(hmac.digest(self.key, b"master", "sha256"))
        return zmq.curve_public(secret), secret


CLUSTER = Cluster()

_REFUSALS = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH


class _MasterSocket(zmqrpc.Server):
    """Locust's, which dies of a message that it cannot read; and for those who have the key, where there is one."""

    def __init__(self, host: str, port: int) -> None:
        host = "127.0.0.1" if host == "*" and CLUSTER.alone else host
        zmqrpc.BaseSocket.__init__(self, zmq.ROUTER, self.ipv4_only(host, port))
        self.socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_FRAME)
        self.socket.setsockopt(zmq.RCVHWM, MOST_QUEUED)
        if CLUSTER.key:
            self.socket.curve_server = True
            self.socket.curve_publickey, self.socket.curve_secretkey = CLUSTER.master_keys()
            gevent.spawn(self._tell_refusal, self.socket.get_monitor_socket(_REFUSALS | zmq.EVENT_MONITOR_STOPPED))
        try:
            if port:
                self.socket.bind(f"tcp://{host}:{port}")
            self.port = port or self.socket.bind_to_random_port(f"tcp://{host}")
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from None  # Locust looks for these words
        self._turns = Turns()
        self._is_told = False

    def recv_from_client(self) -> tuple[str, Message]:
        while True:
            self._turns.take()  # whoever sends without end keeps nothing else waiting
            try:
                worker, *frames = self.socket.recv_multipart()
            except zmq.ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            message = read_message(frames[0]) if len(frames) == 1 else None
            if message is not None and message.node_id.encode() == worker:
                return message.node_id, message
            if not self._is_told:  # once: whoever sends such things sends many
                self._is_told = True
                logger.error("A message that came to the master's port cannot be read. It is ignored, as all such are.")

    @staticmethod
    def _tell_refusal(events: Any) -> None:
        """Say that somebody did not get in: once, since whoever tries goes on trying."""
        if parse_monitor_message(events.recv_multipart())["event"] & _REFUSALS:
            logger.error("Somebody at the master's port does not have its TEST_CLUSTER_KEY. Who does not is not heard.")


class _WorkerSocket(zmqrpc.Client):
    """Locust's, which dies of a message that it cannot read; and for a master that has the key, where there is one."""

    def __init__(self, host: str, port: int, identity: str) -> None:
        zmqrpc.BaseSocket.__init__(self, zmq.DEALER, self.ipv4_only(host, port))
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        if CLUSTER.key:
            self.socket.curve_serverkey, _ = CLUSTER.master_keys()
            self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
        self.socket.connect(f"tcp://{host}:{port}")
        self._is_heard = False

    def send(self, msg: Message) -> None:
        again: Any = retry(exception=RPCSendError)(self._send)  # as Locust's
        again(msg)

    def _send(self, msg: Message) -> None:
        try:
            self.socket.send(msg.serialize(), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if isinstance(error, zmq.Again) and not self._is_heard:  # no connection, and none to come
                raise ConnectionError("it and this worker do not have the same TEST_CLUSTER_KEY") from None
            raise RPCSendError("ZMQ sent failure") from error

    def recv(self) -> Message:
        while True:
            try:
                message = read_message(self.socket.recv())
            except zmq.ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            if message is not None:
                self._is_heard = True
                return message
            logger.error("A message that came from the master cannot be read, and is ignored.")


def read_message(payload: bytes) -> Message | None:
    """A message of Locust's; None when it is none."""
    try:
        message = Message.unserialize(payload)
    except Exception:  # whatever msgpack, or Locust's own decoding, makes of any bytes
        return None
    well_formed = isinstance(message.type, str) and isinstance(message.node_id, str) and message.node_id.isprintable()
    return (
        message if well_formed and len(message.type) <= LONGEST_NAME and len(message.node_id) <= LONGEST_NAME else None
    )


LONGEST_NAME = 300
"""Characters of a worker's id, and of a message's type."""


def use_own_sockets() -> None:
    """Have master and workers talk over these sockets, from now on."""
    untyped: Any = zmqrpc
    untyped.Server, untyped.Client = _MasterSocket, _WorkerSocket


class NotAdmitted(Exception):
    """A message is to be dropped."""


def guard_messages(master: MasterRunner, admit: Callable[[str, str, Any], Any]) -> None:
    """Have `admit` see each message first: of which worker, its type and its data, which it returns as Locust may have
    them. NotAdmitted drops the message."""
    handle = master.handle_message

    def guarded(client_id: str, msg: Message) -> None:
        try:
            msg.data = admit(client_id, msg.type, msg.data)
        except NotAdmitted:
            return
        handle(client_id, msg)

    untyped: Any = master
    untyped.handle_message = guarded


def when_deaf(master: MasterRunner, function: Callable[[], object]) -> None:
    """Have `function` called when what takes the messages of a master's workers fails; not when it is ended."""
    (listener,) = [g for g in master.greenlet.greenlets if getattr(g._run, "__name__", "") == "client_listener"]
    listener.link_exception(lambda _: gevent.spawn(function))


def port_for_workers(master: MasterRunner) -> tuple[int, bool]:
    """The port that workers join at, and whether nobody beyond this machine reaches it."""
    address = master.server.socket.getsockopt_string(zmq.LAST_ENDPOINT)
    return master.server.port, address.startswith(("tcp://127.", "tcp://[::1]"))


class Page(StrEnum):
    """Pages of the web UI, by the names that Flask knows them by."""

    INDEX = "locust.index"
    LOGIN = "locust.login"
    SWARM = "locust.swarm"
    """Where the form to start a run goes."""
    UPDATE_USER = "locust.update_user"
    RESET_STATS = "locust.reset_stats"
    REQUEST_STATS = "locust.request_stats"
    """What the page asks again and again during a run."""


def serve_with(web_ui: WebUI, make_server: Callable[[], WSGIServer]) -> None:
    """Have the web UI served by another server than Locust's, which takes no settings; before it is started."""

    def serve() -> None:
        web_ui.server = make_server()
        web_ui.server.serve_forever()

    web_ui.start_server = serve  # type: ignore[method-assign]  # no option takes a server


class Usage(NamedTuple):
    """What a process that generates load takes."""

    cpu_percent: float
    """Of one core, over the last 10 s."""
    memory_bytes: int


def usage_of_processes(runner: Runner) -> list[Usage]:
    """Of each process that generates load, as it was last reported."""
    if isinstance(runner, MasterRunner):
        return [Usage(worker.cpu_usage, worker.memory_usage) for worker in runner.clients.all]
    return [Usage(runner.current_cpu_usage, runner.current_memory_usage)]
