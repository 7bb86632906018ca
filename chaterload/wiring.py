"""The only module that registers Locust options and event listeners. The rest is told, and does not listen."""

import atexit
import json
import logging
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
import locust.stats
from dotenv import load_dotenv
from flask import Response, jsonify, request
from flask_login import current_user
from locust import events
from locust.argument_parser import LocustArgumentParser, get_parser
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from locust.util.timespan import parse_timespan
from locust.web import WebUI

from chaterload import login, resolver
from chaterload.cluster import Master, Worker
from chaterload.control import Control, say
from chaterload.ending import Judge
from chaterload.exits import Exit, Refused
from chaterload.measure import three_digits
from chaterload.node import Local, options_of
from chaterload.report import FILE_OPTIONS, tab
from chaterload.settings import Settings, load_settings
from chaterload.standin import process as stand_in
from chaterload.strategies import NAMES
from chaterload.user import ProtobufUser

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long users get to end their last request and remove their dish, unless --stop-timeout says."""

CHILDREN_TIMEOUT_S = 10.0

CONTAINERS_FIRST_PROCESS = 1
"""Its SIGTERM is lost until somebody handles it, and Locust does so late: not while a worker looks for its master."""

FORM_FIELDS = frozenset(("user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class"))
"""What the web UI's form may set; Locust itself would let it set any option."""

USER_FIELDS = frozenset(("user_class_name", "weight", "fixed_count", "tasks"))
"""What the class picker may set of a user class; Locust itself would let it set any attribute."""

LONGEST_S = 366 * 24 * 3600
"""Of a run that the web UI starts: a time that no timer can hold would make Locust refuse every later run."""

MOST_USERS = 50_000
"""What the web UI may ask of one process: ten times what one was seen to hold. A slip of the hand must not end it."""

locust.stats.bucket_response_time = three_digits  # type: ignore[assignment]  # the documented way to a finer clock than Locust's two digits


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser, **_: Any) -> None:
    """Our options. Only what the master alone decides is one; a `.env` file feeds Locust's variables too."""
    load_dotenv(Path.cwd() / ".env")
    parser.set_defaults(web_login=login.is_wanted())
    if os.getpid() == CONTAINERS_FIRST_PROCESS:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    group = parser.add_argument_group("Chater load test")
    flag, add = {"action": "store_true"}, group.add_argument
    add("--stand-in", **flag, env_var="TEST_STAND_IN", help="run against a stand-in for Chater UI, started for the run")
    add(
        "--stand-in-options",
        metavar="OPTIONS",
        default="",
        env_var="TEST_STAND_IN_OPTIONS",
        help="its options, such as '--latency documented' (python -m chaterload.standin --help)",
    )
    add(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a host outside the cluster that may be loaded; also TEST_ALLOW_HOST, with commas between",
    )
    names = ", ".join(NAMES)
    add("--strategy", metavar="NAME", env_var="TEST_STRATEGY", help=f"a named load shape: {names}")
    add(
        "--strategy-scale",
        metavar="FACTOR",
        type=float,
        default=1.0,
        env_var="TEST_STRATEGY_SCALE",
        help="multiply its times, such as 0.1 for a rehearsal",
    )
    add(
        "--strategy-users",
        metavar="PEAK",
        type=int,
        env_var="TEST_STRATEGY_USERS",
        help="its users at the peak, the other stages in proportion",
    )
    add("--objectives", metavar="FILE", env_var="TEST_OBJECTIVES", help="TOML file of what fast enough means")
    add("--no-objectives", **flag, env_var="TEST_NO_OBJECTIVES", help="no verdict: plain Locust")
    add(
        "--abort-on-critical",
        **flag,
        env_var="TEST_ABORT_ON_CRITICAL",
        help="stop early when more than 5 %% of the requests keep failing",
    )
    add(
        "--abort-after",
        metavar="SECONDS",
        type=float,
        default=30.0,
        env_var="TEST_ABORT_AFTER",
        help="for how long they have to (default 30)",
    )
    for name, what in (("html", "a page"), ("junit", "JUnit XML"), ("json", "JSON")):
        env_var = f"TEST_VERDICT_{name.upper()}"
        add(f"--verdict-{name}", metavar="FILE", env_var=env_var, help=f"write the verdict as {what}")
    add(
        "--verdict-message",
        metavar="FILE",
        env_var="TEST_VERDICT_MESSAGE",
        help="write the verdict and its reasons into this file in place, in up to 4096 bytes: a pod's termination log",
    )
    add("--baseline", metavar="FILE", env_var="TEST_BASELINE", help="an earlier --verdict-json to compare with")
    add(
        "--baseline-tolerance",
        metavar="SHARE",
        type=float,
        default=0.1,
        env_var="TEST_BASELINE_TOLERANCE",
        help="how much worse than the baseline is still fine (default 0.1)",
    )


@events.init.add_listener
def prepare(environment: Environment, runner: Any, web_ui: WebUI | None, **_: Any) -> None:
    """Before anything is sent: settings, host, stand-in, and for a run that starts by itself, host and token."""
    _take_interrupts(environment)
    resolver.install()
    try:
        settings = load_settings()
        login.check(options_of(environment).web_login)
        _set_up(environment, settings)
        allowed = (*settings.allow_host, *(options_of(environment).allow_host or ()))
        if isinstance(runner, WorkerRunner):
            _listen_as_worker(environment, Worker(environment, runner, settings, allowed))
            return
        is_master = isinstance(runner, MasterRunner)
        role = Master(environment, runner, settings, allowed) if is_master else Local(environment, settings, allowed)
        control = Control(environment, settings, role, _judge(environment))
        control.use_strategy()
        _listen(environment, control)
        if web_ui:
            login.protect(web_ui, options_of(environment).web_base_path)
            guard(web_ui, control)
            if control.judge:
                add_tab(web_ui, control)
        if control.starts_by_itself and isinstance(role, Local):
            control.check(control.planned_users, environment.host)
        control.limit_wait_for_workers()
    except (Refused, stand_in.StandInError) as error:
        leave(environment, error if isinstance(error, Refused) else Refused(str(error)))


def _take_interrupts(environment: Environment) -> None:
    """Let Ctrl-C end a process as SIGTERM does: Python would raise it in whichever user happens to run."""
    if _is_forked_worker(environment):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # its master hears the same Ctrl-C, and ends it in order
        return
    hub = gevent.get_hub()
    gevent.signal_handler(signal.SIGINT, lambda: hub.loop.run_callback(hub.parent.throw, KeyboardInterrupt))


def _is_forked_worker(environment: Environment) -> bool:
    """Whether this is a worker that --processes forked from its own master."""
    is_child = isinstance(environment.runner, WorkerRunner) and options_of(environment).processes
    return bool(is_child and not get_parser().parse_args().worker)


def _listen(environment: Environment, control: Control) -> None:
    listen = environment.events
    listen.test_start.add_listener(control.on_test_start)
    listen.test_stopping.add_listener(control.on_test_stopping)
    listen.test_stop.add_listener(control.on_test_stop)
    listen.usage_monitor.add_listener(lambda cpu_usage, **_: control.role.gauge.add(cpu_usage))
    listen.quitting.add_listener(control.on_interrupt)  # last added, first called: listeners run in reverse
    listen.quit.add_listener(control.show)
    _controls.append(control)


def _listen_as_worker(environment: Environment, worker: Worker) -> None:
    environment.events.test_start.add_listener(lambda **_: worker.start())
    environment.events.usage_monitor.add_listener(lambda cpu_usage, **_: worker.gauge.add(cpu_usage))
    # first called: the counts have to be sent before Locust tells the master that this worker quits
    environment.events.quitting.add_listener(lambda **_: worker.finish())


_controls: list[Control] = []


@events.quitting.add_listener
def finish(**_: Any) -> None:
    """First added, last called: after Locust's own listener brought the workers' last counts."""
    for control in _controls:
        control.on_quitting()


def _judge(environment: Environment) -> Judge | None:
    """What to judge by; None with --no-objectives. Refused when an option is wrong or names a wrong file."""
    options = options_of(environment)
    if options.no_objectives:
        given = [name for name in (*FILE_OPTIONS, "baseline", "objectives") if getattr(options, name)]
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise Refused(f"--no-objectives is given together with {names}. Expected one or the other.")
        return None
    if options.baseline_tolerance < 0:
        raise Refused(f"--baseline-tolerance is {options.baseline_tolerance}. Expected a share, 0 or more.")
    if options.abort_after <= 0:
        raise Refused(f"--abort-after is {options.abort_after}. Expected seconds, more than 0.")
    return Judge.load(options.objectives, options.baseline, options.baseline_tolerance)


def _set_up(environment: Environment, settings: Settings) -> None:
    """Host and time limits, for Locust and for the user class."""
    options = options_of(environment)
    ProtobufUser.insecure = not settings.tls_verify
    environment.stop_timeout = environment.stop_timeout or STOP_SECONDS
    if isinstance(environment.runner, WorkerRunner):
        ProtobufUser.host = settings.host  # where the master names none
    elif options.stand_in:
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
        if not _is_forked_worker(environment):  # else its master holds the same settings and says the same
            say(refused)
        runner.send_message("quit")
    else:
        say(refused)
    if isinstance(runner, MasterRunner):
        if options.processes:
            options.headless = False  # or Locust's master quits with the first child, and never hears the others
            with gevent.Timeout(CHILDREN_TIMEOUT_S, False):
                while len(runner.worker_indexes) < options.processes or runner.worker_count:
                    gevent.sleep(0.02)
        runner.quit()
    sys.exit(Exit.NEVER_STARTED)


def guard(web_ui: WebUI, control: Control) -> None:
    """Refuse, in the web UI's forms, what would be refused on the command line."""
    assert web_ui.app is not None

    @web_ui.app.before_request
    def check_forms() -> Response | None:
        check = {"locust.swarm": _check_form, "locust.update_user": _check_user}.get(str(request.endpoint))
        if check is None or (web_ui.web_login and not current_user.is_authenticated):
            return None
        try:
            check(control)
        except Refused as refused:
            return jsonify({"success": False, "message": " ".join(refused.problems), "host": control.environment.host})
        return None

    @web_ui.app.after_request
    def keep_errors_plain(response: Response) -> Response:
        """Locust's text of an error repeats what was sent, and calls it HTML."""
        if response.status_code >= 400:
            response.mimetype = "text/plain"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def add_tab(web_ui: WebUI, control: Control) -> None:
    """Put the objectives beside Locust's own tabs, live."""
    assert web_ui.app is not None
    web_ui.template_args.update(extended_tabs=tab.TABS, extended_tables=tab.TABLES)

    @web_ui.app.after_request
    def add_objectives(response: Response) -> Response:
        if request.endpoint == "locust.request_stats" and response.is_json:
            stats = tab.extended_stats(control.verdict(), control.report is None)
            response.set_data(json.dumps({**response.get_json(), "extended_stats": stats}))
        return response


def _check_form(control: Control) -> None:
    unknown = sorted(request.form.keys() - FORM_FIELDS)
    if unknown:
        raise Refused(f"The form may not set {', '.join(unknown)}. Expected {', '.join(sorted(FORM_FIELDS))}.")
    _check_choices(control.environment)
    host = request.form.get("host") or control.environment.host
    try:
        users = int(request.form.get("user_count", "1"))
        spawn_rate = float(request.form.get("spawn_rate", "1"))
        run_time = parse_timespan(request.form.get("run_time") or "1")
    except ValueError:
        return  # Locust's own answer says so
    most = MOST_USERS * max(1, control.workers)
    if users > most:
        raise Refused(f"{users} users are asked for. Expected at most {most}, {MOST_USERS} for each process.")
    if run_time > LONGEST_S or 0 < spawn_rate < 1 / LONGEST_S:
        raise Refused(f"The run would take for ever. Expected a time and a spawn rate for at most {LONGEST_S} s.")
    if control.is_running:
        if host != control.environment.host:
            raise Refused("The host cannot change during a run. Stop the run first.")
        return
    control.check(users, host)


def _check_choices(environment: Environment) -> None:
    """Refuse user classes and shapes that there are none of: Locust would fail half-way."""
    if not options_of(environment).class_picker:
        return
    known = {
        "user_classes": [*(environment.available_user_classes or ())],
        "shape_class": ["Default", *(environment.available_shape_classes or ())],
    }
    for field, names in known.items():
        if not set(request.form.getlist(field)) <= set(names):
            raise Refused(f"The form's {field} is unknown. Expected one of {', '.join(names)}.")


def _check_user(control: Control) -> None:
    """What the class picker's dialogue may change of a user class: not its host, nor anything else of its inside."""
    asked = request.get_json(force=True, silent=True)
    known = control.environment.available_user_classes or {}
    if not isinstance(asked, dict) or asked.get("user_class_name") not in known or not asked.keys() <= USER_FIELDS:
        raise Refused(f"A user class may be changed by its name, in {', '.join(sorted(USER_FIELDS))} alone.")
    numbers = [asked[name] for name in ("weight", "fixed_count") if name in asked]
    tasks = asked.get("tasks", [])
    if not all(type(number) is int and 0 <= number <= MOST_USERS for number in numbers) or not isinstance(tasks, list):
        raise Refused(f"Expected whole numbers from 0 to {MOST_USERS}, and a list of tasks.")
