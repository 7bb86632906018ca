"""The search for the highest arrival rate that a server sustains, as a Locust load shape."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chaterload.judge.capacity import Capacity, by_rate, step_of
from chaterload.judge.history import Step
from chaterload.judge.measure import Snapshot
from chaterload.judge.objectives import Objective
from chaterload.load.backlog import keeps_growing
from chaterload.load.shapes import CapacityShape, Tick
from chaterload.load.strategies import SearchLimits

GROWS = "all requests: those in flight keep growing"

DRAIN_S = 60.0
"""A queue that is not empty by then may never be: the search goes on all the same."""


class RateCapacityShape(CapacityShape):
    """The highest rate of arrivals that meets every objective: up in steps of requests per second, back, and on.

    Arrivals do not wait for answers, so that a step above the capacity leaves a queue behind. Until that is empty,
    nothing is asked for: the next step would be judged by it.
    """

    abstract = True
    by_rate = True

    def __init__(
        self,
        limits: SearchLimits,
        objectives: Sequence[Objective],
        measure: Callable[[], Snapshot],
        cpu_percent: Callable[[], float],
        in_flight: Callable[[], int],
    ) -> None:
        """In what `measure` gives, requests without an answer yet count as slow as they are old.

        `in_flight` is how many requests wait for an answer, and arrivals for a user.
        """
        self._in_flight = in_flight
        super().__init__(limits, objectives, measure, cpu_percent)

    def _begin(self) -> None:
        self._overrun: set[int] = set()
        """The steps whose requests in flight kept growing."""
        self._drained_at: float | None = None
        """By when the queue of the step before has to be empty; None when there is none."""
        super()._begin()

    def _start_step(self) -> None:
        super()._start_step()
        self._flying: list[float] = []

    def tick(self) -> Tick:
        """One user for Locust, while this asks for the rate of the moment; None when the search is over."""
        now = self.now()
        if self._drained_at is not None and now < min(self._drained_at, self.limits.seconds) and self._in_flight():
            return self.ask_for(0.0)
        self._drained_at = None
        rate = self._level(now)
        if rate is None:
            return None
        return self.ask_for(0.0 if self._drained_at is not None else float(rate))

    def _is_there(self, users: int) -> bool:
        return self.rate == users

    def _finished_step(self, now: float, users: int) -> Step | None:
        step = super()._finished_step(now, users)
        if self._marks and step is None:
            self._flying.append(self._in_flight())
            if keeps_growing(self._flying, users):
                self._overrun.add(users)
                return step_of(users, [*self._marks, replace(self._measure(), seconds=now)])
        return step

    def _judge(self, step: Step) -> int | None:
        following = super()._judge(step)
        if self._broken(step):
            self._drained_at = self.now() + DRAIN_S
        return following

    def _broken(self, step: Step) -> tuple[str, ...]:
        return super()._broken(step) or ((GROWS,) if step.users in self._overrun else ())

    def found(self) -> Capacity:
        """The search's result, as far as it went."""
        failing = next((step for step in self.steps if step.users == self.search.lowest_failing), None)
        return by_rate(super().found(), self.best(), failing)
