"""What a run in one process has of its own: its accounts, and how busy it is."""

from chaterload.chater.accounts import Account
from chaterload.chater.leases import AccountPool
from chaterload.internals import CPU_MONITOR_INTERVAL, CPU_WARNING_THRESHOLD

LOCAL = "local"


class LocalLeases:
    """Accounts of a run in one process."""

    def __init__(self, accounts: list[Account], *, strict: bool) -> None:
        self._accounts = accounts
        self._book = AccountPool(len(accounts), strict=strict) if accounts else None
        self._numbers = {account.email: number for number, account in enumerate(accounts)}

    def acquire(self) -> Account | None:
        number = self._book.acquire(LOCAL) if self._book else None
        if number is None or self._book is None:
            return None
        account = self._accounts[number]
        account.shared = self._book.users(number) > 1
        return account

    def release(self, account: Account) -> None:
        if self._book:
            self._book.release(LOCAL, self._numbers[account.email])


class CpuGauge:
    """For how long the process was busier than a generator may be whose clock is to be trusted."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._streak_s = 0.0
        self.longest_s = 0.0
        """The longest time in a row above CPU_WARNING_THRESHOLD, in seconds."""

    def add(self, percent: float) -> None:
        """One sample of the last CPU_MONITOR_INTERVAL seconds."""
        self._streak_s = self._streak_s + CPU_MONITOR_INTERVAL if percent > CPU_WARNING_THRESHOLD else 0.0
        self.longest_s = max(self.longest_s, self._streak_s)
