"""What master and workers tell each other of a run by rate: how tasks arrive, and each worker's share."""

from collections.abc import Callable, Collection

from chaterload.load.arrivals import KINDS
from chaterload.load.rates import ArrivalPlan, shares
from chaterload.run.lifecycle import Prepared
from chaterload.run.protocol import Channel, RateShare, StartRun


def start_message(prepared: Prepared, *, every_task: bool) -> StartRun:
    """What tells a worker that the run starts, and how its tasks arrive."""
    if (plan := prepared.plan) is None:
        return StartRun(prepared.run_id, every_task)
    return StartRun(prepared.run_id, every_task, plan.kind, plan.seed, plan.most_users)


def plan_of(start: StartRun, process: int) -> ArrivalPlan | None:
    """What a worker, the process of this number, reads of it."""
    kind = next((kind for kind in KINDS if kind == start.arrivals), None)
    return ArrivalPlan(kind, start.seed, start.most_users, process) if kind else None


class RateShares:
    """Shares the rate out among the workers that are there."""

    def __init__(self, channel: Channel, running: Callable[[], Collection[str]]) -> None:
        """`running` gives the ids of the workers that take part at that moment."""
        self._channel, self._running = channel, running
        self._rate: float | None = None

    def ask(self, rate: float | None) -> None:
        """So many requests per second from now on; None when the run has ended, or is none by rate."""
        self._rate = rate
        self.send()

    def send(self) -> None:
        """Tell each worker its share, also when it is the same: one that has joined just now has none."""
        if self._rate is not None:
            for worker, share in shares(self._rate, self._running()).items():
                self._channel.send(RateShare(share), worker)
