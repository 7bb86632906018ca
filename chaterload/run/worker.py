"""A worker's side of a run on several processes."""

import logging
import os
import socket
import time
from argparse import Namespace
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from chaterload import __version__
from chaterload.chater.accounts import Account
from chaterload.chater.hosts import host_to_load
from chaterload.chater.load_context import CURRENT, LoadContext
from chaterload.chater.settings import Settings
from chaterload.chater.user import ProtobufUser
from chaterload.exits import Exit, Refused
from chaterload.internals import greenlet_crashed, kill_users, run_beside, send_statistics, worker_index
from chaterload.run.node import Node, prepare_users
from chaterload.run.protocol import (
    FROZEN_S,
    MASTER_SILENT_S,
    AbortUsers,
    AccountShared,
    Channel,
    CheckAnswer,
    CheckRequest,
    Cleaned,
    CleanupProgress,
    CleanupRequest,
    DishBegun,
    Finished,
    FinishRequest,
    Hello,
    Leased,
    LimitCleanup,
    RateShare,
    SecondTaken,
    StartRun,
)
from chaterload.run.rate_shares import plan_of
from chaterload.run.remote_leases import RemoteLeases
from chaterload.run.remote_seconds import RemoteSeconds

logger = logging.getLogger(__name__)


class Worker(Node):
    """A worker's side. Its users wait until the master has told that the run which was checked here starts."""

    def __init__(
        self, environment: Environment, runner: WorkerRunner, settings: Settings, allowed: tuple[str, ...]
    ) -> None:
        super().__init__(environment, settings, allowed)
        self.runner = runner
        self._leases: RemoteLeases | None = None
        self._seconds: RemoteSeconds | None = None
        self._closed: list[int] = []
        """Dishes that are gone, since the last report."""
        self._is_clean = False
        self._is_orphan = False
        self._is_told = False
        """The run was started by the master, of which Locust's own message may come sooner or later."""
        self._prepared: tuple[str, LoadContext] | None = None
        """The run that was checked last, and what its users share."""
        self._beat = time.monotonic()
        self._asked: dict[str, str] = {}
        """The id of each kind's last question."""
        self._channel = channel = Channel(runner)
        channel.listen(CheckRequest, self._on_check, concurrent=True)
        channel.listen(StartRun, self._on_start)
        channel.listen(Leased, self._on_leased)
        channel.listen(AccountShared, self._on_shared)
        channel.listen(FinishRequest, self._on_finish, concurrent=True)
        channel.listen(CleanupRequest, self._on_cleanup, concurrent=True)
        channel.listen(SecondTaken, self._on_second)
        channel.listen(RateShare, lambda _, message: self.ask_rate(message.rate))
        channel.listen(LimitCleanup, lambda _, message: self.limit_cleanup(message.seconds))
        channel.listen(AbortUsers, lambda *_: self.abort_users())
        environment.events.report_to_master.add_listener(self._on_report)
        environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        environment.events.test_start.add_listener(self._on_test_start)
        run_beside(runner, self._watch)
        channel.send(Hello())

    def _make_leases(self, accounts: list[Account]) -> RemoteLeases:
        self._leases = RemoteLeases(self._channel, accounts)
        return self._leases

    def _make_seconds(self, key: str) -> RemoteSeconds:
        """For all runs under this master: a dish that an earlier one left is nobody else's."""
        if self._seconds is None or self._seconds.key != key:
            self._seconds = RemoteSeconds(self._channel, key)
        return self._seconds

    def _on_check(self, _: str, request: CheckRequest) -> None:
        if not self._is_new(request):
            return
        problems = self._prepare(request)
        shared = self._prepared[1] if self._prepared else None
        answer = CheckAnswer(
            question=request.question,
            process=f"{worker_index(self.runner)} ({socket.gethostname()}, process {os.getpid()})",
            problems=problems,
            version=__version__,
            fingerprint=self.settings.fingerprint(),
            accounts=len(shared.accounts) if shared else 0,
            strict=self.settings.accounts_strict,
        )
        self._channel.send(answer)

    def _prepare(self, request: CheckRequest) -> list[str]:
        """Try out what users here will need. The problems, none when all is well."""
        self._prepared = None
        asked = {name: getattr(request, name) for name in ("tags", "exclude_tags", "stand_in", "run_time")}
        try:
            shared = prepare_users(
                self.environment,
                self.settings,
                Namespace(**{**vars(self.environment.parsed_options), **asked}),
                self._make_leases,
                self._make_seconds(request.times_key),
                host=request.host,
                allowed=self.allowed,
            )
        except Refused as refused:
            return list(refused.problems)
        shared.index.on_open = lambda dish: self._channel.send(DishBegun(dish.email, dish.time_ms))
        shared.index.on_closed = lambda dish: self._closed.append(dish.time_ms)
        self._prepared = request.run_id, shared
        return []

    def _on_start(self, _: str, message: StartRun) -> None:
        if self._prepared is None or self._prepared[0] != message.run_id:
            logger.error("The master starts a run that was not checked here. This worker leaves.")
            self.environment.process_exit_code = Exit.NEVER_STARTED
            gevent.spawn(self.runner.quit)
            return
        self._is_clean = False
        self._is_told = True
        self._begin(self._prepared[1], plan_of(message, worker_index(self.runner)), every_task=message.every_task)
        self._prepared = None

    def _on_test_start(self, **_: Any) -> None:
        """Locust's master has users start here, on a host of its choice."""
        if not self._is_told:  # it was not here when the run was checked, or joins one: the last run's data are no use
            CURRENT.clear()
            self.shared = None
        self._is_told = False
        try:
            if self.environment.host:
                host_to_load(self.environment.host, self.allowed)
        except Refused as refused:
            _refuse(self, refused)

    def finish(self) -> bool:
        """End the users, and send what they did, whole."""
        super().finish()
        self.runner.stop()
        send_statistics(self.runner)
        CURRENT.clear()
        return True

    def clean_up(self) -> None:
        """Remove what the users left, once, and send what is left."""
        if not self._is_clean:
            super().clean_up()
            self.tell_cleanup(0)
        self._is_clean = True
        send_statistics(self.runner)

    def tell_cleanup(self, left: int) -> None:
        """The master says it, for all workers."""
        self._channel.send(CleanupProgress(left))

    def on_quitting(self, **_: Any) -> None:
        """The process ends: whoever ends it waits no longer than is usual, unless the master is dead."""
        if not self._is_orphan:
            self.limit_cleanup(self.settings.cleanup_seconds)
        self.finish()
        self.clean_up()
        if self.environment.process_exit_code is None and greenlet_crashed():
            self.environment.process_exit_code = Exit.ERROR

    def _is_new(self, request: CheckRequest | FinishRequest | CleanupRequest) -> bool:
        """Whether a question is not merely asked again: the answer is on its way."""
        if self._asked.get(request.kind) == request.question:
            return False
        self._asked[request.kind] = request.question
        return True

    def _on_leased(self, _: str, leased: Leased) -> None:
        if self._leases:
            self._leases.on_leased(leased)

    def _on_shared(self, _: str, message: AccountShared) -> None:
        if self._leases:
            self._leases.on_shared(message.number)

    def _on_second(self, _: str, message: SecondTaken) -> None:
        if self._seconds:
            self._seconds.on_taken(message)

    def _on_finish(self, _: str, request: FinishRequest) -> None:
        if self._is_new(request):
            self.finish()
            self._channel.send(Finished(request.question))

    def _on_cleanup(self, _: str, request: CleanupRequest) -> None:
        if self._is_new(request):
            self.clean_up()
            self._channel.send(Cleaned(request.question))

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        closed, self._closed = self._closed, []
        samples = self.shared.samples.take_new() if self.shared else []
        data["chater"] = {**self.report(), "closed": closed, "samples": samples, "gaps": ProtobufUser.gaps.tell()}
        if self._is_clean:
            data["chater"]["leftovers"] = self.leftovers()

    def _on_heartbeat(self, **_: Any) -> None:
        self._beat = time.monotonic()

    def _watch(self) -> None:
        """Notice a dead master, and end the users cleanly."""
        last = time.monotonic()
        while True:
            gevent.sleep(1.0)
            now = time.monotonic()
            if now - last > FROZEN_S:
                self._beat = now  # it was us who stood still
                self.ask_rate(0.0)  # if the master still counts on this worker, it says so again
                if self._leases:
                    self._leases.mark_all_shared()
            last = now
            if now - self._beat > MASTER_SILENT_S:
                logger.error("The master has been silent for %.0f s: ending the users here.", MASTER_SILENT_S)
                self.environment.process_exit_code = Exit.INVALID
                self._is_orphan = True
                gevent.spawn(self.runner.quit)
                return


def _refuse(worker: Worker, refused: Refused) -> None:
    for problem in refused.problems:
        logger.error("The master starts a run that may not go on here. This worker leaves. %s", problem)
    kill_users(worker.runner)
    worker.environment.process_exit_code = Exit.NEVER_STARTED
    gevent.spawn(worker.runner.quit)
    raise gevent.GreenletExit
