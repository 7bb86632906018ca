"""Why an endpoint was never asked: which step of its task went wrong before it. Pure."""

from collections.abc import Iterable, Sequence

from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot

Flow = Sequence[Endpoint]
"""The endpoints that a task asks, in its order."""


def why_never_reached(endpoint: Endpoint, snapshot: Snapshot, flows: Iterable[Flow]) -> str:
    """What kept users from it, as the end of a sentence; empty where the flows do not tell, and where it was asked."""
    if _of(endpoint, snapshot).requests:
        return ""
    for flow in flows:
        if endpoint in flow:
            before = [step for step in flow[: flow.index(endpoint)] if _of(step, snapshot).requests]
            return _obstacle(before, snapshot) if before else ""
    return ""


def _obstacle(steps: Flow, snapshot: Snapshot) -> str:
    """Which of the steps that were asked ended the flow: the first that always failed, or else the last."""
    for step in steps:
        if _of(step, snapshot).failures == _of(step, snapshot).requests:
            return f"{step} always failed"
    return f"no user got past {steps[-1]}"


def _of(endpoint: Endpoint, snapshot: Snapshot) -> EndpointStats:
    return snapshot.endpoints.get(endpoint, EndpointStats())
