"""When the next task begins in a run by rate, whatever became of the ones before: the process of arrivals. Pure."""

import math
from collections.abc import Hashable
from random import Random
from typing import Literal, NamedTuple

Kind = Literal["poisson", "even"]
KINDS: tuple[Kind, ...] = ("poisson", "even")

HORIZON_S = 2.0
"""Over which a surplus or a lack of requests is made up for. Shorter would shape the gaps, longer would let chance add
up: with flows of seven requests in the mix, the sum over a minute at 15 req/s is within 2 % of what is asked."""

MOST_CORRECTION = 0.7
"""By no larger share is the rate of tasks corrected."""

FORGOTTEN_S = 10.0
"""What is too much or missing beyond so many seconds' requests is forgotten: an early slip is not made up for later."""

FIRST_GUESS_WEIGHT = 3
"""So many tasks is the guess worth how many requests a task makes."""

MEMORY = 50
"""Tasks of a kind over which the mean of their requests is taken; what fails from now on changes it within seconds."""

FEWEST = 0.25
"""Requests of a task in the mean, at least: where none is made at all, more tasks would not bring any."""


class TaskCosts:
    """How many requests a task makes, as far as it was seen: a flow that fails half-way makes fewer."""

    def __init__(self, guess: float = 1.0) -> None:
        """`guess` is the mean over the mix, until tasks are picked."""
        self._means: dict[Hashable, float] = {}
        self._ended: dict[Hashable, int] = {}
        self._picked: dict[Hashable, int] = {}
        self._weight = float(FIRST_GUESS_WEIGHT)
        self._sum = guess * FIRST_GUESS_WEIGHT
        """Of the means of all tasks that were picked, each as often as it was."""

    @property
    def mean(self) -> float:
        """Requests of the next task, of which it is not known what it will be."""
        return max(FEWEST, self._sum / self._weight)

    def pick(self, task: Hashable, guess: float) -> float:
        """A task begins: how many requests it is expected to make, by a guess where it was never seen to end."""
        expected = self._means.setdefault(task, guess)
        self._picked[task] = self._picked.get(task, 0) + 1
        self._weight += 1
        self._sum += expected
        return expected

    def end(self, task: Hashable, requests: int) -> None:
        """A task that was picked has ended, after so many requests."""
        ended = self._ended[task] = self._ended.get(task, 0) + 1
        change = (requests - self._means[task]) / min(ended + FIRST_GUESS_WEIGHT, MEMORY)
        self._means[task] += change
        self._sum += change * self._picked[task]


class Arrival(NamedTuple):
    """A task that is to begin."""

    due: float
    """When; in seconds, of the clock that the process is told."""
    requests: float
    """How many it is expected to make."""


class ArrivalProcess:
    """The times at which tasks begin, so that they make as many requests per second as are asked for.

    The time to the next arrival is drawn when one has come, and no answer changes it. Only the mean of the gaps is
    corrected, by the requests that tasks turn out to make: never by how long they take.
    """

    def __init__(self, kind: Kind, random: Random, costs: TaskCosts, now: float) -> None:
        """`now` is in seconds, of the clock that all times here are of."""
        self._even = kind == "even"
        self._random = random
        self.costs = costs
        self.rate = 0.0
        """Requests per second that are asked for."""
        self._asked = 0.0
        """Requests that were asked for until `_last`."""
        self._begun = 0.0
        """Requests that the tasks made which have begun, or will make as far as is known."""
        self._last = now
        self._tasks_per_second = 0.0
        self._left = self._random.random() if self._even else self._random.expovariate(1.0)
        """Of the gap that goes on, in mean gaps."""

    @property
    def next(self) -> float:
        """When the next arrival is due; infinite while nothing is asked for."""
        return self._last + self._left / self._tasks_per_second if self._tasks_per_second else math.inf

    @property
    def tasks_per_second(self) -> float:
        """The rate of tasks that the asked requests take at this moment."""
        return self.rate / self.costs.mean

    def asked_until(self, now: float) -> float:
        """How many requests were asked for until `now`."""
        return self._asked + self.rate * max(0.0, now - self._last)

    def ask(self, now: float, rate: float) -> None:
        """From `now` on, ask for `rate` requests per second: what is left of the gap gets shorter or longer."""
        self._left = max(0.0, self._left - self._tasks_per_second * max(0.0, now - self._last))
        self._pass(max(now, self._last))
        self.rate = rate
        self._tasks_per_second = self._corrected()

    def arrive(self) -> Arrival:
        """The arrival that was next has come. The one after it is drawn."""
        arrival = Arrival(self.next, self.costs.mean)
        self._pass(arrival.due)
        self._begun += arrival.requests
        self._left = 1.0 if self._even else self._random.expovariate(1.0)
        self._tasks_per_second = self._corrected()
        return arrival

    def begin(self, arrival: Arrival, task: Hashable, guess: float) -> Arrival:
        """It is known which task the arrival is: the same, with what is now expected; by `guess` of a new task."""
        expected = self.costs.pick(task, guess)
        self._begun += expected - arrival.requests
        return Arrival(arrival.due, expected)

    def end(self, arrival: Arrival, task: Hashable, requests: int) -> None:
        """The task has ended, after so many requests."""
        self.costs.end(task, requests)
        self._begun += requests - arrival.requests

    def _pass(self, until: float) -> None:
        self._asked, self._last = self.asked_until(until), until

    def _corrected(self) -> float:
        """The rate of tasks that makes up, within HORIZON_S, for what is missing or too much."""
        if not self.rate:
            return 0.0
        missing = self._asked - self._begun
        kept = _within(missing, self.rate * FORGOTTEN_S)
        self._begun += missing - kept
        return self.tasks_per_second * (1 + _within(kept / (self.rate * HORIZON_S), MOST_CORRECTION))


def _within(value: float, bound: float) -> float:
    return max(-bound, min(bound, value))
