"""The list of one day of an account: how it is asked for, and what its answer says. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from chaterload.chater.routes import CUSTOM_DATE, TODAY, Route
from chaterload.chater.settings import DATE_FORMAT
from chaterload.chater.times import told_today
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.today_food_pb2 import TodayFood

Food: TypeAlias = TodayFood | CustomDateFoodResponse


def request_for(day: int, now_ms: int) -> tuple[Route[Any], bytes | None]:
    """Today's list where the server surely calls the day today; else that of the date, whatever its clock says."""
    if told_today(now_ms) == day:
        return TODAY, None
    date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime(DATE_FORMAT)
    return CUSTOM_DATE, CustomDateFoodRequest(date=date).SerializeToString()


def read_list(food: Food, day: int, asked: float, now_ms: int) -> DayList | None:
    """What the list held, asked for at `asked` (monotonic seconds); None when midnight came in between."""
    if isinstance(food, CustomDateFoodResponse):
        return DayList(day, _calories(food.dishes_for_date), None, asked)
    if told_today(now_ms) != day:
        return None
    return DayList(day, _calories(food.dishes_today), food.person_weight, asked)


def _calories(dishes: Iterable[Any]) -> dict[int, int]:
    return {dish.time: dish.estimated_avg_calories for dish in dishes}
