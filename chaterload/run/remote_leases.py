"""Accounts that a worker's users are handed by the master."""

import logging
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.runners import WorkerRunner

from chaterload.chater.accounts import Account
from chaterload.run.protocol import LEASE_TIMEOUT_S

logger = logging.getLogger(__name__)


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
