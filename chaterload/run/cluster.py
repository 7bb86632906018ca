"""What master and workers tell each other, besides Locust's own messages.

chater_check      master asks each worker whether host and token work from there    -> chater_checked
chater_lease      worker asks for an account for one more user                      -> chater_leased
chater_release    worker gives it back
chater_shared     master tells that an account has another user elsewhere
chater_dish       worker is about to make a dish: if it is killed, the master lists it
chater_finish     master asks each worker to end its users and send its last counts -> chater_finished
chater_hurry      master asks each worker to end its users at once
"""

import logging
import time
import uuid
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Set
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from chaterload import __version__
from chaterload.chater.accounts import Account
from chaterload.chater.leases import LeaseBook
from chaterload.chater.settings import Settings
from chaterload.exits import Exit, Refused
from chaterload.run.node import Role, check_accounts, options_of, prepare_users

logger = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
"""A worker that has only just connected does not know our messages yet, and drops them."""

CHECK_TIMEOUT_S = 45.0
"""Longer than three preflight requests that time out."""

LEASE_TIMEOUT_S = 30.0
FINISH_MARGIN_S = 5.0
MASTER_SILENT_S = 10.0
"""A master beats once a second; after this long without a beat it is taken for dead."""

FROZEN_S = 3.0
"""After this long without running, Locust's master has given this worker up (3 heartbeats)."""

# What a worker's check needs of the master's options; nothing secret is among a master's options.
_CHECK_OPTIONS = ("tags", "exclude_tags", "stand_in", "run_time")


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
        question = {"host": host, "allowed": list(self.allowed), **{name: options.get(name) for name in _CHECK_OPTIONS}}
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


class RemoteLeases:
    """Accounts that the master hands out."""

    def __init__(self, runner: WorkerRunner, accounts: list[Account]) -> None:
        self._runner = runner
        self._accounts = accounts
        self._numbers = {account.email: number for number, account in enumerate(accounts)}
        self._waiting: dict[int, AsyncResult] = {}
        self._requests = 0

    def acquire(self) -> Account | None:
        """Ask the master for an account, and wait for its answer."""
        self._requests += 1
        request, answer = self._requests, AsyncResult()
        self._waiting[request] = answer
        self._runner.send_message("chater_lease", {"request": request})
        try:
            leased: dict[str, Any] = answer.get(timeout=LEASE_TIMEOUT_S)
        except gevent.Timeout:
            logger.error("The master handed out no account within %.0f s.", LEASE_TIMEOUT_S)
            return None
        finally:
            del self._waiting[request]
        if leased["number"] is None:
            return None
        account: Account = self._accounts[leased["number"]]
        account.shared = leased["shared"]
        return account

    def release(self, account: Account) -> None:
        self._runner.send_message("chater_release", {"number": self._numbers[account.email]})

    def on_leased(self, data: dict[str, Any]) -> None:
        waiting = self._waiting.get(data["request"])
        if waiting is None:  # the user was stopped while it waited
            if data["number"] is not None:
                self._runner.send_message("chater_release", {"number": data["number"]})
        else:
            waiting.set(data)

    def on_shared(self, number: int) -> None:
        self._accounts[number].shared = True

    def doubt(self) -> None:
        """Others may have been given our accounts while this process did not run."""
        for account in self._accounts:
            account.shared = True


class Worker(Role):
    """A worker's side."""

    def __init__(
        self, environment: Environment, runner: WorkerRunner, settings: Settings, allowed: tuple[str, ...]
    ) -> None:
        super().__init__(environment, settings, allowed)
        self.runner = runner
        self._leases: RemoteLeases | None = None
        self._beat = time.monotonic()
        self._asked: dict[str, str] = {}
        """The id of each kind's last question."""
        runner.register_message("chater_check", self._on_check, concurrent=True)
        runner.register_message("chater_leased", self._on_leased)
        runner.register_message("chater_shared", self._on_shared)
        runner.register_message("chater_finish", self._on_finish, concurrent=True)
        runner.register_message("chater_hurry", lambda **_: self.hurry())
        environment.events.report_to_master.add_listener(self._on_report)
        environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        runner.greenlet.spawn(self._watch)

    def prepare(self, options: Namespace, host: str | None, allowed: tuple[str, ...] = ()) -> list[str]:
        """Try out what users here will need. The problems, none when all is well."""
        try:
            self.shared = prepare_users(
                self.environment,
                self.settings,
                options,
                self._make_leases,
                host=host,
                allowed=(*self.allowed, *allowed),
                slot=self.runner.worker_index,
            )
        except Refused as refused:
            self.shared = None
            return list(refused.problems)
        self.shared.announce = lambda email, time: self.runner.send_message("chater_dish", {"dish": [email, time]})
        return []

    def _make_leases(self, accounts: list[Account]) -> RemoteLeases:
        self._leases = RemoteLeases(self.runner, accounts)
        return self._leases

    def start(self) -> None:
        """A run begins here. A worker that joined too late to be asked is tried out now, and leaves if it must."""
        if self.shared is None:
            problems = self.prepare(options_of(self.environment), self.environment.host)
            if problems:
                self.leave(problems)
        super().start()

    def leave(self, problems: list[str]) -> None:
        """Tell why this worker cannot take part, and end it."""
        for problem in problems:
            logger.error(problem)
        self.environment.process_exit_code = Exit.NEVER_STARTED
        self.runner.send_message("quit")
        self.runner.quit()

    def finish(self) -> None:
        """End the users, and send what they did, whole."""
        self.runner.stop()
        data: dict[str, Any] = {}
        self.environment.events.report_to_master.fire(client_id=self.runner.client_id, data=data)
        self.runner.send_message("stats", data)

    def _is_new(self, msg: Any) -> bool:
        """Whether a question is not merely asked again: the answer is on its way."""
        if self._asked.get(msg.type) == msg.data["id"]:
            return False
        self._asked[msg.type] = msg.data["id"]
        return True

    def _on_check(self, environment: Environment, msg: Any) -> None:
        if not self._is_new(msg):
            return
        options = Namespace(**{**vars(environment.parsed_options), **{k: msg.data[k] for k in _CHECK_OPTIONS}})
        problems = self.prepare(options, msg.data["host"], tuple(msg.data["allowed"]))
        answer = {
            "problems": problems,
            "version": __version__,
            "fingerprint": self.settings.fingerprint(),
            "accounts": len(self.shared.accounts) if self.shared else 0,
            "strict": self.settings.accounts_strict,
        }
        self.runner.send_message("chater_checked", answer)

    def _on_leased(self, environment: Environment, msg: Any) -> None:
        if self._leases:
            self._leases.on_leased(msg.data)

    def _on_shared(self, environment: Environment, msg: Any) -> None:
        if self._leases:
            self._leases.on_shared(msg.data["number"])

    def _on_finish(self, environment: Environment, msg: Any) -> None:
        if not self._is_new(msg):
            return
        self.finish()
        self.runner.send_message("chater_finished")

    def _on_report(self, client_id: str, data: dict[str, Any]) -> None:
        data["chater"] = self.report()

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
                if self._leases:
                    self._leases.doubt()
            last = now
            if now - self._beat > MASTER_SILENT_S:
                logger.error("The master has been silent for %.0f s: ending the users here.", MASTER_SILENT_S)
                self.environment.process_exit_code = Exit.INVALID
                gevent.spawn(self.runner.quit)
                return
