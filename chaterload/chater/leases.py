"""Which account is whose: a book kept in one place, by the master of a distributed run. Pure."""

import heapq
from collections import Counter, defaultdict


class AccountPool:
    """Hands out account numbers, those with the fewest users first. Holders are workers' ids.

    With `strict`, an account is never handed out twice at once.
    """

    def __init__(self, accounts: int, *, strict: bool = False) -> None:
        self.accounts = accounts
        self.strict = strict
        self._users = [0] * accounts
        self._heap = [(0, 0, number) for number in range(accounts)]
        self._turn = 0
        self._turn_of = [0] * accounts
        self._held: dict[str, Counter[int]] = defaultdict(Counter)

    def acquire(self, holder: str) -> int | None:
        """The number of an account for one more simulated user of `holder`; None when none is left."""
        users, turn, number = self._heap[0]
        while turn != self._turn_of[number]:  # superseded by a later entry
            heapq.heappop(self._heap)
            users, turn, number = self._heap[0]
        if users and self.strict:
            return None
        self._set(number, users + 1)
        self._held[holder][number] += 1
        return number

    def release(self, holder: str, number: int) -> None:
        """One simulated user of `holder` no longer uses the account. What was not held is ignored."""
        if self._held[holder][number] > 0:
            self._held[holder][number] -= 1
            self._set(number, self._users[number] - 1)

    def drop(self, holder: str) -> None:
        """`holder` is gone, and its users with it."""
        for number in list(self._held.pop(holder, Counter()).elements()):
            self._set(number, self._users[number] - 1)

    def users(self, number: int) -> int:
        return self._users[number]

    def holders(self, number: int) -> list[str]:
        return [holder for holder, held in self._held.items() if held[number] > 0]

    def _set(self, number: int, users: int) -> None:
        """Note the account's users; among equals, the one that has been free longest comes first."""
        self._users[number] = users
        self._turn += 1
        self._turn_of[number] = self._turn
        heapq.heappush(self._heap, (users, self._turn, number))
