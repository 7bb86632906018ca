"""Answers as Chater UI builds them, and what ends a request without the good one; no state here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, TypeVar

from flask import Response
from google.protobuf.message import DecodeError, Message

from chaterload.chater.wire import GRPC, JSON
from chaterload.standin.records import INT32, StoredDish
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.today_food_pb2 import TodayFood

M = TypeVar("M", bound=Message)


class Refusal(Exception):
    """Ends a request with an answer that is not the good one."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Broken(Exception):
    """Ends a request as an exception on the server does, at once."""


class GaveUp(Exception):
    """Ends a request whose answer never comes from behind, once the server has waited for it."""


def text(body: str, status: int = 200) -> Response:
    """A plain string as Flask sends it: text/html."""
    return Response(body, status, content_type="text/html; charset=utf-8")


def json_answer(body: Any, status: int = 200) -> Response:
    """`body` as JSON."""
    return Response(json.dumps(body), status, content_type=JSON)


def message(answer: Message, content_type: str) -> Response:
    """`answer`, serialised."""
    return Response(answer.SerializeToString(), content_type=content_type)


def read(message_type: type[M], body: bytes, otherwise: Response) -> M:
    """The message in `body`; what is none is refused with the answer `otherwise`."""
    try:
        return message_type.FromString(body)
    except DecodeError:
        raise Refusal(otherwise) from None


def read_grpc(message_type: type[M], body: bytes, *, empty: bool = False) -> M:
    """The same where a body that is none is a 500; an `empty` one is refused unless it may be."""
    if not body and not empty:
        raise Refusal(json_answer({"success": False, "error": "Invalid Protobuf data"}, 400))
    return read(message_type, body, Response(status=500, content_type=GRPC))


def day_of(text: str) -> date | None:
    """The date that dd-mm-yyyy names, or None."""
    try:
        return datetime.strptime(text, "%d-%m-%Y").date()
    except ValueError:
        return None


def today_food(dishes: list[StoredDish], person_weight: float) -> TodayFood:
    """Today's answer: the dishes, and totals that are their sum."""
    answer = TodayFood(person_weight=person_weight)
    _fill(answer, answer.dishes_today, dishes)
    if not dishes:  # the server's query for the day's food takes the body weight along
        answer.total_for_day.total_avg_weight = int(person_weight)
    return answer


def custom_date_food(dishes: Iterable[StoredDish], person_weight: float) -> CustomDateFoodResponse:
    """The same for another date, in a message of its own."""
    answer = CustomDateFoodResponse(person_weight=person_weight)
    _fill(answer, answer.dishes_for_date, dishes)
    return answer


def _fill(answer: TodayFood | CustomDateFoodResponse, listed: Any, dishes: Iterable[StoredDish]) -> None:
    calories = weight = 0
    nutrients: Counter[str] = Counter()
    for dish in dishes:
        calories += dish.calories
        weight += dish.weight
        nutrients.update(dish.nutrients)
        listed.add(
            time=dish.time,
            dish_name=dish.name,
            estimated_avg_calories=dish.calories,
            ingredients=dish.ingredients,
            total_avg_weight=dish.weight,
            health_rating=1 + dish.time % 10,
            image_id=dish.image_id,
        )
    total = answer.total_for_day
    total.total_calories = _int32(calories)
    total.total_avg_weight = _int32(weight)
    for name, grams in nutrients.items():
        setattr(total.contains, name, grams)


def _int32(value: int) -> int:
    return max(INT32[0], min(value, INT32[-1]))
