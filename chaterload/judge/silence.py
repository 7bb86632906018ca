"""The times in which no process of a run got any answer although requests were open. Pure.

A gap of one process may be a pause of its users or a slow answer; what no process sees an end of is the server's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaterload.chater.answer_gaps import SHORTEST_S, AnswerGap
from chaterload.judge.measure import Endpoint
from chaterload.judge.numbers import clock
from chaterload.judge.objectives import Objective
from chaterload.judge.unanswered import limits_ms

FAULT_S = 5.0
"""From this length on a silence is a fault, where no answer may take so long."""
PATIENCE = 2.0
"""How many times its limit a request has to wait before silence is more than one slow answer."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Silence:
    """Nothing was answered, in seconds since the run's start."""

    start: float
    end: float
    open: int
    """How many requests were seen to wait in it."""
    waits: Mapping[Endpoint, float]
    """For how many seconds of it the longest of each endpoint's requests was waited for."""

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Watched:
    """What one process saw: its gaps, and from when until when it looked. In monotonic seconds."""

    gaps: Sequence[AnswerGap] = ()
    began: float = math.inf
    ended: float = math.inf


def sentence(silence: Silence, start: float) -> str:
    """Without a full stop; `start` is the run's, in epoch seconds."""
    requests = f"{silence.open} request{'' if silence.open == 1 else 's'}"
    return f"from {clock(start + silence.start)} UTC for {silence.seconds:.0f} s nothing was answered ({requests} open)"


def find_silences(processes: Iterable[Watched], began: float, ended: float) -> list[Silence]:
    """The silences of a run that lasted from `began` to `ended`, in the monotonic seconds of its processes' gaps."""
    common: list[tuple[Span, tuple[AnswerGap, ...]]] = [((began, ended), ())]
    for process in processes:
        common = _both(common, _without_answers(process, began, ended))
    return [found for span, gaps in common if gaps and (found := _silence(span, gaps, began)) is not None]


def _without_answers(process: Watched, began: float, ended: float) -> list[AnswerGap]:
    """Its gaps, and the times before it came and after it went, in which it had nothing to wait for."""
    before, after = AnswerGap(began, min(process.began, ended)), AnswerGap(process.ended, ended)
    return [*([before] if before.seconds > 0 else []), *process.gaps, *([after] if after.seconds > 0 else [])]


def _both(
    common: Sequence[tuple[Span, tuple[AnswerGap, ...]]], gaps: Sequence[AnswerGap]
) -> list[tuple[Span, tuple[AnswerGap, ...]]]:
    """Where spans and gaps overlap; both are in order."""
    found, first = [], 0
    for (start, end), others in common:
        while first < len(gaps) and gaps[first].ended <= start:
            first += 1
        for gap in gaps[first:]:
            if gap.began >= end:
                break
            found.append(((max(start, gap.began), min(end, gap.ended)), (*others, gap)))
    return [entry for entry in found if entry[0][1] - entry[0][0] >= SHORTEST_S]


def _silence(span: Span, gaps: Iterable[AnswerGap], began: float) -> Silence | None:
    """The longest part of the span in which something was waited for all the time."""
    gaps = list(gaps)
    waits = [(key, _overlap(span, wait)) for gap in gaps for key, wait in gap.waits.items()]
    start, end = max(_joined(wait for _, wait in waits), key=lambda part: part[1] - part[0], default=span[:1] * 2)
    if end - start < SHORTEST_S:
        return None
    longest: dict[Endpoint, float] = {}
    for key, wait in waits:
        low, high = _overlap((start, end), wait)
        longest[Endpoint(*key)] = max(high - low, longest.get(Endpoint(*key), 0.0))
    return Silence(start - began, end - began, sum(gap.open for gap in gaps), longest)


def _overlap(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Those that overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def are_faults(silences: Iterable[Silence], objectives: Iterable[Objective]) -> list[Silence]:
    """Those in which a request waited for FAULT_S and for PATIENCE times its endpoint's limit.

    What may take 5 s and takes 6 s is slow, and not silent. That holds as well for a single request to an endpoint that
    nobody limits; of several, one would have been answered.
    """
    limits = {endpoint: ms / 1000 for endpoint, ms in limits_ms(objectives).items()}

    def is_fault(silence: Silence) -> bool:
        unlimited = FAULT_S if silence.open == 1 else FAULT_S / PATIENCE
        return any(s >= max(FAULT_S, PATIENCE * limits.get(e, unlimited)) for e, s in silence.waits.items())

    return list(filter(is_fault, silences))
