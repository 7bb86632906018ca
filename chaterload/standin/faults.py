"""Which faults are asked for, and, seeded, which of them the next request or write gets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from random import Random
from time import perf_counter
from typing import Any

from chaterload.standin.modes import MODES, Episode

ANSWER_FAULTS = ("5xx", "failed", "truncated", "garbage", "hang")
WRITES = ("photo", "modify", "weight", "delete")
MODES_HELP = (
    "a fault of the server's own as it looks from outside, NAME@START+SECONDS, where START is counted from the first "
    "request; repeatable. " + " ".join(f"{name}: {about}." for name, about in MODES.items())
)


def _share(about: str) -> Any:
    return field(default=0.0, metadata={"help": about})


def _flag(about: str) -> Any:
    return field(default=False, metadata={"help": about})


@dataclass(frozen=True)
class FaultSettings:
    """Shares are between 0 and 1; ValueError, in plain words, for anything that cannot be."""

    fault_5xx: float = _share("500 instead of an answer, nothing is written")
    fault_failed: float = _share("200 `Failed` instead of an answer, nothing is written")
    fault_truncated: float = _share("an answer cut short, with a Content-Length that fits")
    fault_garbage: float = _share("an answer of random bytes, with the right content type")
    fault_hang: float = _share("no answer until the client leaves, nothing is written")
    drop_photo: float = _share("photos acknowledged and lost")
    drop_modify: float = _share("modifies acknowledged and lost")
    drop_weight: float = _share("weights acknowledged and lost")
    drop_delete: float = _share("deletes acknowledged and lost")
    late_writes: float = _share("acknowledge writes at once, apply them so much later")
    fail: dict[str, float] = field(default_factory=dict, metadata={"help": "500 on one path; repeatable"})
    same_instant_loss: bool = _flag("lose photos of the same millisecond, weights of the same second")
    silent_backend: bool = _flag("--mode backend-dead, from the start to the end")
    modes: tuple[Episode, ...] = field(default=(), metadata={"help": MODES_HELP})

    def __post_init__(self) -> None:
        for fault in fields(self):
            if fault.name != "modes":
                _check(fault.name, getattr(self, fault.name), type(fault.default))
        if sum(self.answer_shares) > 1 + 1e-9:
            raise ValueError("the fault shares add up to more than 1")

    @property
    def answer_shares(self) -> list[float]:
        """The shares of ANSWER_FAULTS, in their order."""
        return [getattr(self, f"fault_{kind}") for kind in ANSWER_FAULTS]

    def shown(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return {**asdict(self), "modes": [str(episode) for episode in self.modes]}

    def changed(self, values: Mapping[str, Any]) -> FaultSettings:
        """These settings with some of them replaced, as JSON has them; ValueError for unknown names too."""
        merged = {**self.shown(), **values}
        unknown = merged.keys() - {fault.name for fault in fields(self)}
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        if not isinstance(merged["modes"], list):
            raise ValueError("modes is a list, such as ['redis-gone@0+5']")
        merged["modes"] = tuple(Episode.parse(text) for text in merged["modes"])
        return FaultSettings(**merged)


def _check(name: str, value: Any, kind: type) -> None:
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is true or false, not {value!r}")
    elif name == "fail":
        if not isinstance(value, dict):
            raise ValueError("fail is a share for each path")
        for path, share in value.items():
            _check(f"fail {path}", share, float)
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{name} is a number from 0 up, not {value!r}")
    elif name != "late_writes" and value > 1:
        raise ValueError(f"{name} is a share between 0 and 1, not {value!r}")


class Faults:
    """Draws faults: the same for the same seed and order of calls. Kinds do not disturb each other.

    The modes' times are counted from `begin`, the first request, until `change` sets them anew.
    """

    def __init__(self, settings: FaultSettings, seed: int, clock: Callable[[], float] = perf_counter) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._began: float | None = None
        self._hit: Counter[Episode] = Counter()
        self._answers = Random(f"{seed} answers")
        self._garbage = Random(f"{seed} garbage")
        self._writes = {kind: Random(f"{seed} {kind}") for kind in WRITES}

    def begin(self) -> None:
        """The first request has come. Harmless when repeated."""
        if self._began is None:
            self._began = self._clock()

    def change(self, values: Mapping[str, Any]) -> None:
        """Replace some settings from now on. ValueError, and no change, when one of them cannot be."""
        self.settings = self.settings.changed(values)
        if "modes" in values:
            self._began = self._clock()
            self._hit.clear()

    def on(self, mode: str) -> Episode | None:
        """The episode of this fault of the server, one of MODES, that is on at this moment."""
        if self._began is None or not self.settings.modes:
            return None
        since = self._clock() - self._began
        return next((one for one in self.settings.modes if one.name == mode and one.covers(since)), None)

    def hit(self, episode: Episode) -> int:
        """Counts a request that the episode meets; gives how many it met before."""
        self.counts[episode.name] += 1
        self._hit[episode] += 1
        return self._hit[episode] - 1

    def draw(self, path: str) -> str | None:
        """The fault that this request's answer gets, one of ANSWER_FAULTS, or None."""
        if self._answers.random() < self.settings.fail.get(path, 0):
            return "5xx"
        drawn, reached = self._answers.random(), 0.0
        for kind, share in zip(ANSWER_FAULTS, self.settings.answer_shares, strict=True):
            reached += share
            if drawn < reached:
                return kind
        return None

    def drops(self, kind: str) -> bool:
        """Whether this write, one of WRITES, is to be acknowledged and lost."""
        share: float = getattr(self.settings, f"drop_{kind}")
        return share > 0 and self._writes[kind].random() < share

    def garbled(self, kind: str, body: bytes) -> bytes:
        """`body` as a truncated or garbage answer; an empty body cannot be cut and stays what it is."""
        if kind == "truncated":
            return body[:-1]  # one byte is enough: no protobuf message and no JSON survives it
        # 0xff starts neither a protobuf field (there is no wire type 7) nor UTF-8 text.
        return b"\xff" + self._garbage.randbytes(max(len(body), 16))
