"""An answer that is not the case's is told, each difference in words."""

from typing import Any

import pytest

from chaterload.contract.cases import Case, TodayShows
from chaterload.contract.connection import RawAnswer
from chaterload.contract.differences import differences, today_differences
from chaterload.contract.questions import body_of, filled
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.today_food_pb2 import Contains, Dish, TodayFood, TotalForDay


def case(**fields: Any) -> Case:
    return Case.model_validate({"what": "x", "ask": "POST /modify_food_record", "status": 200, **fields})


@pytest.mark.parametrize(
    ("fields", "body", "sentence"),
    [
        ({"status": 400}, b"Failed", "status 200 instead of 400, with 'Failed'"),
        ({"type": "text/html"}, b"", "type 'application/json' instead of 'text/html'"),
        ({"body": "Failed"}, b"Faile", "the body 'Faile' instead of 'Failed'"),
        ({"json": {"a": 1}}, b'{"a": 2}', 'the JSON \'{"a": 2}\' instead of {"a": 1}'),
        ({"json": {"a": 1}}, b"{", "'{', which is no JSON"),
        ({"keys": ["a"]}, b"[]", "the JSON '[]', which is no object"),
        ({"keys": ["a"]}, b'{"a": ""}', "no a"),
        ({"values": {"a": 1}}, b'{"a": 2}', "a 2 instead of 1"),
        ({"message": {"success": True}}, b"\x08\x00", "success: false: '\\x08\\x00'"),
        ({"message": {"success": True}}, b"\xff", "undecodable body: '\\\\xff'"),
        ({"headers": {"Vary": ""}}, b"", "no header Vary"),
        ({"headers": {"Connection": "close"}}, b"", "header Connection 'keep-alive' instead of 'close'"),
        ({"waits": 20}, b"", "12.0 s instead of 20 s"),
        ({"waits": 4}, b"", "12.0 s instead of 4 s"),
    ],
)
def test_each_difference_is_a_sentence(fields: dict[str, Any], body: bytes, sentence: str) -> None:
    """What was expected and what came stand side by side."""
    answer = RawAnswer(200, {"content-type": "application/json; charset=x", "connection": "keep-alive"}, body, 12.0)
    expected = case(**fields)
    assert differences(expected, expected.json_object, answer, 1.0) == [sentence]


def listed(calories: int | None, carbohydrates: float = 5, weight: float = 70) -> TodayFood:
    """A list with one dish of time 7, or with none."""
    dishes = [] if calories is None else [Dish(time=7, estimated_avg_calories=calories)]
    total = TotalForDay(contains=Contains(carbohydrates=carbohydrates))
    return TodayFood(dishes_today=dishes, person_weight=weight, total_for_day=total)


@pytest.mark.parametrize(
    ("expected", "today", "sentences"),
    [
        ({"calories": 0.33}, listed(49), []),
        ({"calories": 0.33}, listed(50), ["50 kcal of 150, instead of 49"]),
        ({"calories": -1.0}, listed(-150), []),
        ({"calories": 1.0}, listed(None), ["the dish is not in today's list"]),
        ({"nutrients": "as before"}, listed(1, carbohydrates=6), ["the day's nutrients have changed"]),
        ({"listed": False}, listed(None), []),
        ({"listed": False}, listed(150), ["the dish is still in today's list"]),
        ({"weight": 71.5}, listed(1), ["a weight of 70 instead of 71.5"]),
    ],
)
def test_what_the_list_does_not_show(expected: dict[str, Any], today: TodayFood, sentences: list[str]) -> None:
    """The dish's calories, its nutrients, whether it is there, and the weight are looked at."""
    before, contains = Dish(time=7, estimated_avg_calories=150), Contains(carbohydrates=5)
    assert today_differences(TodayShows(**expected), before, contains, today) == sentences


def test_words_are_replaced_everywhere() -> None:
    """A word alone keeps its type, one in a text becomes text, and the rest stays."""
    words = {"$dish": 7, "$email": "a@example.com"}
    value = {"a": "$dish", "b": ["image_id=$dish", 5], "c": "$5"}
    assert filled(value, words) == {"a": 7, "b": ["image_id=7", 5], "c": "$5"}


def test_a_message_is_sent_as_its_fields_say() -> None:
    """The fields of `send` are those of the route's request."""
    body = body_of(case(send={"time": "$dish", "percentage": 33}), {"$dish": 7})
    assert ModifyFoodRecordRequest.FromString(body or b"") == ModifyFoodRecordRequest(time=7, percentage=33)
