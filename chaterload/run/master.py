"""The master's side of a run on several processes."""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Set
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from chaterload import __version__
from chaterload.chater.leases import LeaseBook
from chaterload.chater.settings import Settings
from chaterload.exits import Refused
from chaterload.run.node import Role, check_accounts
from chaterload.run.protocol import ASK_AGAIN_S, CHECK_OPTIONS, CHECK_TIMEOUT_S, FINISH_MARGIN_S


class Master(Role):
    """The master's side."""

    def __init__(
        self, environment: Environment, runner: MasterRunner, settings: Settings, allowed: tuple[str, ...]
    ) -> None:
        super().__init__(environment, settings, allowed)
        self.runner = runner
        self._reports: dict[str, dict[str, Any]] = {}
        self._dishes: dict[str, list[list[Any]]] = defaultdict(list)
        """What each worker began since its last report, as (e-mail, time)."""
        self._lost: dict[str, str] = {}
        self._answers: dict[str, dict[str, Any]] = {}
        self._finished: set[str] = set()
        self._running: set[str] = set()
        self._resting: set[str] = set()
        """Workers of the last run: Locust lists them again only some seconds after it."""
        self._book: LeaseBook | None = None
        self._finishing = False
        runner.register_message("chater_checked", self._on_checked)
        runner.register_message("chater_lease", self._on_lease)
        runner.register_message("chater_release", self._on_release)
        runner.register_message("chater_dish", self._on_dish)
        runner.register_message("chater_finished", self._on_finished)
        environment.events.worker_report.add_listener(self._on_report)
        runner.greenlet.spawn(self._watch)

    def _workers(self) -> set[str]:
        return {client.id for client in self.runner.clients.all if client.state != STATE_MISSING}

    def _wait(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Wait until `done`; False when that takes more than `seconds`."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            gevent.sleep(0.02)
        return True

    def _ask(self, kind: str, data: dict[str, Any], workers: set[str], answered: Set[str], seconds: float) -> bool:
        """Ask until all of `workers` that are still there are in `answered`, which grows meanwhile.

        False when that takes more than `seconds`.
        """

        def silent() -> set[str]:
            return (workers & self._workers()) - answered

        question, deadline = {**data, "id": uuid.uuid4().hex}, time.monotonic() + seconds
        while silent():
            if time.monotonic() > deadline:
                return False
            for worker in silent():
                self.runner.send_message(kind, question, client_id=worker)
            self._wait(ASK_AGAIN_S, lambda: not silent())
        return True

    def reports(self) -> list[dict[str, Any]]:
        """What each process did; of a lost worker what it told last, of whose dishes nothing is certain since."""
        lost = [{**self._reports.get(worker, {}), "leftovers": self._left_by(worker)} for worker in self._lost]
        return [self.report(), *(r for worker, r in self._reports.items() if worker not in self._lost), *lost]

    def _left_by(self, worker: str) -> list[list[Any]]:
        """What a lost worker may have left: what it told last, and what it began since."""
        told = [entry[:2] for entry in self._reports.get(worker, {}).get("leftovers", ())]
        return [[*entry, False] for entry in (*told, *self._dishes[worker])]

    def lost(self) -> list[str]:
        return [f"worker {worker} {why}" for worker, why in self._lost.items()]

    def check(self, users: int, host: str | None) -> None:
        self._wait(self.environment.stop_timeout + FINISH_MARGIN_S, lambda: self._workers() >= self._resting)
        asked = self._workers()
        if not asked:
            raise Refused("No worker is connected. Start one with --worker --master-host.")
        self._answers = {}
        options = vars(self.environment.parsed_options)
        question = {"host": host, "allowed": list(self.allowed), **{name: options.get(name) for name in CHECK_OPTIONS}}
        if not self._ask("chater_check", question, asked, self._answers.keys(), CHECK_TIMEOUT_S):
            raise Refused(f"A worker did not answer within {CHECK_TIMEOUT_S:.0f} s whether host and token work.")
        problems = dict.fromkeys(p for answer in self._answers.values() for p in answer["problems"])
        if problems:
            raise Refused(*problems)
        self._compare(users)

    def _compare(self, users: int) -> None:
        answers = self._answers.values()
        versions = {__version__, *(answer["version"] for answer in answers)}
        if len(versions) > 1:
            raise Refused(f"Master and workers run different versions of this project: {', '.join(sorted(versions))}.")
        if len({answer["fingerprint"] for answer in answers}) > 1:
            raise Refused("The workers' TEST_* settings differ from each other. Expected the same on every worker.")
        accounts = min((answer["accounts"] for answer in answers), default=0)
        strict = any(answer["strict"] for answer in answers)
        check_accounts(users, accounts, strict=strict)
        self._book = LeaseBook(accounts, strict=strict) if accounts else None

    def start(self) -> None:
        super().start()
        self._reports.clear()
        self._dishes.clear()
        self._lost.clear()
        self._finished.clear()
        self._running = self._workers()

    def finish(self) -> None:
        """Have the workers end their users, and wait for their last counts."""
        if self._finishing:
            return
        self._finishing = True
        self._note_lost()
        try:
            self._finished.clear()
            workers = self._workers()
            patience = self.environment.stop_timeout + self.settings.cleanup_seconds + FINISH_MARGIN_S
            if not self._ask("chater_finish", {}, workers, self._finished, patience):
                for worker in workers - self._finished:
                    self._lost[worker] = "did not send its last counts"
        finally:
            self._finishing = False
            self._resting = self._finished & workers
            self._running = set()

    def hurry(self) -> None:
        """End the users of every worker at once."""
        for worker in self._workers():
            self.runner.send_message("chater_hurry", client_id=worker)

    def dismiss(self) -> None:
        """Tell every worker to quit, also those that Locust does not list while they rest after a run."""
        for worker in self.runner.worker_indexes:
            self.runner.send_message("quit", client_id=worker)

    def _watch(self) -> None:
        """Notice workers that go missing during the run, and free their accounts."""
        while True:
            gevent.sleep(0.5)
            self._note_lost()

    def _note_lost(self) -> None:
        workers = self._workers()
        for worker in self._running - workers:
            self._lost.setdefault(worker, "was lost during the run")
            if self._book:
                self._book.drop(worker)
        if self._running:
            self._running = workers

    def _on_checked(self, environment: Environment, msg: Any) -> None:
        self._answers[msg.node_id] = msg.data

    def _on_finished(self, environment: Environment, msg: Any) -> None:
        self._finished.add(msg.node_id)

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        if "chater" in data:
            self._reports[client_id] = data["chater"]
            self._dishes[client_id].clear()  # what of it is still open is in the report

    def _on_dish(self, environment: Environment, msg: Any) -> None:
        self._dishes[msg.node_id].append(msg.data["dish"])

    def _on_lease(self, environment: Environment, msg: Any) -> None:
        number = self._book.acquire(msg.node_id) if self._book else None
        shared = self._book is not None and number is not None and self._book.users(number) > 1
        if shared and self._book is not None and number is not None:
            for holder in self._book.holders(number):
                self.runner.send_message("chater_shared", {"number": number}, client_id=holder)
        answer = {"request": msg.data["request"], "number": number, "shared": shared}
        self.runner.send_message("chater_leased", answer, client_id=msg.node_id)

    def _on_release(self, environment: Environment, msg: Any) -> None:
        if self._book:
            self._book.release(msg.node_id, msg.data["number"])
