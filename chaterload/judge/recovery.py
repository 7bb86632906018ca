"""After a spike: was anything slower in it, and when was that over? Pure."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaterload.judge.comparison import Tolerance, Window, as_floats, compare_windows
from chaterload.judge.dependence import SLOW_SHARE, Dependence
from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import Endpoint, EndpointStats, percentile
from chaterload.judge.significance import FALSE_ALARM, binomial_tail, stratified_ranks

AS_BEFORE = Tolerance(0.25, 20.0)
"""Response times at most this much above those before a spike are as before."""

BEARABLE = 0.01
"""The share of failures that is as before, where there were none."""


@dataclass(frozen=True)
class Recovery:
    """What came of a spike."""

    needed: bool | None
    """Whether answers were slower, or failed more, than before it; None where too little was measured to tell."""
    seconds: float | None = None
    """After its end, until two batches in a row were as before; None when that was not within the run."""


def read_recovery(steps: Sequence[Step], spike: tuple[float, float], dependence: Dependence) -> Recovery:
    """`spike` is (start, end) in seconds since the start."""
    answered = [step for step in steps if step.window.total.requests]
    before = next((step for step in reversed(answered) if step.start < spike[0]), None)
    during = next((step for step in answered if spike[0] <= step.start < spike[1]), None)
    if before is None or during is None:
        return Recovery(needed=None)
    usual, high = (Window(step.window.endpoints, dependence) for step in (before, during))
    if not any(comparison.worse for comparison in compare_windows(usual, high, AS_BEFORE)):
        return Recovery(needed=False)
    after = [batch for step in steps if step.start >= spike[1] for batch in step.batches]
    for batch, following in itertools.pairwise(after):
        if _is_as_before(batch, before) and _is_as_before(following, before):
            return Recovery(needed=True, seconds=batch.start - spike[1])
    return Recovery(needed=True)


def _is_as_before(batch: Batch, before: Step) -> bool:
    """Whether a typical answer is no slower, and neither slow answers nor failures are more than chance explains.

    A server that refuses everything is quick.
    """
    usual, now = before.window.endpoints, batch.window.endpoints
    both = {endpoint: m for endpoint, m in now.items() if m.requests and usual.get(endpoint, EndpointStats()).requests}
    requests = sum(m.requests for m in both.values())
    if not requests:
        return False
    raised = [(AS_BEFORE.raised(usual[e].times), as_floats(m.times)) for e, m in both.items()]
    slow = sum(_slow(usual[endpoint].times, m.times) for endpoint, m in both.items())
    failures = sum(m.failures for m in both.values())
    return (
        stratified_ranks(raised) >= 0.5
        and binomial_tail(slow, requests, 2 * SLOW_SHARE) >= FALSE_ALARM
        and binomial_tail(failures, requests, _usual_failures(usual)) >= FALSE_ALARM
    )


def _slow(usual: Mapping[int, int], now: Mapping[int, int]) -> int:
    """How many are slower than the slowest of before."""
    limit = percentile(AS_BEFORE.raised(usual), 1 - SLOW_SHARE)
    return sum(count for time, count in now.items() if time > limit)


def _usual_failures(usual: Mapping[Endpoint, EndpointStats]) -> float:
    requests = sum(m.requests for m in usual.values())
    return max(BEARABLE, sum(m.failures for m in usual.values()) / requests)
