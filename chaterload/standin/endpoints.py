"""Chater UI's endpoints: which there are, what answers each, and what it says when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from chaterload.chater import routes
from chaterload.chater.routes import Route
from chaterload.chater.wire import GRPC, PROTOBUF
from chaterload.standin import food, person
from chaterload.standin.chater import Call

GIVES_UP_AFTER = 30.0


@dataclass(frozen=True)
class Plain:
    """An answer that is always the same."""

    status: int
    body: str = ""
    content_type: str = "text/html; charset=utf-8"

    def response(self) -> Response:
        return Response(self.body, self.status, content_type=self.content_type)


_ERROR = Plain(500, "Internal Server Error")
_EMPTY_500 = Plain(500, "", GRPC)


@dataclass(frozen=True)
class ServedEndpoint:
    """One of Chater UI's routes, and what answers it here."""

    route: Route[Any]
    handle: Callable[[Call], Response]
    polls: bool = True
    """Whether it waits for the food backend, by asking Redis every half a second."""
    unanswered: Plain = _EMPTY_500
    """What it says once it gives up waiting, `gives_up_after` seconds later."""
    gives_up_after: float = GIVES_UP_AFTER
    broken: Plain = _EMPTY_500
    """What it says when it fails at once."""

    @property
    def method(self) -> str:
        return self.route.method

    @property
    def path(self) -> str:
        return self.route.path


ENDPOINTS = (
    ServedEndpoint(
        routes.PHOTO, food.receive_photo, unanswered=Plain(408, "Timeout"), gives_up_after=60, broken=_ERROR
    ),
    ServedEndpoint(
        routes.TODAY,
        food.get_today,
        unanswered=Plain(503, "Service temporarily unavailable"),
        gives_up_after=20,
        broken=_ERROR,
    ),
    ServedEndpoint(routes.MODIFY, food.modify_food_record),
    ServedEndpoint(routes.WEIGHT, person.manual_weight, polls=False),
    ServedEndpoint(
        routes.RECOMMENDATION,
        food.get_recommendation,
        unanswered=Plain(500, "Failed"),
        gives_up_after=90,
        broken=Plain(500, "Failed"),
    ),
    ServedEndpoint(routes.DELETE, food.delete_food),
    ServedEndpoint(routes.CUSTOM_DATE, food.get_food_custom_date, unanswered=Plain(200, "Failed"), broken=_ERROR),
    ServedEndpoint(routes.LANGUAGE, person.set_language),
    ServedEndpoint(routes.ALCOHOL_LATEST, person.alcohol_latest),
    ServedEndpoint(routes.ALCOHOL_RANGE, person.alcohol_range),
    ServedEndpoint(routes.FEEDBACK, person.feedback),
    ServedEndpoint(routes.SIGN_IN, person.sign_in, polls=False, broken=_ERROR),
    ServedEndpoint(
        routes.HEALTH_LEVEL,
        food.food_health_level,
        unanswered=Plain(200, "", PROTOBUF),
        broken=Plain(500, "", PROTOBUF),
    ),
    ServedEndpoint(routes.PHOTO_FILE, food.get_photo, polls=False, broken=_ERROR),
    ServedEndpoint(routes.TOKEN_CHECK, person.check_token, polls=False, broken=_ERROR),
)
