"""The only module that registers Locust options and event listeners. The rest is told, and does not listen."""

import atexit
import logging
import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import gevent
from dotenv import load_dotenv
from flask import Response, jsonify, request
from flask_login import current_user
from locust import events
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, LocalRunner, MasterRunner, WorkerRunner
from locust.web import WebUI

from chaterload.cluster import Master, Worker
from chaterload.exits import Exit, Refused
from chaterload.node import Local, options_of
from chaterload.settings import Settings, load_settings
from chaterload.standin import process as stand_in
from chaterload.user import ProtobufUser

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long users get to end their last request and remove their dish, unless --stop-timeout says."""

CHILDREN_TIMEOUT_S = 10.0


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser, **_: Any) -> None:
    """Our options. Only what the master alone decides is one; a `.env` file feeds Locust's variables too."""
    load_dotenv(Path.cwd() / ".env")
    group = parser.add_argument_group("Chater load test")
    group.add_argument(
        "--stand-in",
        action="store_true",
        env_var="TEST_STAND_IN",
        help="run against a stand-in for Chater UI, started on a free loopback port",
    )
    group.add_argument(
        "--stand-in-options",
        metavar="OPTIONS",
        default="",
        env_var="TEST_STAND_IN_OPTIONS",
        help="options for the stand-in, such as '--latency documented' (python -m chaterload.standin --help)",
    )
    group.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a host outside the cluster that may be loaded; also TEST_ALLOW_HOST, with commas between",
    )


class Control:
    """Listens to one process's events and passes them on to its role."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self.environment = environment
        self.options: Namespace = options_of(environment)
        self.settings = settings
        self.allowed = (*settings.allow_host, *(self.options.allow_host or ()))  # now: /swarm can set any option
        self.role = self._make_role()
        self.ready = False
        """Whether host and token were tried out for the run that starts next."""
        environment.events.test_start.add_listener(self.on_test_start)
        environment.events.test_stopping.add_listener(self.on_test_stopping)
        environment.events.test_stop.add_listener(self.on_test_stop)

    def _make_role(self) -> Local | Master | Worker:
        runner = self.environment.runner
        if isinstance(runner, MasterRunner):
            return Master(self.environment, runner, self.settings, self.allowed)
        if isinstance(runner, WorkerRunner):
            return Worker(self.environment, runner, self.settings, self.allowed)
        return Local(self.environment, self.settings, self.allowed)

    @property
    def starts_by_itself(self) -> bool:
        return bool(self.options.headless or self.options.autostart)

    def check(self, users: int, host: str | None) -> None:
        """Refused when a run of `users` users on `host` could not work."""
        if isinstance(self.role, Worker):
            return  # asked by its master
        self.role.check(users, host)
        self.ready = True

    def on_test_start(self, **_: Any) -> None:
        runner = self.environment.runner
        assert runner is not None
        try:
            if not self.ready:
                self.check(runner.target_user_count, self.environment.host)
        except Refused as refused:
            say(refused)
            if self.starts_by_itself:
                self.environment.process_exit_code = Exit.NEVER_STARTED
                runner.quit()
            raise gevent.GreenletExit from None  # Locust would start the users all the same
        self.role.start()

    def on_test_stopping(self, **_: Any) -> None:
        if not isinstance(self.role, Worker):
            self.role.finish()

    def on_test_stop(self, **_: Any) -> None:
        self.ready = False


def say(refused: Refused) -> None:
    """Tell the user why nothing starts; a sentence a line."""
    sys.stderr.write("".join(["The load test does not start:\n", *(f"  - {line}\n" for line in refused.problems)]))
    sys.stderr.flush()


@events.init.add_listener
def prepare(environment: Environment, runner: Any, web_ui: WebUI | None, **_: Any) -> None:
    """Before anything is sent: settings, host, stand-in, and for a run that starts by itself, host and token."""
    try:
        settings = load_settings()
        _set_up(environment, settings)
        control = Control(environment, settings)
        if web_ui:
            guard(web_ui, control)
        if isinstance(runner, LocalRunner) and control.starts_by_itself:
            control.check(control.options.num_users or 1, environment.host)
    except (Refused, stand_in.StandInError) as error:
        refused = error if isinstance(error, Refused) else Refused(str(error))
        leave(environment, refused)


def _set_up(environment: Environment, settings: Settings) -> None:
    """Host and time limits, for Locust and for the user class."""
    options = options_of(environment)
    ProtobufUser.insecure = not settings.tls_verify
    environment.stop_timeout = environment.stop_timeout or STOP_SECONDS
    if isinstance(environment.runner, WorkerRunner):
        ProtobufUser.host = settings.host  # where the master names none
        return
    if options.stand_in:
        if environment.host:
            raise Refused(f"--stand-in and --host {environment.host!r} are both given. Expected one of them.")
        environment.host = _start_stand_in(options.stand_in_options)
    elif isinstance(environment.runner, LocalRunner):
        ProtobufUser.host = settings.host
    else:
        environment.host = environment.host or settings.target_host or settings.eater_target_host


def _start_stand_in(options: str) -> str:
    process = stand_in.start(shlex.split(options))
    atexit.register(process.stop)
    logger.info("Started a stand-in for Chater UI at %s", process.host)
    return process.host


def leave(environment: Environment, refused: Refused) -> None:
    """End the process before it began, and the processes that it forked."""
    runner, options = environment.runner, options_of(environment)
    if isinstance(runner, WorkerRunner):
        # a child of --processes is silent: its parent holds the same settings and says the same
        if not options.processes or get_parser().parse_args().worker:
            say(refused)
        runner.send_message("quit")
    else:
        say(refused)
    if isinstance(runner, MasterRunner):
        if options.processes:
            with gevent.Timeout(CHILDREN_TIMEOUT_S, False):
                while len(runner.worker_indexes) < options.processes:
                    gevent.sleep(0.02)
        runner.quit()
    sys.exit(Exit.NEVER_STARTED)


def guard(web_ui: WebUI, control: Control) -> None:
    """Refuse, in the web UI's form, what would be refused on the command line."""
    assert web_ui.app is not None

    @web_ui.app.before_request
    def check_swarm() -> Response | None:
        if request.endpoint != "locust.swarm" or (web_ui.web_login and not current_user.is_authenticated):
            return None
        try:
            _check_form(control)
        except Refused as refused:
            return jsonify({"success": False, "message": " ".join(refused.problems), "host": control.environment.host})
        return None


FORM_FIELDS = frozenset(("user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class"))


def _check_form(control: Control) -> None:
    unknown = sorted(request.form.keys() - FORM_FIELDS)
    if unknown:
        raise Refused(f"The form may not set {', '.join(unknown)}. Expected {', '.join(sorted(FORM_FIELDS))}.")
    host = request.form.get("host") or control.environment.host
    runner = control.environment.runner
    if runner is not None and runner.state in (STATE_SPAWNING, STATE_RUNNING):
        if host != control.environment.host:
            raise Refused("The host cannot change during a run. Stop the run first.")
        return
    try:
        users = int(request.form.get("user_count", "1"))
    except ValueError:
        return  # Locust's own answer says so
    control.check(users, host)


@events.quitting.add_listener
def finish(environment: Environment, **_: Any) -> None:
    """The end, whatever brought it: users that still run are stopped, so that they remove what they made."""
    if environment.runner is not None:
        environment.runner.quit()
