"""Simulated servers and the histories of runs on them, for tests of what the analysis finds and of what it makes up."""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaterload.judge.history import INTERVAL_S, Generator, History
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot, round_to_3_significant

ENDPOINTS = tuple(Endpoint("POST", f"/{name}") for name in ("photo", "today", "modify", "weight", "delete", "feedback"))
BASE_S = dict(zip(ENDPOINTS, (0.4, 0.05, 0.1, 0.02, 0.1, 0.05), strict=True))


@dataclass
class Server:
    """`workers` that serve one queue in the order of arrival; without a number every request has its own."""

    workers: int | None = None
    mean_s: dict[Endpoint, float] = field(default_factory=lambda: dict(BASE_S))
    scatter: float = 0.4
    """Of the logarithm of the service time; 0 for a deterministic one."""
    failures: float = 0.005
    slower_by: Callable[[float], float] = lambda at: 1.0
    """The factor of all service times at a moment."""


def simulate(seed: int, stages: Sequence[tuple[int, float]], server: Server, *, think_s: float = 1.0) -> History:
    """A run of (users, seconds) stages; users think for half to one and a half times `think_s`, as ours do."""
    rng = random.Random(seed)
    endpoints = list(server.mean_s)
    free = [0.0] * (server.workers or 0)
    begin, answers, waiting, there = 0.0, list[tuple[float, Endpoint, int, bool]](), list[tuple[float, int]](), 0
    for users, seconds in stages:
        for user in range(there, users):
            heapq.heappush(waiting, (begin + rng.random(), user))
        there, begin = users, begin + seconds
        while waiting and waiting[0][0] < begin:
            at, user = heapq.heappop(waiting)
            if user >= there:
                continue
            endpoint = endpoints[int(rng.random() * len(endpoints))]
            service = server.mean_s[endpoint] * server.slower_by(at)
            if server.scatter:
                service *= rng.lognormvariate(-(server.scatter**2) / 2, server.scatter)
            done = max(at, heapq.heappop(free)) + service if free else at + service
            if free or server.workers:
                heapq.heappush(free, done)
            answers.append((done, endpoint, round_to_3_significant((done - at) * 1000), rng.random() < server.failures))
            heapq.heappush(waiting, (done + think_s * (0.5 + rng.random()), user))
    return _history(sorted(answers, key=lambda answer: answer[0]), stages)


def _history(answers: Sequence[tuple[float, Endpoint, int, bool]], stages: Sequence[tuple[int, float]]) -> History:
    history, position, end = History(), 0, sum(seconds for _, seconds in stages)
    times: dict[Endpoint, Counter[int]] = {}
    failures: Counter[Endpoint] = Counter()
    borders = [sum(seconds for _, seconds in stages[: number + 1]) for number in range(len(stages))]
    for number in range(1, int(end / INTERVAL_S) + 1):
        now = number * INTERVAL_S
        while position < len(answers) and answers[position][0] <= now:
            _, endpoint, ms, failed = answers[position]
            times.setdefault(endpoint, Counter())[ms] += 1
            failures[endpoint] += failed
            position += 1
        counts = {endpoint: EndpointStats(c.total(), failures[endpoint], dict(c)) for endpoint, c in times.items()}
        users = next(users for (users, _), border in zip(stages, borders, strict=True) if now <= border)
        history.add(now, users, Snapshot(counts, now), target=users, generator=Generator(20.0, 1e8))
    return history
