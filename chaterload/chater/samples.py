"""The first failures of each kind and endpoint, as they can be looked at later. Pure but for the log."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import currentframe
from typing import Any

from chaterload.chater.kinds import FailureKind
from chaterload.chater.reader import Answer
from chaterload.chater.redaction import Redaction, printable

logger = logging.getLogger(__name__)

KEPT = 3
"""Of each kind and endpoint."""
SHOWN = 200
"""Bytes of a body, and characters of an error."""
MOST = 300
"""Kinds and endpoints together, should somebody's own tasks ask ever new ones."""
_READ = 1024
"""Bytes in which secrets are looked for: one that begins within the first SHOWN has to be recognised."""


@dataclass(frozen=True)
class FailureSample:
    """One request that failed, and what came back."""

    method: str
    path: str
    kind: str
    """The title of its FailureKind."""
    at: float
    """When it was sent, in epoch seconds."""
    took_ms: float
    account: str
    """Empty where the request needs none."""
    step: str
    """Which request of which scenario it was: `full_flow, line 57`."""
    status: int | None
    """None where no whole answer came."""
    came: str
    """The beginning of the body, or what kept an answer from coming; without secrets."""

    @property
    def endpoint(self) -> str:
        return f"{self.method} {self.path}"


class FailureSamples:
    """Keeps the first KEPT of each kind and endpoint, so that there are never more than both allow."""

    def __init__(self, secrets: Callable[[], list[str]]) -> None:
        """`secrets` are those of the settings, asked for when there is something to look at."""
        self._secrets = secrets
        self._all: dict[tuple[str, str, str], list[FailureSample]] = {}
        self._untold: list[FailureSample] = []

    def add(
        self,
        kind: FailureKind,
        method: str,
        path: str,
        sent_as: tuple[str, str],
        took_ms: float,
        answer: Answer | None,
        error: BaseException | None = None,
    ) -> None:
        """Take one, unless there are enough of it. `sent_as` is an e-mail and the token that was sent."""
        key = (method, path, kind.title)
        samples = self._all.get(key, [])
        if len(samples) >= KEPT or (len(self._all) >= MOST and not samples):
            return
        email, token = sent_as
        clean = Redaction([*self._secrets(), token])
        came = clean(_what_came(answer, error))[:SHOWN]
        status = answer.status_code if answer else None
        at = time.time() - took_ms / 1000
        sample = FailureSample(method, path, kind.title, at, took_ms, email, current_step(), status, came)
        self._all[key] = [*samples, sample]
        self._untold.append(sample)
        logger.debug("Failed: %s", sample)

    def all(self) -> list[dict[str, Any]]:
        """All of them, in a form that msgpack carries."""
        return [asdict(sample) for samples in self._all.values() for sample in samples]

    def take_new(self) -> list[dict[str, Any]]:
        """Those that came since this was last asked: each goes to a master once."""
        new, self._untold = self._untold, []
        return [asdict(sample) for sample in new]


def _what_came(answer: Answer | None, error: BaseException | None) -> str:
    if answer is None:
        text = f"{type(error).__name__}: {error}" if error else "no answer"
        return printable(text.encode(errors="replace")[:_READ])
    if answer.content is None:
        return f"{answer.length} bytes that are too many to keep, or do not fit their Content-Encoding"
    return printable(answer.content[:_READ])


def current_step() -> str:
    """Which line of which task is running: the outermost function that Locust called."""
    frame = currentframe()
    while frame and frame.f_back and not str(frame.f_back.f_globals.get("__name__")).startswith("locust."):
        frame = frame.f_back
    return f"{frame.f_code.co_name}, line {frame.f_lineno}" if frame else ""


def first_of_each(samples: list[FailureSample]) -> list[FailureSample]:
    """The first KEPT of each kind and endpoint out of those of all processes, by endpoint and kind."""
    kept: dict[tuple[str, str, str], list[FailureSample]] = {}
    for sample in sorted(samples, key=lambda sample: sample.at):
        same = kept.setdefault((sample.path, sample.method, sample.kind), [])
        if len(same) < KEPT:
            same.append(sample)
    return [sample for key in sorted(kept) for sample in kept[key]]
