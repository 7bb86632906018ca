"""Accounts that a worker's users are handed by the master."""

import logging
from collections import Counter

import gevent
from gevent.event import AsyncResult

from chaterload.chater.accounts import Account
from chaterload.run.protocol import LEASE_TIMEOUT_S, Channel, Leased, LeaseRelease, LeaseRequest

logger = logging.getLogger(__name__)


class RemoteLeases:
    """Accounts that the master hands out."""

    def __init__(self, channel: Channel, accounts: list[Account]) -> None:
        self._channel = channel
        self._accounts = accounts
        self._numbers = {account.email: number for number, account in enumerate(accounts)}
        self._held: Counter[int] = Counter()
        """How many users here have each account."""
        self._waiting: dict[int, AsyncResult] = {}
        self._requests = 0

    def acquire(self) -> Account | None:
        """Ask the master for an account, and wait for its answer."""
        self._requests += 1
        request, answer = self._requests, AsyncResult()
        self._waiting[request] = answer
        leased: Leased | None = None
        try:
            self._channel.send(LeaseRequest(request))
            leased = answer.get(timeout=LEASE_TIMEOUT_S)
        except gevent.Timeout:
            logger.error("The master handed out no account within %.0f s.", LEASE_TIMEOUT_S)
        finally:
            del self._waiting[request]
            if leased is None and answer.ready():  # the user was killed in the very turn in which the answer came
                self._give_back(answer.value)
        if leased is None or leased.number is None:
            return None
        self._held[leased.number] += 1
        account = self._accounts[leased.number]
        account.shared = leased.shared
        return account

    def release(self, account: Account) -> None:
        number = self._numbers[account.email]
        self._held[number] -= 1
        self._channel.send(LeaseRelease(number))

    def on_leased(self, leased: Leased) -> None:
        """The master's answer; an account for a user that no longer waits goes back."""
        waiting = self._waiting.get(leased.request)
        if waiting is None:
            self._give_back(leased)
        else:
            waiting.set(leased)

    def _give_back(self, leased: Leased) -> None:
        if leased.number is not None:
            self._channel.send(LeaseRelease(leased.number))

    def on_shared(self, number: int) -> None:
        self._accounts[number].shared = True

    def mark_all_shared(self) -> None:
        """Others may have been given the accounts of our users while this process did not run."""
        for number in +self._held:
            self._accounts[number].shared = True
