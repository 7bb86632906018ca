"""An earlier run to compare with: what of it the verdict JSON keeps, and reading that. Pure but for reading."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from chaterload.chater.textfiles import is_folder, read_text
from chaterload.exits import Refused
from chaterload.judge.comparison import MIN_REQUESTS, Comparison, Window
from chaterload.judge.dependence import Dependence, Factors
from chaterload.judge.measure import ALL, Endpoint, EndpointStats

FORMAT = 1
"""The version of the verdict JSON; raised when a reader of the old one would misread the new."""

MOST = 2**53
"""Up to here floats count."""


def write_times(times: Mapping[int, int]) -> str:
    """How many requests took so many ms, in a line: `98 99x12 101x3`."""
    return " ".join(f"{ms}x{count}" if count > 1 else str(ms) for ms, count in sorted(times.items()))


def read_times(text: Any) -> dict[int, int]:
    """What write_times wrote. ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("is no text")
    times = {}
    for part in text.split(" ") if text else ():
        ms, has_count, count = part.partition("x")
        times[_whole(ms)] = _whole(count) if has_count else 1
    return times


def _whole(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 17 and int(digits) <= MOST):
        raise ValueError("is no whole number")
    return int(digits)


_Count = Annotated[int, Field(ge=0, le=MOST, strict=True)]
_Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class _Factors(BaseModel):
    ranks: _Factor
    slowest: _Factor
    failures: _Factor

    def factors(self) -> Factors:
        return Factors(self.ranks, self.slowest, self.failures)


class _Row(BaseModel):
    """An endpoint in the earlier run."""

    method: str
    path: str
    requests: _Count
    failures: _Count
    times: Annotated[dict[int, int], BeforeValidator(read_times)]
    dependence: _Factors

    @model_validator(mode="after")
    def _adds_up(self) -> "_Row":
        if self.failures > self.requests or sum(self.times.values()) > MOST or not all(self.times.values()):
            raise ValueError("does not add up")
        return self


class _Together(_Factors):
    freedom: Annotated[float, Field(ge=1, le=MOST)]


class _Document(BaseModel):
    endpoints: list[_Row]
    dependence: _Together

    def window(self) -> Window:
        rows = {Endpoint(row.method, row.path): row for row in self.endpoints}
        factors = {endpoint: row.dependence.factors() for endpoint, row in rows.items()}
        return Window(
            {endpoint: EndpointStats(row.requests, row.failures, row.times) for endpoint, row in rows.items()},
            Dependence(factors | {ALL: self.dependence.factors()}, self.dependence.freedom),
        )


def load_baseline(path: Path) -> Window:
    """The requests of an earlier verdict JSON, or of the one in a folder. Refused when it is none."""
    if is_folder(path):
        path = path / "verdict.json"
    try:
        text = read_text(path)
    except ValueError as error:
        raise Refused(
            f"--baseline {str(path)!r} {error}. Expected an earlier --verdict-json file, or a folder of --results."
        ) from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(f"--baseline {str(path)!r} is not JSON. Expected an earlier --verdict-json file.") from None
    return parse_baseline(document, str(path))


def parse_baseline(document: Any, source: str) -> Window:
    """The requests of a parsed verdict JSON. Refused when it is none, or of another format."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Refused(f'--baseline {source!r} is no verdict of this format. Expected JSON with "format": {FORMAT}.')
    if "dependence" not in document:
        raise Refused(
            f"--baseline {source!r} was written by an earlier version, which kept too little to compare with. "
            "Expected a --verdict-json file of this version."
        )
    try:
        return _Document.model_validate(document).window()
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise Refused(
            f"--baseline {source!r} has no endpoints that can be read: {where} is wrong. "
            "Expected a --verdict-json file."
        ) from None


def not_compared(comparisons: Sequence[Comparison]) -> list[str]:
    """Why a comparison that was asked for proves nothing; nothing where something could be compared."""
    if not all(comparison.too_few for comparison in comparisons):
        return []
    if not comparisons:
        return ["nothing could be compared with the baseline: the two runs asked no endpoint in common"]
    fewest = min(comparisons[0].requests_before, comparisons[0].requests_now)
    return [
        f"nothing could be compared with the baseline: one of the two runs has {fewest} requests at the endpoints "
        f"that both asked, and {MIN_REQUESTS} are needed"
    ]
