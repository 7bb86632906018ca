"""The objectives file: TOML tables of endpoints and of queries, read whole or refused with every mistake in it."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from chaterload.chater.textfiles import find_file, read_text
from chaterload.exits import Refused, first_ten
from chaterload.judge.drift import GENERATOR_MEMORY
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import EXPECTED, NO_RISING_TREND, Measure, Objective
from chaterload.judge.queries import LARGEST, Query

DEFAULT_FILE = Path(__file__).with_name("objectives.toml")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LONGEST_SHOWN = 80
"""Characters of a wrong value."""

_TOGETHER = {str(name): name for name in (ALL, GENERATOR_MEMORY)}
_NO_TABLE = f'is no table of an endpoint. Expected ["METHOD /path"], ["{ALL}"] or ["{GENERATOR_MEMORY}"]'


def shown(value: object) -> str:
    """A value as it stands in a sentence, however long or deep it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "something that is too long to show"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _must(be: Callable[[Any], bool], sentence: str) -> BeforeValidator:
    """Takes what is right, and says of anything else how its sentence ends; {} is the value."""

    def check(value: Any) -> Any:
        if not be(value):
            raise ValueError(sentence.format(shown(value)))
        return value

    return BeforeValidator(check)


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_printable(value: object) -> bool:
    return not isinstance(value, str) or value.isprintable()


def _endpoint(name: str) -> Endpoint:
    if name in _TOGETHER:
        return _TOGETHER[name]
    method, _, path = name.partition(" ")
    if method not in METHODS or not path.startswith("/") or not path.isprintable():
        raise ValueError(_NO_TABLE)
    return Endpoint(method, path)


def _gather(document: dict[str, Any], into: str, *fixed: str) -> dict[str, Any]:
    """The keys that a file may choose freely, as one dict at the key `into`."""
    free = {key: value for key, value in document.items() if key not in fixed}
    return {into: free, **{key: document[key] for key in fixed if key in document}}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


_Minimum = Annotated[int, _must(_is_count, "is {}. Expected a whole number of requests, 1 or more")]
_Text = Annotated[str, _must(_is_text, "is {}. Expected a text")]


class _Limit(BaseModel):
    measure: Annotated[Measure, PlainValidator(Measure.named)]
    limit: Any
    """In the measure's unit."""

    @field_validator("limit")
    @classmethod
    def _read(cls, limit: object, info: ValidationInfo) -> object:
        measure = info.data.get("measure")
        if measure is None:  # which is said already
            return limit
        if isinstance(limit, dict):
            raise ValueError(
                f'is a table. Expected a number; write "{measure}.9" in quotes for a percentile with a dot'
            )
        value = measure.unit.from_file(limit)
        if value is None:
            raise ValueError(f"is {shown(limit)}. Expected {measure.unit.expected}")
        return value


class _Table(BaseModel):
    minimum_requests: _Minimum | None = None
    limits: Annotated[dict[str, _Limit], _must(bool, f"holds no measure. Expected {EXPECTED}")]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, table: dict[str, Any]) -> dict[str, Any]:
        gathered = _gather(table, "limits", "minimum_requests")
        return gathered | {
            "limits": {key: {"measure": key, "limit": limit} for key, limit in gathered["limits"].items()}
        }


class _QueryTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[_Text, _must(_is_printable, "is {}. Expected a text that can be printed")]
    promql: _Text
    below: Any = None
    no_rising_trend: Any = Field(None, validate_default=True)

    @field_validator("no_rising_trend")
    @classmethod
    def _one_of_both(cls, flat: object, info: ValidationInfo) -> object:
        below = info.data.get("below")
        is_limit = isinstance(below, (int, float)) and not isinstance(below, bool) and abs(below) < LARGEST
        if (flat is True) == is_limit:
            raise ValueError("has to hold one of: below = a number, no_rising_trend = true")
        return flat

    def query(self) -> Query:
        return Query(self.name, self.promql, None if self.no_rising_trend else float(self.below))


class _Document(BaseModel):
    minimum_requests: _Minimum = 1
    query: Annotated[
        list[Annotated[_QueryTable, _must(_is_dict, "is {}. Expected a table")]],
        _must(_is_list, "is no list of tables. Expected [[query]]"),
    ] = []
    tables: dict[Annotated[Endpoint, PlainValidator(_endpoint)], Annotated[_Table, _must(_is_dict, _NO_TABLE)]]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, document: dict[str, Any]) -> dict[str, Any]:
        return _gather(document, "tables", "minimum_requests", "query")

    @model_validator(mode="after")
    def _holds_something(self) -> "_Document":
        if not self.tables and not self.query:
            raise ValueError("holds no objective. Expected at least one, or --no-objectives")
        of_memory = self.tables[GENERATOR_MEMORY].limits if GENERATOR_MEMORY in self.tables else {}
        if wrong := sorted(of_memory.keys() - {str(NO_RISING_TREND)}):
            raise ValueError(f'["{GENERATOR_MEMORY}"] holds {", ".join(wrong)}. Expected {NO_RISING_TREND} alone')
        return self


def find(named: str | None) -> Path:
    """The file to judge by: the named one, or the only one of a named folder, else ours. Refused if it has several."""
    try:
        file = find_file(Path(named)) if named else None
    except ValueError as error:
        raise _no_file(named, error) from None
    return file or DEFAULT_FILE


def load(path: Path) -> tuple[list[Objective], list[Query]]:
    """What the file asks for. Refused, with a sentence for each mistake in it, when it is none."""
    try:
        text = read_text(path)
    except ValueError as error:
        raise _no_file(path, error) from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no TOML, a number too long, brackets too deep
        raise Refused(f"--objectives {str(path)!r} is not TOML: {error}.") from None
    return parse(document, str(path))


def _no_file(path: object, error: ValueError) -> Refused:
    return Refused(f"--objectives {str(path)!r} {error}. Expected a TOML file.")


def parse(document: dict[str, Any], source: str) -> tuple[list[Objective], list[Query]]:
    """What a parsed file asks for; `source` is what to call it. Refused, with a sentence for each mistake."""
    try:
        read = _Document.model_validate(document)
    except ValidationError as error:
        sentences = dict.fromkeys(map(_sentence, error.errors(include_url=False)))
        told = first_ten([f"{sentence}." for sentence in sentences])
        raise Refused(*(f"--objectives {source!r}: {sentence}" for sentence in told)) from None
    objectives = [
        Objective(endpoint, limit.measure, limit.limit, table.minimum_requests or read.minimum_requests)
        for endpoint, table in read.tables.items()
        for limit in table.limits.values()
    ]
    return objectives, [table.query() for table in read.query]


def _sentence(detail: ErrorDetails) -> str:
    """Where a mistake stands, and what it is."""
    match detail["loc"]:
        case ("query", int(number), str(key)) if key != "no_rising_trend":
            where = f"[[query]] {number + 1} {key}"
        case ("query", int(number), *_):
            where = f"[[query]] {number + 1}"
        case ("tables", name, "limits", str(key), *_) | ("tables", name, "minimum_requests" as key):
            where = f'["{name}"] {key}'
        case ("tables", name, "limits"):
            where = f'["{name}"]'
        case ("tables", name, *_):
            where = repr(name)
        case loc:
            where = " ".join(map(str, loc))
    return f"{where} {_mistake(detail)}".strip()


def _mistake(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "is None. Expected a text"
        case "extra_forbidden":
            return f"is no key. Expected {', '.join(_QueryTable.model_fields)}"
        case _:
            return str(detail["ctx"]["error"])
