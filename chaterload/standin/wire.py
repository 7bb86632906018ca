"""Reading what clients send and building what Chater UI answers; no state and no HTTP here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from chaterload.standin.records import INT32_MAX, Dish
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.today_food_pb2 import TodayFood

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECONDS_BELOW = 10**11  # as seconds that is the year 5138, as milliseconds 1973
_MILLISECONDS_BELOW = 10**15
# Grams of carbohydrates, fats, proteins and sugar for each kcal, so that the totals look like food.
_NUTRIENTS = {"carbohydrates": 0.12, "fats": 0.035, "proteins": 0.05, "sugar": 0.03}


def is_image(data: bytes) -> bool:
    """Whether the first bytes are those of a PNG, JPEG, GIF, BMP or WebP file."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM")) or (
        data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    )


def epoch_ms(text: str, now: int) -> int:
    """A photo's time in epoch ms, truncated; `now` if it cannot be read.

    ISO 8601 (without an offset it is UTC), epoch seconds and epoch milliseconds.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _iso_ms(text, now)
    if not number.is_finite() or abs(number) >= _MILLISECONDS_BELOW:
        return now
    return int(number * 1000 if abs(number) < _SECONDS_BELOW else number)


def _iso_ms(text: str, now: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def day_of(text: str) -> date | None:
    """The date that dd-mm-yyyy names, or None."""
    try:
        return datetime.strptime(text, "%d-%m-%Y").date()
    except ValueError:
        return None


def today_food(dishes: Iterable[Dish], person_weight: float) -> TodayFood:
    """Today's answer: the dishes, and totals that are their sum."""
    answer = TodayFood(person_weight=person_weight)
    _fill(answer, answer.dishes_today, dishes)
    return answer


def custom_date_food(dishes: Iterable[Dish], person_weight: float) -> CustomDateFoodResponse:
    """The same for another date, in a message of its own."""
    answer = CustomDateFoodResponse(person_weight=person_weight)
    _fill(answer, answer.dishes_for_date, dishes)
    return answer


def _fill(answer: TodayFood | CustomDateFoodResponse, listed: Any, dishes: Iterable[Dish]) -> None:
    calories = weight = 0
    for dish in dishes:
        calories += dish.calories_now
        weight += dish.weight_now
        listed.add(
            time=dish.time,
            dish_name=dish.name,
            estimated_avg_calories=dish.calories_now,
            ingredients=dish.ingredients,
            total_avg_weight=dish.weight_now,
            health_rating=1 + dish.time % 10,
            image_id=dish.photo_sha256[:16],
        )
    total = answer.total_for_day
    total.total_calories = min(calories, INT32_MAX)
    total.total_avg_weight = min(weight, INT32_MAX)
    for name, share in _NUTRIENTS.items():
        setattr(total.contains, name, calories * share)
