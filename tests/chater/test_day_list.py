"""The list of a day is asked for where it can tell, also around midnight."""

import pytest

from chaterload.chater.day_list import read_list, request_for
from chaterload.chater.routes import CUSTOM_DATE, TODAY
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.today_food_pb2 import TodayFood

DAY = 20_000  # 2024-10-04
MIDNIGHT = DAY * DAY_MS


@pytest.mark.parametrize(
    ("now", "date"),
    [
        (MIDNIGHT + DAY_MS // 2, None),
        (MIDNIGHT + 59_999, "04-10-2024"),
        (MIDNIGHT - 1, "04-10-2024"),
        (MIDNIGHT + DAY_MS, "04-10-2024"),
        (MIDNIGHT + 3 * DAY_MS, "04-10-2024"),
    ],
)
def test_how_a_list_is_asked_for(now, date):
    """By today's list in the middle of the day, else by its date."""
    route, body = request_for(DAY, now)
    assert route is (CUSTOM_DATE if date else TODAY)
    assert (CustomDateFoodRequest.FromString(body).date if body else None) == date


def test_what_a_list_holds():
    """Dishes by their times; only today's list tells the latest weight."""
    noon = MIDNIGHT + DAY_MS // 2
    today = TodayFood(person_weight=80.0)
    today.dishes_today.add(time=noon, estimated_avg_calories=300)
    assert read_list(today, DAY, 5.0, noon) == DayList(DAY, {noon: 300}, 80.0, 5.0)
    custom = CustomDateFoodResponse(person_weight=80.0)
    custom.dishes_for_date.add(time=noon, estimated_avg_calories=300)
    assert read_list(custom, DAY, 5.0, noon + DAY_MS) == DayList(DAY, {noon: 300}, None, 5.0)


@pytest.mark.parametrize("now", [MIDNIGHT + DAY_MS - 30_000, MIDNIGHT + DAY_MS, MIDNIGHT + 2 * DAY_MS])
def test_midnight_in_between(now):
    """A list of today that came when the day was no longer sure tells nothing."""
    assert read_list(TodayFood(), DAY, 5.0, now) is None
