"""The course of a run in the process that decides: what starts it, how it is watched, how it ends."""

import logging
import os
import signal
from argparse import Namespace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from greenlet import greenlet
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, Runner, WorkerNode

from chaterload.chater.settings import Settings
from chaterload.exits import Exit, Refused
from chaterload.judge.history import INTERVAL_S, Generator
from chaterload.judge.verdict import Grade, Verdict, grade
from chaterload.load.shapes import CapacityShape, NamedShape, check_name, search_limits, staged_shapes
from chaterload.load.strategies import CAPACITY
from chaterload.report.folder import could_write
from chaterload.report.formats import FORMATS
from chaterload.report.model import Report
from chaterload.run.conclusion import make_report
from chaterload.run.course import Course
from chaterload.run.criteria import Judge, never_asked
from chaterload.run.figures import snapshot
from chaterload.run.node import Role, options_of
from chaterload.run.platform import ask_platform, ask_server
from chaterload.run.results import Results

logger = logging.getLogger(__name__)

_PLAIN = ("num_users", "spawn_rate", "run_time")
"""The options of a plain run."""

EARLY_S = 0.5
"""A run that ends this much before its time is complete: timers are not exact."""


class Control:
    """Starts, watches and judges the runs of a local process or a master."""

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        role: Role,
        judge: Judge | None,
        results: Results | None = None,
    ) -> None:
        self.environment = environment
        self.settings = settings
        self.role = role
        self.judge = judge
        """None with --no-objectives."""
        self.results = results
        """None without --results."""
        self.options: Namespace = options_of(environment)
        self.course: Course | None = None
        self.report: Report | None = None
        self.is_ending = False
        """Users are being stopped and the verdict is not there yet."""
        self._ready = False
        self._interrupted = False
        self._shown = False
        self._failed_to_write = False

    @property
    def runner(self) -> Runner:
        runner = self.environment.runner
        assert runner is not None
        return runner

    @property
    def workers(self) -> int:
        """0 in a run of one process."""
        return self.runner.worker_count if isinstance(self.runner, MasterRunner) else 0

    @property
    def is_running(self) -> bool:
        return self.runner.state in (STATE_SPAWNING, STATE_RUNNING)

    @property
    def starts_by_itself(self) -> bool:
        return bool(self.options.headless or self.options.autostart)

    def use_strategy(self) -> None:
        """Give Locust the shape that --strategy names, and the web UI's picker all of them."""
        options = self.options
        scale, users = options.strategy_scale, options.strategy_users
        if scale <= 0:
            raise Refused(f"--strategy-scale is {scale}. Expected a number above 0.")
        if users is not None and users < 1:
            raise Refused(f"--strategy-users is {users}. Expected a whole number, 1 or more.")
        shapes = staged_shapes(scale, users)
        if self.judge:
            limits, objectives = search_limits(scale, users), self.judge.objectives
            shapes[CAPACITY] = CapacityShape(
                limits, objectives, lambda: snapshot(self.environment.stats), self.cpu_percent
            )
        if options.class_picker:
            self.environment.available_shape_classes = dict(shapes)
        if options.strategy:
            self._choose(options.strategy, shapes)

    def warn_of_objectives(self) -> None:
        """Tell of objectives that will have no data before the load, and not after it."""
        for endpoint in never_asked(self.environment, self.judge.objectives) if self.judge else ():
            logger.warning("No task asks %s: its objectives will have no data, which proves nothing.", endpoint)

    def _choose(self, name: str, shapes: dict[str, NamedShape]) -> None:
        check_name(name)
        given = [
            f"--{opt.replace('num_', '').replace('_', '-')}" for opt in _PLAIN if getattr(self.options, opt) is not None
        ]
        if given:
            raise Refused(
                f"--strategy {name} is given together with {', '.join(given)}. Expected one or the other; "
                "--strategy-users and --strategy-scale shrink a strategy."
            )
        if name not in shapes:
            raise Refused(f"--strategy {name} needs objectives. Expected it without --no-objectives.")
        self.environment.shape_class = shapes[name]
        shapes[name].runner = self.runner

    @property
    def planned_users(self) -> int:
        """The most users that the run will have, where that is known."""
        shape = self.environment.shape_class
        if isinstance(shape, CapacityShape):
            return 1  # it goes as far as it gets
        return shape.peak_users if isinstance(shape, NamedShape) else self.options.num_users or 1

    def check(self, users: int, host: str | None) -> None:
        """Refused when a run of `users` users on `host` could not work."""
        self.role.check(users, host)
        self._ready = True

    def on_test_start(self, **_: Any) -> None:
        """The first users are about to start. Ends everything where they must not."""
        try:
            if not self._ready:
                self.check(max(self.runner.target_user_count, self.planned_users), self.environment.host)
            if self.results:
                self.results.open(datetime.now(UTC))
        except Refused as refused:
            say(refused)
            if self.starts_by_itself:
                self.environment.process_exit_code = Exit.NEVER_STARTED
                self.runner.quit()
            raise gevent.GreenletExit from None  # Locust would start the users all the same
        workers = self.workers
        chosen = self.environment.shape_class
        shape = chosen if isinstance(chosen, NamedShape) else None
        # the web UI's picker sets no option, and the workers' users ask for it
        self.options.strategy = shape.name if shape else None
        self.course = Course(datetime.now(UTC), workers=workers, shape=shape)
        self.report, self._shown, self._interrupted = None, False, False
        self.course.server_before = ask_server(self.environment, self.settings) if self.judge else None
        self.role.start()
        if workers < self._expected_workers:
            self.course.invalid.append(f"{workers} of {self._expected_workers} expected workers took part")
        self.runner.greenlet.spawn(self._watch, self.course)
        if self.options.headless and self.runner.shape_greenlet:
            # Locust handles SIGTERM only after a headless shape has ended; killed, it goes on to the end
            gevent.signal_handler(signal.SIGTERM, self.runner.shape_greenlet.kill, block=False)

    @property
    def _expected_workers(self) -> int:
        """0 where none are expected; Locust's default of 1 is what a master needs anyway."""
        return self.options.expect_workers if isinstance(self.runner, MasterRunner) else 0

    def on_test_stopping(self, **_: Any) -> None:
        """The users are about to be stopped."""
        if self.course and not self.course.finished:
            self.course.finish()
            self.is_ending = True
            logger.info(
                "Ending: users finish their last request and remove what they made (up to %.0f s). "
                "Ctrl-C now ends them at once.",
                self.environment.stop_timeout + self.settings.cleanup_seconds,
            )
        self.role.finish()

    def on_test_stop(self, **_: Any) -> None:
        """All users have stopped and all counts are in."""
        self._ready = False
        if self.course is None or self.report is not None:
            return
        try:
            self._sample(self.course)
            self._note_early_end(self.course)
            self._conclude()
        finally:
            self.is_ending = False

    def verdict(self) -> Verdict | None:
        """On the last run, or so far on the one that goes on; None while there is none."""
        if self.report is not None:
            return self.report.verdict
        if self.judge is None or self.course is None:
            return None
        return make_report(self.environment, self.settings, self.role, self.judge, self.course).verdict

    def _conclude(self) -> None:
        if self.judge is not None and self.course is not None:
            after = ask_server(self.environment, self.settings) if self.course.server_before else None
            platform = ask_platform(self.settings, self.judge, self.course)
            self.report = make_report(
                self.environment, self.settings, self.role, self.judge, self.course, platform, after
            )
            self._write_files(self.report)
        if self.results and not self.results.close(self.report):
            self._failed_to_write = True
        if not self.options.headless:
            self.show()

    def _note_early_end(self, course: Course) -> None:
        shape, run_time = course.shape, self.options.run_time
        if shape and not shape.finished and not course.missed:
            course.invalid.append(f"{shape.name} was ended after {course.seconds:.0f} s, before its own end")
        elif not shape and self._interrupted and run_time and course.seconds < run_time - EARLY_S:
            course.invalid.append(f"cut short by a signal after {course.seconds:.0f} s of {run_time:.0f} s")

    def on_interrupt(self, **_: Any) -> None:
        """The process is about to end, before Locust stops anything."""
        self._interrupted = self.is_running

    def on_quitting(self, **_: Any) -> None:
        """The process ends. Users that still run are stopped, so that they remove what they made."""
        self.role.dismiss()
        self.runner.quit()
        if self.environment.process_exit_code is None:
            self.environment.process_exit_code = self._exit_code()

    def _exit_code(self) -> int | None:
        """None leaves it to Locust."""
        if self.report is None:
            return None
        code = self.report.verdict.exit_code
        if code is Exit.MET and (self.runner.exceptions or self._failed_to_write):
            return Exit.ERROR
        return code

    def show(self, **_: Any) -> None:
        """Print the verdict, once."""
        if self.report is not None and not self._shown:
            self._shown = True
            from chaterload.report import console  # what only the end needs is imported at the end

            console.show(self.report, results=self.results.folder if self.results else None)

    def _write_files(self, report: Report) -> None:
        for known in FORMATS:
            path = getattr(self.options, known.destination)
            if path and not could_write(f"{known.option} {path!r}", partial(known.write, Path(path), report)):
                self._failed_to_write = True

    def _watch(self, course: Course) -> None:
        """Sample the run, and stop it when it is past saving."""
        critical_since: float | None = None
        while self.course is course and not course.finished:
            gevent.sleep(INTERVAL_S)
            if course.finished:
                return
            self._sample(course)
            critical_since = self._critical_since(course, critical_since)
            if critical_since is not None and course.seconds - critical_since >= self.options.abort_on_critical:
                self._abort(course)
                return

    def _critical_since(self, course: Course, before: float | None) -> float | None:
        """Since when, in seconds of the run, failures have been critical without a break; None when they are not.

        A sample without requests changes nothing: a server that hangs is no better than one that fails.
        """
        last = course.history.samples[-1]
        if not self.options.abort_on_critical or not last.requests:
            return before
        if grade(last.failures / last.requests) is not Grade.CRITICAL:
            return None
        return last.at - last.seconds if before is None else before

    def _abort(self, course: Course) -> None:
        reason = f"stopped early: failures were critical for {self.options.abort_on_critical:g} s (--abort-on-critical)"
        logger.error("The run is %s", reason)
        course.missed.append(reason)
        gevent.spawn(self.runner.quit if self.options.headless else self.runner.stop)

    def _sample(self, course: Course) -> None:
        course.history.add(
            course.seconds,
            self.runner.user_count,
            snapshot(self.environment.stats),
            target=self.runner.target_user_count,
            generator=Generator(self.cpu_percent(), self._memory_bytes()),
        )

    def _processes(self) -> list[Runner | WorkerNode]:
        """Those that generate load, with what they reported last."""
        return list(self.runner.clients.all) if isinstance(self.runner, MasterRunner) else [self.runner]

    def cpu_percent(self) -> float:
        """Of the busiest process, over the last 10 s."""
        return max(
            (getattr(p, "cpu_usage", getattr(p, "current_cpu_usage", 0.0)) for p in self._processes()), default=0.0
        )

    def _memory_bytes(self) -> int:
        return sum(getattr(p, "memory_usage", getattr(p, "current_memory_usage", 0)) for p in self._processes())

    def limit_wait_for_workers(self) -> None:
        """Take over --expect-workers-max-wait: Locust would end without a verdict, and with exit code 1."""
        wait, self.options.expect_workers_max_wait = self.options.expect_workers_max_wait, 0
        if wait and self.options.headless and isinstance(self.runner, MasterRunner):
            gevent.spawn(self._give_up_waiting, wait, waiting=gevent.getcurrent())

    def _give_up_waiting(self, seconds: int, waiting: greenlet) -> None:
        """End the process, which Locust keeps in the greenlet `waiting`, when the workers have not come."""
        gevent.sleep(seconds)
        if self.course is not None or not isinstance(self.runner, MasterRunner):
            return
        here = self.runner.worker_count
        if here < self._expected_workers:
            self.course = Course(datetime.now(UTC), workers=here)
            self.course.invalid.append(f"{here} of {self._expected_workers} expected workers came within {seconds} s")
            try:
                if self.results:
                    self.results.open(self.course.start)
            except Refused as refused:
                say(refused)
            self._conclude()
            self.runner.quit()  # those that did come end too
            self.show()
            gevent.kill(waiting, SystemExit(int(Exit.INVALID)))


def say(refused: Refused) -> None:
    """Tell the user why nothing starts; a sentence a line."""
    os.write(2, "".join(["The load test does not start:\n", *(f"  - {line}\n" for line in refused.problems)]).encode())
