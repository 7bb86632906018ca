"""What a master hands out to its workers, each thing once: accounts, and seconds of the day for the times of dishes."""

from chaterload.chater.leases import AccountPool
from chaterload.chater.times import SecondsOfDay
from chaterload.run.protocol import (
    AccountShared,
    Channel,
    Leased,
    LeaseRelease,
    LeaseRequest,
    SecondRequest,
    SecondTaken,
)


class Handouts:
    """Answers the workers' requests."""

    def __init__(self, channel: Channel) -> None:
        self.seconds = SecondsOfDay()
        """For all runs under this master: a dish that an earlier one left is nobody else's."""
        self.book: AccountPool | None = None
        """Of the run that was checked last; None where it needs no account."""
        self._channel = channel
        channel.listen(LeaseRequest, self._on_lease)
        channel.listen(LeaseRelease, self._on_release)
        channel.listen(SecondRequest, self._on_second)

    def drop(self, worker: str) -> None:
        """The worker is gone, and its users with it."""
        if self.book:
            self.book.drop(worker)

    def _on_lease(self, worker: str, message: LeaseRequest) -> None:
        number = self.book.acquire(worker) if self.book else None
        shared = False
        if self.book and number is not None:
            users = self.book.users(number)
            shared = users > 1
            if users == 2:  # the first user learns it now, later ones with their lease
                for holder in self.book.holders(number):
                    self._channel.send(AccountShared(number), holder)
        self._channel.send(Leased(message.request, number, shared), worker)

    def _on_release(self, worker: str, message: LeaseRelease) -> None:
        if self.book:
            self.book.release(worker, message.number)

    def _on_second(self, worker: str, message: SecondRequest) -> None:
        self._channel.send(SecondTaken(message.request, self.seconds.take(message.day)), worker)
