"""The only module that registers Locust options and event listeners. The rest is told, and does not listen."""

import atexit
import logging
import os
import shlex
import signal
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import locust.stats
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from locust.web import WebUI

from chaterload import internals
from chaterload.chater import dns_cache
from chaterload.chater.environment import cluster_key, load_settings, misspelt, read_env_file, read_pipes, shown
from chaterload.chater.hosts import take_host
from chaterload.chater.settings import Settings
from chaterload.chater.user import ProtobufUser
from chaterload.exits import Exit, Problems, Refused, refusing
from chaterload.judge.measure import round_to_3_significant
from chaterload.report.formats import import_writers
from chaterload.run import telemetry
from chaterload.run.controller import RunController, ask_rate, print_refusal
from chaterload.run.criteria import PassCriteria, check_objectives
from chaterload.run.last_good import LAST_GOOD, last_good_window
from chaterload.run.master import Master, tell_who_may_join
from chaterload.run.node import Local, options_of, own_host
from chaterload.run.options import add_options, bind_value, point_to_help
from chaterload.run.results import Results
from chaterload.run.run_options import RunOptions, refusals
from chaterload.run.signals import Process
from chaterload.run.strategy import planned_users, use_strategy
from chaterload.run.streams import forgive_stdout
from chaterload.run.waiting import await_workers
from chaterload.run.worker import Worker
from chaterload.standin import process as stand_in
from chaterload.web import login
from chaterload.web.listening import default_host
from chaterload.web.setup import set_up

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long users get to end their last request and remove their dish, unless --stop-timeout says."""

CHILDREN_TIMEOUT_S = 10.0

CONTAINERS_FIRST_PROCESS = 1
"""Its SIGTERM is lost until somebody handles it, and Locust does so late: not while a worker looks for its master."""

locust.stats.bucket_response_time = round_to_3_significant  # type: ignore[assignment]  # the documented way to a finer clock than Locust's two digits


internals.use_own_sockets()

os.register_at_fork(before=read_pipes)  # by --processes


@events.init_command_line_parser.add_listener
def add(parser: LocustArgumentParser, **_: Any) -> None:
    """Our options; a `.env` file feeds Locust's variables too."""
    if os.getpid() == CONTAINERS_FIRST_PROCESS:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    point_to_help(tuple(sys.argv[1:]))
    add_options(parser)
    bind_value(sys.argv, "--stand-in-options")
    try:
        read_env_file(option.env_var for option in internals.options_of(parser) if option.env_var)
    except Refused as refused:
        print_refusal(refused)
        sys.exit(Exit.NEVER_STARTED)
    internals.CLUSTER.key = cluster_key()
    internals.read_with(parser, ("processes",), number_of_processes)
    telemetry.set_defaults()
    wanted = login.is_wanted()
    parser.set_defaults(web_login=wanted, web_host=default_host(wanted), stop_timeout=STOP_SECONDS)


def number_of_processes(text: str) -> int:
    """The value of --processes, whose workers are all on this machine."""
    internals.CLUSTER.alone = True
    return int(text)


@events.init.add_listener
def prepare(environment: Environment, runner: Any, web_ui: WebUI | None, **_: Any) -> None:
    """Before anything is sent: settings, host, stand-in, and for a run that starts by itself, host and token."""
    _process.take_interrupts(is_forked=_is_forked_worker(environment))
    forgive_stdout()
    dns_cache.install()
    internals.build_default_options_once()
    try:
        with refusing("The start"):
            _prepare(environment, runner, web_ui)
    except Refused as refused:
        leave(environment, refused)
    except KeyboardInterrupt:
        leave(environment, Refused("Interrupted before the load began."))


def _prepare(environment: Environment, runner: Any, web_ui: WebUI | None) -> None:
    problems, is_worker = Problems(), isinstance(runner, WorkerRunner)
    settings, options = problems.of(load_settings), RunOptions.read(options_of(environment))
    problems.told += refusals(options, is_worker=is_worker)
    problems.of(lambda: login.check(options_of(environment).web_login))
    judge = None if options.no_objectives or is_worker else problems.of(lambda: _judge(options))
    environment.host = problems.of(lambda: take_host(options.host or "")) if options.host else None
    problems.refuse()
    assert settings is not None
    _set_up(environment, options, settings)
    allowed = (*settings.allow_host, *options.allow_host)
    if isinstance(runner, WorkerRunner):
        _listen_as_worker(environment, Worker(environment, runner, settings, allowed))
        return
    if judge and options.baseline == LAST_GOOD:
        judge.baseline = last_good_window(options_of(environment), environment.host or settings.host)
    is_master = isinstance(runner, MasterRunner)
    node = Master(environment, runner, settings, allowed) if is_master else Local(environment, settings, allowed)
    controller = RunController(environment, options, settings, node, judge, _results(environment, options, settings))
    use_strategy(environment, options, judge, controller.sampler, node, partial(ask_rate, controller))
    if judge:
        import_writers()
        check_objectives(environment, judge.objectives, options.objectives or "objectives.toml")
    for sentence in misspelt(os.environ, internals.option_variables()):
        logger.warning(sentence)
    _listen(environment, controller)
    _show_live(controller)
    if web_ui:
        set_up(web_ui, controller, settings, allowed)
    if isinstance(node, Master):
        node.on_lost = controller.on_lost_worker
        tell_who_may_join(node.runner, sealed=settings.cluster_key is not None)
        if options.starts_by_itself:
            await_workers(controller, node)
    elif options.starts_by_itself:
        controller.begin(planned_users(environment), environment.host)


def _is_forked_worker(environment: Environment) -> bool:
    """Whether this is a worker that --processes forked from its own master."""
    is_child = isinstance(environment.runner, WorkerRunner) and options_of(environment).processes
    return bool(is_child and not internals.command_line().worker)


def _listen(environment: Environment, controller: RunController) -> None:
    listen, told = environment.events, controller.listeners.guard
    listen.test_start.add_listener(told(controller.on_test_start))
    listen.test_stopping.add_listener(told(controller.on_test_stopping))
    listen.test_stop.add_listener(told(controller.on_test_stop))
    listen.usage_monitor.add_listener(lambda cpu_usage, **_: controller.node.gauge.add(cpu_usage))
    listen.quitting.add_listener(told(controller.on_interrupt))  # last added, first called: listeners run in reverse
    listen.quit.add_listener(told(controller.show))
    _process.node, _process.controller = controller.node, controller


def _show_live(controller: RunController) -> None:
    """A live view instead of Locust's periodic tables, where somebody watches."""
    options, listen = controller.options, controller.environment.events
    if not (options.headless and controller.judge and sys.stdout.isatty()) or options.plain or options.only_summary:
        return
    from chaterload.run.terminal import Terminal, find_console  # no other process needs them

    if console := find_console():
        options_of(controller.environment).only_summary = True  # read after this event
        view = Terminal(controller, console)
        listen.test_start.add_listener(view.start)
        listen.test_stop.add_listener(view.stop)


def _listen_as_worker(environment: Environment, worker: Worker) -> None:
    environment.events.usage_monitor.add_listener(lambda cpu_usage, **_: worker.gauge.add(cpu_usage))
    # first called: the counts have to be sent before Locust tells the master that this worker quits
    environment.events.quitting.add_listener(worker.on_quitting)
    if _is_forked_worker(environment):
        environment.events.quitting.add_listener(partial(_leave_json_to_master, options_of(environment)))
    _process.node = worker


def _leave_json_to_master(options: Namespace, **_: Any) -> None:
    """Have a worker that has its master's stdout and files write no JSON of what it alone counted since its report."""
    options.json = False
    options.json_file = None


_process = Process()


@events.quitting.add_listener
def finish(**_: Any) -> None:
    """First added, last called: after Locust's own listener brought the workers' last counts."""
    if _process.controller:
        _process.controller.listeners.guard(_process.controller.on_quitting)()


def _judge(options: RunOptions) -> PassCriteria:
    """What to judge by. Refused when an option names a wrong file."""
    baseline = Path(options.baseline) if options.baseline and options.baseline != LAST_GOOD else None
    return PassCriteria.load(options.objectives, baseline, options.baseline_tolerance)


def _results(environment: Environment, options: RunOptions, settings: Settings) -> Results | None:
    """Where to keep the files of each run; None without --results. Refused when nothing can be written there."""
    if not options.results:
        return None
    variables = internals.option_variables()
    given = {name: value for name, value in os.environ.items() if name in variables}
    return Results(environment, Path(options.results), {**given, **shown(settings)})


def _set_up(environment: Environment, options: RunOptions, settings: Settings) -> None:
    """Host and time limits, for Locust and for the user class."""
    ProtobufUser.insecure = not settings.tls_verify
    if isinstance(environment.runner, WorkerRunner):
        return  # its master says what to load, or it finds out when it is asked
    if options.stand_in:
        environment.host = _start_stand_in(options.stand_in_options)
    elif isinstance(environment.runner, LocalRunner):
        environment.host = environment.host or own_host(environment, settings)
    else:
        environment.host = environment.host or settings.named_host


def _start_stand_in(options: str) -> str:
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise Refused(
            f"--stand-in-options {options!r} cannot be read ({error}). Expected options as in a shell, quotes closed."
        ) from None
    try:
        process = stand_in.start(words)
    except stand_in.StandInError as error:
        raise Refused(str(error)) from None
    atexit.register(process.stop)
    logger.info("Started a stand-in for Chater UI at %s", process.host)
    return process.host


def leave(environment: Environment, refused: Refused) -> None:
    """End the process before it began, and the processes that it forked."""
    runner, options = environment.runner, options_of(environment)
    if isinstance(runner, WorkerRunner):
        if not _is_forked_worker(environment):  # else its master holds the same settings and says the same
            print_refusal(refused)
        internals.leave_master(runner)
    else:
        print_refusal(refused)
    if isinstance(runner, MasterRunner):
        if options.processes:
            options.headless = False  # or Locust's master quits with the first child, and never hears the others
            with gevent.Timeout(CHILDREN_TIMEOUT_S, False):
                while len(internals.known_workers(runner)) < options.processes or internals.worker_count(runner):
                    gevent.sleep(0.02)
        runner.quit()
    sys.exit(Exit.NEVER_STARTED)
