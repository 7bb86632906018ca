"""The master's side of a run on several processes."""

import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import MasterRunner

from chaterload import __version__
from chaterload.chater.cleanup import TELL_EVERY_S
from chaterload.chater.leases import AccountPool
from chaterload.chater.settings import Settings
from chaterload.exits import Refused
from chaterload.internals import (
    connected_workers,
    dismiss_worker,
    guard_messages,
    known_workers,
    port_for_workers,
    run_beside,
    when_deaf,
)
from chaterload.run.handouts import Handouts
from chaterload.run.incoming import Incoming
from chaterload.run.lifecycle import Prepared
from chaterload.run.node import Node, check_accounts, options_of
from chaterload.run.protocol import (
    CHECK_TIMEOUT_S,
    FINISH_MARGIN_S,
    AbortUsers,
    Channel,
    CheckAnswer,
    CheckRequest,
    CleanupProgress,
    CleanupRequest,
    DishBegun,
    FinishRequest,
    Hello,
    LimitCleanup,
    StartRun,
)
from chaterload.run.questions import Questions
from chaterload.run.rate_shares import RateShares, start_message
from chaterload.run.workers import WorkerRecord, WorkerState, misfits

logger = logging.getLogger(__name__)

HEARD_S = 15.0
"""For how long a worker that cleans up may tell nothing; it tells every TELL_EVERY_S."""

WATCH_S = 0.5
"""Between two looks for workers that went missing, which Locust has no event for."""


class Master(Node):
    """The master's side."""

    def __init__(
        self, environment: Environment, runner: MasterRunner, settings: Settings, allowed: tuple[str, ...]
    ) -> None:
        super().__init__(environment, settings, allowed)
        self.runner = runner
        self.on_lost: Callable[[str], object] = lambda worker: None
        """Called with a sentence for each worker that is lost."""
        self._records: dict[str, WorkerRecord] = {}
        self._start: StartRun | None = None
        """Of the run that goes on, for workers that join it."""
        self._connected = Event()
        self._told = 0.0  # when the clean-up's progress was last told, in monotonic seconds
        self._channel = channel = Channel(runner)
        self._questions = Questions(channel, self.workers)
        self._handouts = Handouts(channel)
        self._shares = RateShares(channel, lambda: self._running() & self.workers())
        channel.listen(Hello, self._on_hello, concurrent=True)
        channel.listen(DishBegun, self._on_dish)
        channel.listen(CleanupProgress, self._on_cleanup)
        environment.events.worker_report.add_listener(self._on_report)
        environment.events.worker_connect.add_listener(lambda **_: self._connected.set())
        guard_messages(runner, Incoming(lambda: self._records, self._lose).admit)
        when_deaf(runner, lambda: end_deaf(self._records.values()))
        run_beside(runner, self._watch)

    def workers(self) -> set[str]:
        """The ids of those that are connected."""
        return connected_workers(self.runner)

    def ready(self) -> int:
        """How many of the workers that were checked last are still there."""
        return len(self._records.keys() & self.workers())

    def wait_for(self, is_here: Callable[[set[str]], bool], seconds: float) -> bool:
        """Wait until the connected workers are such; False when that takes more than `seconds`."""
        deadline = time.monotonic() + seconds
        while not is_here(self.workers()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._connected.clear()
            self._connected.wait(min(left, WATCH_S))
        return True

    def reports(self) -> list[dict[str, Any]]:
        """What each process did."""
        return [self.report(), *(record.final_report() for record in self._records.values())]

    def lost(self) -> list[str]:
        return [f"worker {r.process} {r.lost_because}" for r in self._records.values() if r.state is WorkerState.LOST]

    def check(self, run_id: str, users: int, host: str | None) -> None:
        """Have every worker try out host and token."""
        resting = {worker for worker, record in self._records.items() if record.state is WorkerState.FINISHED}
        # Locust lists workers again only some seconds after a run
        self.wait_for(lambda here: here >= resting, self.environment.stop_timeout + FINISH_MARGIN_S)
        asked = self.workers()
        if not asked:
            raise Refused("No worker is connected. Start one with --worker --master-host.")
        question = _check_request(self, run_id, host, self._handouts.seconds.key)
        answers: dict[str, CheckAnswer] = self._questions.ask(asked, question, CHECK_TIMEOUT_S)
        if (asked & self.workers()) - answers.keys():
            raise Refused(f"A worker did not answer within {CHECK_TIMEOUT_S:.0f} s whether host and token work.")
        problems = dict.fromkeys(p for answer in answers.values() for p in answer.problems)
        if problems:
            raise Refused(*problems)
        self._compare(answers.values(), users)
        self._records = {worker: WorkerRecord(answer.process) for worker, answer in answers.items()}

    def _compare(self, answers: Iterable[CheckAnswer], users: int) -> None:
        answers = list(answers)
        versions = {__version__, *(answer.version for answer in answers)}
        if len(versions) > 1:
            raise Refused(f"Master and workers run different versions of this project: {', '.join(sorted(versions))}.")
        if len({answer.fingerprint for answer in answers}) > 1:
            raise Refused("The workers' TEST_* settings differ from each other. Expected the same on every worker.")
        accounts = min((answer.accounts for answer in answers), default=0)
        strict = any(answer.strict for answer in answers)
        check_accounts(users, accounts, strict=strict)
        self._handouts.book = AccountPool(accounts, strict=strict) if accounts else None

    def start(self, prepared: Prepared, *, every_task: bool) -> None:
        super().start(prepared, every_task=every_task)
        self._start = start_message(prepared, every_task=every_task)
        for worker, record in self._records.items():
            record.state = WorkerState.RUNNING
            self._channel.send(self._start, worker)
        for worker in self.workers() - self._records.keys():  # said hello before there was a run to join
            run_beside(self.runner, self._on_hello, worker, Hello())

    def ask_rate(self, rate: float) -> None:
        self._shares.ask(rate)

    def _running(self) -> set[str]:
        return {worker for worker, record in self._records.items() if record.state is WorkerState.RUNNING}

    def finish(self) -> bool:
        """Have the workers end their users, and wait for their last counts."""
        if self._start is None:
            return False
        self._start = None
        self._shares.ask(None)
        self._note_missing()
        running = {worker: self._records[worker] for worker in self._running()}
        patience = self.environment.stop_timeout + FINISH_MARGIN_S
        answers = self._questions.ask(running, FinishRequest(uuid.uuid4().hex), patience)
        for worker, record in running.items():
            if worker not in answers:
                record.lose("did not send its last counts")
            elif record.state is WorkerState.RUNNING:
                record.state = WorkerState.FINISHED
        return True

    def clean_up(self) -> None:
        """Have the workers remove what their users left; those that go on with it are waited for."""
        if self._cleanup_limit_s is not None:
            self.limit_cleanup(self._cleanup_limit_s)
        ended = {worker: r for worker, r in self._records.items() if r.state is WorkerState.FINISHED}
        answers = self._questions.ask(ended, CleanupRequest(uuid.uuid4().hex), FINISH_MARGIN_S)
        for record in (record for worker, record in ended.items() if worker not in answers):
            record.lose("did not tell what its users left behind")

    def limit_cleanup(self, seconds: float) -> None:
        super().limit_cleanup(seconds)
        for worker in self.workers():
            self._channel.send(LimitCleanup(seconds), worker)

    def abort_users(self) -> None:
        """End the users of every worker at once."""
        for worker in self.workers():
            self._channel.send(AbortUsers(), worker)

    def quit_workers(self) -> None:
        """Tell every worker to quit, also those that Locust does not list while they rest after a run."""
        for worker in known_workers(self.runner):
            dismiss_worker(self.runner, worker)

    def _watch(self) -> None:
        while True:
            gevent.sleep(WATCH_S)
            if self._start:
                self._note_missing()
                self._shares.send()

    def _note_missing(self) -> None:
        """Notice workers that went missing during the run, and free their accounts."""
        here = self.workers()
        for worker in self._records:
            if worker not in here:
                self._lose(worker, "was lost during the run")

    def _lose(self, worker: str, why: str) -> None:
        record = self._records[worker]
        if record.state is WorkerState.RUNNING and record.lose(why):
            self._handouts.drop(worker)
            self.on_lost(f"worker {record.process} {record.lost_because}")

    def _on_hello(self, worker: str, _: Hello) -> None:
        """A worker is ready; where a run goes on already, it is tried out, and joins."""
        start, host = self._start, self.environment.host
        if start is None or worker in self._records:
            return
        answers: dict[str, CheckAnswer] = self._questions.ask(
            [worker], _check_request(self, start.run_id, host, self._handouts.seconds.key), CHECK_TIMEOUT_S
        )
        if worker not in answers or worker in self._records or start is not self._start:
            return
        if problems := misfits(answers[worker], self._handouts.book):
            for problem in problems:
                logger.error("Worker %s does not take part. %s", answers[worker].process, problem)
            dismiss_worker(self.runner, worker)
            return
        self._records[worker] = WorkerRecord(answers[worker].process, WorkerState.RUNNING)
        self._channel.send(start, worker)

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        record = self._records.get(client_id)
        if record and "chater" in data:
            record.take(data["chater"])

    def _on_dish(self, worker: str, message: DishBegun) -> None:
        if record := self._records.get(worker):
            record.begun[message.time] = message.email

    def _on_cleanup(self, worker: str, message: CleanupProgress) -> None:
        now = time.monotonic()
        self._questions.wait_until = now + HEARD_S
        if record := self._records.get(worker):
            record.left = message.left
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self.tell_cleanup(sum(record.left for record in self._records.values()))


def tell_who_may_join(runner: MasterRunner, *, sealed: bool) -> None:
    """Say who can be a worker: it is told what to load, and its figures are believed."""
    port, alone = port_for_workers(runner)
    if alone:
        logger.info("Workers may join at port %d from this machine alone.", port)
    elif sealed:
        logger.info("Whoever has TEST_CLUSTER_KEY and reaches port %d of this machine may join as a worker.", port)
    else:
        logger.warning(
            "Whoever reaches port %d of this machine may join as a worker, and is believed. Set TEST_CLUSTER_KEY on "
            "the master and its workers, or --master-bind-host.",
            port,
        )


def end_deaf(records: Iterable[WorkerRecord]) -> None:
    """End the process, also in the web UI: whoever watches over it starts another."""
    logger.error("The master no longer hears its workers: what listens to them has failed. It ends.")
    for record in records:
        record.lose("could no longer be heard")
    os.kill(os.getpid(), signal.SIGTERM)


def _check_request(master: Master, run_id: str, host: str | None, times_key: str) -> CheckRequest:
    options = options_of(master.environment)
    return CheckRequest(
        question=uuid.uuid4().hex,
        run_id=run_id,
        host=host,
        tags=options.tags,
        exclude_tags=options.exclude_tags,
        stand_in=options.stand_in,
        run_time=options.run_time,
        times_key=times_key,
    )
