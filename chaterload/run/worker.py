"""A worker's side of a run on several processes."""

import logging
import time
from argparse import Namespace
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import WorkerRunner

from chaterload import __version__
from chaterload.chater.accounts import Account
from chaterload.chater.settings import Settings
from chaterload.exits import Exit, Refused
from chaterload.run.node import Role, options_of, prepare_users
from chaterload.run.protocol import CHECK_OPTIONS, FROZEN_S, MASTER_SILENT_S
from chaterload.run.remote_leases import RemoteLeases

logger = logging.getLogger(__name__)


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
        options = Namespace(**{**vars(environment.parsed_options), **{k: msg.data[k] for k in CHECK_OPTIONS}})
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
