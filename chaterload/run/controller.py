"""Decides about the runs of a local process or a master: what may start, when it is stopped, how it is judged."""

import logging
import os
import signal
from datetime import UTC, datetime
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from chaterload.chater.settings import Settings
from chaterload.exits import Exit, Refused, refusing
from chaterload.internals import greenlet_crashed, run_beside, shape_greenlet, target_users
from chaterload.judge.lateness import RateFigures
from chaterload.judge.verdict import Verdict
from chaterload.report.annotations import refusal_annotations
from chaterload.report.model import Report
from chaterload.run.conclusion import judge_run, make_report, rate_figures
from chaterload.run.criteria import PassCriteria
from chaterload.run.figures import snapshot
from chaterload.run.lifecycle import Phase, Prepared, Run, new_run_id
from chaterload.run.listeners import Listeners
from chaterload.run.node import Node, options_of
from chaterload.run.output import write_reports
from chaterload.run.platform import ask_platform, ask_server
from chaterload.run.printing import print_end, silence_tables
from chaterload.run.results import Results
from chaterload.run.run_options import RunOptions
from chaterload.run.sampling import Sampler
from chaterload.run.strategy import arrival_plan, asked_rate, chosen_shape, planned_users
from chaterload.run.streams import tell
from chaterload.run.watching import watch

logger = logging.getLogger(__name__)

_BUSY = {
    Phase.CHECKING: "A start is being checked already. Wait until it has begun, or was refused.",
    Phase.RUNNING: "A run goes on already. Stop it first.",
    Phase.STOPPING: "The last run is still ending. Wait for its verdict.",
}


class RunController:
    """Starts, watches and judges the runs of a local process or a master, one at a time."""

    def __init__(
        self,
        environment: Environment,
        options: RunOptions,
        settings: Settings,
        node: Node,
        judge: PassCriteria | None,
        results: Results | None = None,
    ) -> None:
        self.environment = environment
        self.options = options
        self.settings = settings
        self.node = node
        self.judge = judge
        """None with --no-objectives."""
        self.results = results
        """None without --results."""
        self.sampler = Sampler(environment, node.reports)
        self.phase = Phase.IDLE
        self.run: Run | None = None
        """The run that goes on, or the last one."""
        self.report: Report | None = None
        """Of the last run, once it is judged."""
        self.listeners = Listeners()
        self.ended_by_hand = False
        """By Ctrl-C: whoever pressed it can press it again, and waits for the clean-up until then."""
        self._prepared: Prepared | None = None
        self._is_judged = Event()  # a run that was ending has its verdict, or cannot get one

    @property
    def runner(self) -> Runner:
        return self.sampler.runner

    @property
    def workers(self) -> int:
        """0 in a run of one process."""
        return self.sampler.workers

    @refusing("The check before the load")
    def begin(self, users: int, host: str | None) -> None:
        """Check that `users` users on `host` can run, for the start that Locust makes next.

        The form, the command line and Locust's own start all come through here. Refused when they cannot run, and
        when there is a run already.
        """
        if not self.phase.allows_a_start:
            raise Refused(_BUSY[self.phase])
        before, self.phase = self.phase, Phase.CHECKING
        try:
            run_id = new_run_id()
            shared = self.node.check(run_id, users, host)
            target = shared.host if shared else host or self.settings.host
            server_before = ask_server(target, self.settings) if self.judge else []
            self._prepared = Prepared(run_id, target, shared, server_before, arrival_plan(self.environment))
        except BaseException:
            self.phase = before
            raise

    def abandon(self) -> None:
        """The start that was checked does not come."""
        if self.phase is Phase.CHECKING and self._prepared is not None:
            self._prepared = None
            self.phase = Phase.JUDGED if self.report else Phase.IDLE

    def on_test_start(self, **_: Any) -> None:
        """The first users are about to start. Ends everything where they must not."""
        try:
            if self._prepared is None:
                self.begin(max(target_users(self.runner), planned_users(self.environment)), self.environment.host)
            if self.results:
                self.results.open(datetime.now(UTC))
        except Refused as refused:
            self.abandon()
            print_refusal(refused)
            if self.options.starts_by_itself and self.run is None:
                self.environment.process_exit_code = Exit.NEVER_STARTED
                gevent.spawn(self.runner.quit)  # not in here: the greenlet that starts the users is one that it ends
            raise gevent.GreenletExit from None  # Locust would start the users all the same
        self._start()

    def _start(self) -> None:
        prepared, self._prepared = self._prepared, None
        assert prepared is not None
        shape = chosen_shape(self.environment)
        self.report, self.run = None, Run(prepared, workers=self.workers, shape=shape)
        self.phase = Phase.RUNNING
        self._is_judged.clear()
        if self.judge:
            self.environment.process_exit_code = Exit.ERROR  # until there is a report, whatever ends the process
        self.node.start(prepared, every_task=bool(shape and shape.every_task))
        ask_rate(self, asked_rate(self.environment))
        if self.workers < self.expected_workers:
            self.run.generator_broken.append(f"{self.workers} of {self.expected_workers} expected workers took part")
        run_beside(self.runner, watch, self.run, self.sampler, self.options.abort_on_critical, self._abort)
        if self.options.headless and shape_greenlet(self.runner):
            gevent.signal_handler(signal.SIGTERM, end_shape, self)  # Locust's comes when a headless shape has ended

    @property
    def expected_workers(self) -> int:
        """0 where none are expected; Locust's default of 1 is what a master needs anyway."""
        return self.options.expect_workers if isinstance(self.runner, MasterRunner) else 0

    def on_test_stopping(self, **_: Any) -> None:
        """The users are about to be stopped."""
        if self.phase is not Phase.RUNNING or self.run is None:
            return
        self.phase = Phase.STOPPING
        self.sampler.sample(self.run)
        self.run.finish()
        logger.info(
            "Ending: users finish their last request (up to %.0f s), then what they made is removed. Ctrl-C ends that.",
            self.environment.stop_timeout,
        )
        if self.node.finish():
            wind_down(self.run, self.node, self.settings)

    def on_test_stop(self, **_: Any) -> None:
        """All users have stopped and all counts are in."""
        if self.phase is not Phase.STOPPING or self.run is None or self.run.is_concluding:
            return
        self.run.is_concluding = True
        try:
            self.sampler.sample_wind_down(self.run)
            if not self.run.is_cleaned:
                wind_down(self.run, self.node, self.settings)
            self.run.note_early_end(options_of(self.environment).run_time)
            self._conclude(self.run)
        finally:
            self.phase = Phase.JUDGED
            self._is_judged.set()

    def on_lost_worker(self, why: str) -> None:
        """A worker went missing: without rebalancing the run can only be invalid, so that it need not go on."""
        logger.error("The run is invalid: %s", why)
        if self.phase is Phase.RUNNING and self.options.headless and not self.options.enable_rebalancing:
            gevent.spawn(self.runner.quit)

    def verdict(self) -> Verdict | None:
        """On the last run, or so far on the one that goes on; None while there is none."""
        if self.report is not None:
            return self.report.verdict
        if self.judge is None or self.run is None:
            return None
        return judge_run(self.environment, self.node, self.judge, self.run).verdict

    def _conclude(self, run: Run) -> None:
        if self.judge:
            platform = ask_platform(self.settings, self.judge, run)
            report = make_report(self.environment, self.settings, self.node, self.judge, run, platform)
            self.report = write_reports(report, self.options, self.results)
        elif self.results and self.results.write(None):
            self.listeners.failed = True
        if not self.options.headless:
            self.show()

    def conclude_without_run(self, why: str) -> None:
        """Judge a run that could not begin as what proves nothing, with all files."""
        self.run = Run(Prepared(new_run_id(), self.environment.host or self.settings.host, None, []))
        self.run.generator_broken.append(why)
        self.run.finish()
        if self.results:
            self.results.open(self.run.start)
        self._conclude(self.run)
        self.phase = Phase.JUDGED

    def on_interrupt(self, **_: Any) -> None:
        """The process is about to end, before Locust stops anything."""
        if self.run and self.phase is Phase.RUNNING:
            self.run.interrupted = True
        if not self.ended_by_hand:  # whoever sent SIGTERM sends SIGKILL next
            self.node.limit_cleanup(self.settings.cleanup_seconds)

    def on_quitting(self, **_: Any) -> None:
        """The process ends. Users that still run are stopped, so that they remove what they made."""
        if self.phase is Phase.STOPPING:
            self._is_judged.wait()  # elsewhere in this process the run is being concluded
        self.node.quit_workers()
        self.runner.quit()
        if self.environment.process_exit_code in (None, Exit.ERROR):  # else somebody's own, or a start that was refused
            began, failed = bool(self.run and self.judge), self.listeners.failed or greenlet_crashed()
            self.environment.process_exit_code = exit_code(self.report, began=began, failed=failed)
        if not (self.run and self.judge) or self.report:  # else Locust's tables are all that there is
            silence_tables()

    def show(self, **_: Any) -> None:
        """Print what the run's end tells, once; nothing where it could not be judged."""
        run = self.run
        if run and not run.shown and (self.report or (run.is_concluding and not self.judge)):
            run.shown = True
            print_end(self.environment, self.options, self.report, self.results)

    def _abort(self) -> None:
        gevent.spawn(self.runner.quit if self.options.headless else self.runner.stop)


def end_shape(controller: RunController) -> None:
    """SIGTERM: end the load, or what follows it within the time that whoever sends that has."""
    following = shape_greenlet(controller.runner)
    if controller.phase is Phase.RUNNING and following:
        following.kill(block=False)  # after which Locust goes on to the end
    else:
        controller.node.limit_cleanup(controller.settings.cleanup_seconds)


def exit_code(report: Report | None, *, began: bool, failed: bool) -> Exit | None:
    """The report's, unless we `failed`; without one it is no good end of a run that `began` and was to be judged.

    None leaves it to Locust, where nothing judges or nothing ran.
    """
    if report is not None:
        return Exit.ERROR if report.exit_code is Exit.MET and failed else report.exit_code
    return Exit.ERROR if began or failed else None


def wind_down(run: Run, node: Node, settings: Settings) -> None:
    """The load has ended: ask the server for its figures, and only then remove what the users left."""
    run.server_after = ask_server(run.prepared.host, settings) if run.prepared.server_before else []
    node.clean_up()
    run.is_cleaned = True


def ask_rate(control: RunController, rate: float) -> None:
    """So many requests per second from now on; nothing where no run by rate goes on."""
    if control.phase is Phase.RUNNING and control.run and control.run.by_rate:
        control.run.asked.ask(control.run.seconds, rate)
        control.node.ask_rate(rate)


def rate_so_far(control: RunController) -> RateFigures | None:
    """What was asked for and reached, of the last run or of the one that goes on; None where that is none by rate."""
    if control.report is not None or control.run is None:
        return control.report.rate if control.report else None
    return rate_figures(control.run, control.node.reports(), snapshot(control.environment.stats))


def print_refusal(refused: Refused) -> None:
    """Tell the user why nothing starts; a sentence a line."""
    told = [f"  - {line}" for line in refused.problems]
    tell("The load test does not start:", *told, *refusal_annotations(refused.problems, os.environ))
