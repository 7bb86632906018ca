"""What we use of Locust beyond its documented interface: here, and nowhere else.

tests/test_internals.py tries each piece on the Locust that is installed, so that a release which changes one is told in
a sentence before any run.
"""

from argparse import Namespace
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import gevent
from gevent.pywsgi import WSGIServer
from locust import FastHttpUser, User
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import (
    CPU_MONITOR_INTERVAL,
    CPU_WARNING_THRESHOLD,
    STATE_MISSING,
    WORKER_REPORT_INTERVAL,
    MasterRunner,
    Runner,
    WorkerRunner,
)
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    filter_tasks_by_tags,
)
from locust.web import WebUI

__all__ = ["CPU_MONITOR_INTERVAL", "CPU_WARNING_THRESHOLD", "WORKER_REPORT_INTERVAL"]

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
    if user._taskset_instance:
        for task in dict.fromkeys(user.tasks):
            user._taskset_instance.schedule_task(task)


def start_without_client(user: FastHttpUser, environment: Environment) -> None:
    """What FastHttpUser's constructor does, but for its client."""
    if user.host is None:
        raise StopTest("There is no host to load. Expected --host or TARGET_HOST.")
    super(FastHttpUser, user).__init__(environment)


def make_client(user: FastHttpUser) -> FastHttpSession:
    """The client that FastHttpUser's constructor would have given the user."""
    maker = object.__new__(type(user))
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


def all_tasks(environment: Environment) -> list[Task]:
    """The tasks of the chosen user classes, before Locust drops those that the tags leave out."""
    every = environment.available_user_tasks or {}
    return [task for user_class in environment.user_classes for task in every[user_class.__name__] if callable(task)]


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


def command_line() -> Namespace:
    """The options as this process's command line gives them, whatever Locust made of them since."""
    options: Namespace = get_parser().parse_args()
    return options


def kill_users(runner: Runner) -> None:
    """End all users of this process at once; their on_stop runs."""
    for user in list(runner.user_greenlets):
        user.kill(block=False)


def target_users(runner: Runner) -> int:
    """How many users Locust is heading for; it is behind that while it spawns."""
    return runner.target_user_count


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


def send_statistics(worker: WorkerRunner) -> None:
    """Send the master what was counted since the last report, and not only every WORKER_REPORT_INTERVAL seconds."""
    worker._send_stats()


def serve_with(web_ui: WebUI, make_server: Callable[[], WSGIServer]) -> None:
    """Have the web UI served by another server than Locust's, which takes no settings; before it is started."""

    def serve() -> None:
        web_ui.server = make_server()
        web_ui.server.serve_forever()

    web_ui.start_server = serve  # type: ignore[method-assign]


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
