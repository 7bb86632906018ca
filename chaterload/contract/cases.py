"""The cases of the wire contract, read from their table. Pure but for the file."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chaterload.chater.routes import ROUTES, Route
from chaterload.chater.settings import ROOT

CASES = ROOT / "tests" / "contract" / "cases.toml"

OF_THE_DISH = ("$dish", "$name", "$image")
"""The words of a request for which there has to be a dish."""

Token = Literal["good", "none", "another scheme", "nothing", "malformed", "wrong key", "expired", "no sub", "more"]


class TodayShows(BaseModel):
    """What today's list says after the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calories: float | None = None
    """Of the dish: so many times as before, truncated."""
    nutrients: Literal["as before"] | None = None
    listed: bool | None = None
    weight: float | None = None

    @property
    def needs_dish(self) -> bool:
        return self.weight is None


class Case(BaseModel):
    """One question and its answer. The table's head explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    what: str = Field(min_length=1)
    ask: str = Field(pattern=r"^(GET|POST) /\S*$")
    token: Token = "good"
    send: dict[str, Any] | None = None
    text: str | None = None
    document: Any = Field(None, alias="object")
    sent_as: str | None = Field(None, alias="as")
    query: str = ""
    first: str | None = None
    waits: float = 0.0
    leaves: str | None = None

    status: int = Field(ge=200, le=599)
    media_type: str | None = Field(None, alias="type")
    json_object: Any = Field(None, alias="json")
    values: dict[str, Any] = {}
    keys: tuple[str, ...] = ()
    body: str | None = None
    message: dict[str, Any] = {}
    filled: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    today: TodayShows | None = None

    @property
    def route(self) -> Route[Any] | None:
        """The route that it asks; None for a path that Chater UI does not have."""
        return ROUTES.get(self.ask)

    @property
    def needs_dish(self) -> bool:
        told = [*(self.send or {}).values(), self.query]
        return any(word in str(value) for value in told for word in OF_THE_DISH) or bool(
            self.today and self.today.needs_dish
        )

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Case":
        if sum(body is not None for body in (self.send, self.text, self.document)) > 1:
            raise ValueError(f"{self.what!r} has more than one body")
        if self.send is not None and not (self.route and self.route.request):
            raise ValueError(f"{self.what!r} sends a message to {self.ask}, which takes none")
        if (self.message or self.filled) and not self.route:
            raise ValueError(f"{self.what!r} expects a message of {self.ask}, which gives none")
        return self


def read_cases(path: Path = CASES) -> list[Case]:
    """The cases in their order. ValueError, with what is wrong, when the table is not one of cases."""
    cases = [Case.model_validate(row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["case"]]
    names = [case.what for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    unknown = {case.first for case in cases if case.first} - set(names)
    if twice or unknown:
        raise ValueError(f"{path}: named twice: {sorted(twice)}; not there: {sorted(unknown)}")
    return cases
