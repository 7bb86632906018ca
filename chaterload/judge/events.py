"""What happened at one time of a run: a silence, or failures that come together. Pure.

Failures that chance spreads over a run are none; those of several endpoints at one time are one event.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chaterload.judge.history import INTERVAL_S, Sample
from chaterload.judge.measure import Endpoint
from chaterload.judge.numbers import clock
from chaterload.judge.significance import FALSE_ALARM, binomial_tail
from chaterload.judge.silence import Silence, sentence


@dataclass(frozen=True)
class Event:
    """What went wrong from `start` to `end`, in seconds since the run's start; of failures, as exact as the samples."""

    start: float
    end: float
    silent_s: float = 0.0
    """For how long of it nothing was answered, from its start on."""
    open: int = 0
    """How many requests waited meanwhile."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """By the title of their kind: those that followed the start of a silence, or those that make the event."""
    endpoints: int = 0
    """At how many endpoints they were."""

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def sentence(self, start: float) -> str:
        """Without a full stop; `start` is the run's, in epoch seconds."""
        failed = ", ".join(f"{count} x {kind}" for kind, count in self.failures.items())
        if self.endpoints > 1:
            failed += f" at {self.endpoints} endpoints"
        if not self.silent_s:
            return f"from {clock(start + self.start)} UTC for {self.seconds:.0f} s: {failed}"
        silence = sentence(Silence(self.start, self.end, self.open, {}), start)
        return f"{silence}; then {failed}" if failed else silence


def find_events(samples: Sequence[Sample], silences: Iterable[Silence]) -> list[Event]:
    """In the order of their start. A silence takes what failed after its start and soon after its end."""
    events, taken = list[Event](), set[int]()
    for silence in silences:
        begins = [sample.at - sample.seconds for sample in samples]
        near = [n for n, begin in enumerate(begins) if silence.start <= begin < silence.end + INTERVAL_S]
        failed = [samples[n] for n in near if n not in taken]
        taken.update(near)
        events.append(Event(silence.start, silence.end, silence.seconds, silence.open, *_failures(failed)))
    events += [
        Event(burst[0].at - burst[0].seconds, burst[-1].at, 0.0, 0, *_failures(burst))
        for burst in _bursts([sample for n, sample in enumerate(samples) if n not in taken])
    ]
    return sorted(events, key=lambda event: event.start)


def _failures(samples: Iterable[Sample]) -> tuple[dict[str, int], int]:
    kinds, endpoints = Counter[str](), set[Endpoint]()
    for sample in samples:
        for (endpoint, kind), count in sample.failed.items():
            kinds[kind] += count
            endpoints.add(endpoint)
    return dict(kinds.most_common()), len(endpoints)


def _bursts(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Neighbouring samples with more failures than usual, of which one has more than chance explains.

    At FALSE_ALARM for all samples together.
    """
    requests = sum(sample.requests for sample in samples)
    share = sum(sample.failures for sample in samples) / requests if requests else 0.0
    bursts = [list[Sample]()]
    for sample in samples:
        if sample.failures > share * sample.requests:
            bursts[-1].append(sample)
        elif bursts[-1]:
            bursts.append([])

    def is_chance(sample: Sample) -> bool:
        return binomial_tail(sample.failures, sample.requests, share) >= FALSE_ALARM / len(samples)

    return [burst for burst in bursts if not all(map(is_chance, burst))]
