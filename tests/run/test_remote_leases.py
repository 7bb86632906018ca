"""Accounts that a master hands a worker, without a master."""

from typing import cast

import gevent

from chaterload.chater.accounts import Account
from chaterload.run.protocol import Channel, Leased, LeaseRelease, LeaseRequest
from chaterload.run.remote_leases import RemoteLeases


class Someone:
    """What RemoteLeases needs of an account."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.shared = False


class Master:
    """Hands out accounts in order, one user each."""

    def __init__(self) -> None:
        self.leases: RemoteLeases | None = None
        self.released: list[int] = []
        self._next = 0

    def send(self, message: object, node: str | None = None) -> None:
        assert self.leases
        match message:
            case LeaseRequest(request):
                gevent.spawn(self.leases.on_leased, Leased(request, self._next, False))
                self._next += 1
            case LeaseRelease(number):
                self.released.append(number)


def leases(accounts: list[Account]) -> tuple[RemoteLeases, Master]:
    master = Master()
    master.leases = RemoteLeases(cast(Channel, master), accounts)
    return master.leases, master


def test_a_pause_before_the_first_user_puts_nothing_in_doubt() -> None:
    """A process that stood still before it had users lost no account to others: their weights are looked for."""
    accounts = [cast(Account, Someone(email)) for email in "ab"]
    remote, _ = leases(accounts)
    remote.mark_all_shared()
    assert remote.acquire() is accounts[0]
    assert not accounts[0].shared


def test_a_pause_puts_the_accounts_in_use_in_doubt() -> None:
    """Of a process that stood still, the accounts that its users had may be others' too, and no more than these."""
    accounts = [cast(Account, Someone(email)) for email in "abc"]
    remote, master = leases(accounts)
    first, second = remote.acquire(), remote.acquire()
    assert (first, second) == (accounts[0], accounts[1])
    remote.release(accounts[0])
    remote.mark_all_shared()
    assert [account.shared for account in accounts] == [False, True, False]
    assert master.released == [0]
