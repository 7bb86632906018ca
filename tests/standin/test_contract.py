"""What the table of tests/contract/ cannot say of the endpoints: what is stored, and how they give up."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from chaterload.chater.tokens import make_token, signing_key
from chaterload.chater.weight import ServedWeight, weight_body
from chaterload.chater.wire import DAY_MS, GRPC, JSON, PROTOBUF
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.photos import DRINK, NO_FOOD, SCALES_KG
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.eater_photo_pb2 import PhotoMessage
from proto.feedback_pb2 import FeedbackRequest
from proto.food_health_level_pb2 import FoodHealthLevelRequest, FoodHealthLevelResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightRequest
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.set_language_pb2 import SetLanguageRequest
from tests.photos import small_png

from .conftest import PNG, Client, now_ms

HTML = "text/html; charset=utf-8"
SUCCESS = b"\x08\x01"
WAITING = {
    "/eater_receive_photo": PhotoMessage(photo_data=PNG, photoType="default_prompt"),
    "/eater_get_today": None,
    "/modify_food_record": ModifyFoodRecordRequest(time=1, percentage=200),
    "/get_recommendation": RecommendationRequest(days=1),
    "/delete_food": DeleteFoodRequest(time=1),
    "/get_food_custom_date": CustomDateFoodRequest(date="01-01-2024"),
    "/set_language": SetLanguageRequest(language_code="en"),
    "/alcohol_latest": None,
    "/alcohol_range": GetAlcoholRangeRequest(start_date="01-01-2024", end_date="31-01-2024"),
    "/feedback": FeedbackRequest(feedback="good"),
    "/food_health_level": FoodHealthLevelRequest(time=1, food_name="x"),
}
"""A good request of each endpoint that waits for the food backend."""


def ask(client, path):
    """Sends the good request of a path."""
    message = WAITING[path]
    return client.call(path, None if message is None else message.SerializeToString())


def weigh(client, weight, email=None):
    """Sends a weight in both layouts, as a client should."""
    return client.call("/manual_weight", weight_body(email or client.email, weight))


def modify(client, time, percentage):
    """Modifies a dish of the client's account."""
    request = ModifyFoodRecordRequest(time=time, user_email=client.email, percentage=percentage)
    return client.call("/modify_food_record", request.SerializeToString())


def custom_date(client, at):
    """The answer for the UTC day of a time in epoch ms."""
    date = datetime.fromtimestamp(at / 1000, UTC).strftime("%d-%m-%Y")
    answer = client.call("/get_food_custom_date", CustomDateFoodRequest(date=date).SerializeToString())
    assert (answer.status, answer.content_type) == (200, PROTOBUF)
    return CustomDateFoodResponse.FromString(answer.body)


def drinks(client, at):
    """The events of the nine days up to a time in epoch ms."""
    last = datetime.fromtimestamp(at / 1000, UTC)
    request = GetAlcoholRangeRequest(start_date=f"{last - timedelta(8):%d-%m-%Y}", end_date=f"{last:%d-%m-%Y}")
    return GetAlcoholRangeResponse.FromString(client.call("/alcohol_range", request.SerializeToString()).body).events


def seen(answer):
    """What is compared: status, content type, and the body, decoded if it is JSON."""
    return answer.status, answer.content_type, answer.json() if answer.content_type == JSON else answer.body


def test_a_photo_becomes_a_dish(client):
    """The dish carries the time that was sent; the records page knows the bytes."""
    at = now_ms()
    assert client.photo(at).status == 200
    assert [dish.time for dish in client.today().dishes_today] == [at]
    (dish,) = client.records()["dishes"]
    (sent,) = client.records()["received"]["photos"]
    expected = {
        "photo_type": "default_prompt",
        "photo_bytes": len(PNG),
        "photo_sha256": hashlib.sha256(PNG).hexdigest(),
    }
    assert sent == {"time": at, **expected}
    assert expected.items() <= dish.items()


def test_a_large_photo_arrives_whole(client):
    """Half a megabyte is as good as a few bytes, and comes back as it was."""
    large = small_png(size=500_000)
    client.photo(now_ms(), large)
    (dish,) = client.today().dishes_today
    answer = client.call(f"/get_photo?image_id={dish.image_id}")
    assert (answer.status, answer.content_type, answer.body) == (200, "image/jpeg", large)


def test_unreadable_times_become_now(client):
    """A photo without a readable time is a dish of this moment."""
    before = now_ms()
    assert client.photo("lunch time").status == 200
    assert before <= client.today().dishes_today[0].time <= now_ms()


def test_a_photo_without_food(client):
    """What shows no food is refused, and makes no dish."""
    answer = client.photo(now_ms(), small_png(NO_FOOD))
    assert (answer.status, answer.content_type) == (400, JSON)
    assert "food" in answer.json()["error"]
    assert not client.today().dishes_today


def test_a_photo_of_scales_is_a_weight(client):
    """weight_prompt stores what the scales say, and no dish."""
    assert client.photo(now_ms(), photo_type="weight_prompt").status == 200
    assert (client.today().person_weight, len(client.today().dishes_today)) == (SCALES_KG, 0)


def test_a_drink_is_an_alcohol_event_that_stays(client):
    """A dish that is alcohol makes an event with a time in seconds, which no delete of the dish removes."""
    at = now_ms()
    client.photo(at, small_png(DRINK))
    (dish,) = client.today().dishes_today
    client.call("/delete_food", DeleteFoodRequest(time=at).SerializeToString())
    (event,) = drinks(client, at)
    assert not client.today().dishes_today
    assert (event.time, event.calories) == (at // 1000, dish.estimated_avg_calories)


def test_totals_are_sums_but_for_the_nutrients(client):
    """The day's calories and weight follow a modify, its nutrients do not."""
    at = now_ms()
    client.photo(at)
    client.photo(at - 1)
    calories = {dish.time: dish.estimated_avg_calories for dish in client.today().dishes_today}
    for percentage, factor in ((200, 2), (50, 1), (0, 0)):
        assert modify(client, at, percentage).body == SUCCESS
        today = client.today()
        assert today.total_for_day.total_calories == calories[at] * factor + calories[at - 1]
        assert today.total_for_day.total_avg_weight == sum(dish.total_avg_weight for dish in today.dishes_today)
        assert today.total_for_day.contains.proteins == pytest.approx(sum(calories.values()) * 0.05)


def test_a_weight_and_no_dish(client):
    """The total weight of a day without food is the body weight."""
    weigh(client, 80.5)
    assert client.today().total_for_day.total_avg_weight == 80
    client.photo(now_ms())
    assert client.today().total_for_day.total_avg_weight == client.today().dishes_today[0].total_avg_weight


def test_the_latest_weight_of_the_named_account_counts(client):
    """The weight goes to the account that the body names, zero is dropped, today shows the latest."""
    assert client.today().person_weight == 0
    for weight in (80.5, 81.5, 0):
        assert seen(weigh(client, weight)) == (200, GRPC, SUCCESS)
    other = Client(client.host, "other-" + client.email)
    weigh(other, 60, client.email)
    assert (client.today().person_weight, other.today().person_weight) == (60, 0)
    assert client.records()["weights"] == [80.5, 81.5, 60]


def test_the_documented_weight_layout_is_acknowledged_and_lost(client):
    """The running server reads another numbering than the documented one."""
    body = ManualWeightRequest(user_email=client.email, weight=70).SerializeToString()
    assert seen(client.call("/manual_weight", body)) == (200, GRPC, SUCCESS)
    assert client.today().person_weight == 0


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_breaks_the_list(client, weight):
    """It is acknowledged, and today's list is a 500 until the next good weight."""
    assert weigh(client, weight).body == SUCCESS
    assert client.call("/eater_get_today").status == 500
    weigh(client, 70)
    assert client.today().person_weight == 70


def test_recommendations_are_kept_for_the_day(client):
    """The second one of a day is the first one again, whatever was asked or eaten; the first is none for garbage."""
    assert seen(client.call("/get_recommendation", b"\xff\xff")) == (500, HTML, b"Failed")
    first = client.call("/get_recommendation", RecommendationRequest(days=1).SerializeToString())
    client.photo(now_ms())
    for body in (RecommendationRequest(days=7).SerializeToString(), b"\xff\xff"):
        assert client.call("/get_recommendation", body).body == first.body
    assert RecommendationResponse.FromString(first.body).recommendation


def test_a_past_day_has_its_dishes_and_the_nearest_weight(client):
    """A custom date has the dishes of that UTC day only, and the weight of the day nearest to it."""
    at = now_ms() - 10 * DAY_MS
    client.photo(at)
    client.photo(now_ms())
    weigh(client, 66)
    food = custom_date(client, at)
    assert [dish.time for dish in food.dishes_for_date] == [at]
    assert food.total_for_day.total_calories == food.dishes_for_date[0].estimated_avg_calories > 0
    assert food.person_weight == 66


def test_what_is_sent_is_on_the_records_page(client):
    """Language, feedback, deletes, ranges and health levels are remembered as they were sent."""
    for path in ("/set_language", "/feedback", "/delete_food", "/alcohol_range", "/food_health_level"):
        assert ask(client, path).status == 200
    received = client.records()["received"]
    assert received["languages"] == [{"user_email": "", "language_code": "en"}]
    assert received["feedback"] == [{"time": "", "userEmail": "", "feedback": "good"}]
    assert received["deletes"] == [1]
    assert received["alcohol_ranges"] == [["01-01-2024", "31-01-2024"]]
    assert received["health_levels"] == [{"time": 1, "food_name": "x"}]


def test_how_healthy_a_dish_is_depends_on_its_name_too(client):
    """Time and name together name a dish; any other pair has an empty answer."""
    client.photo(now_ms())
    (dish,) = client.today().dishes_today
    for name, known in ((dish.dish_name, True), ("Soup of the day", False)):
        request = FoodHealthLevelRequest(time=dish.time, food_name=name)
        body = client.call("/food_health_level", request.SerializeToString()).body
        assert bool(FoodHealthLevelResponse.FromString(body).title) == known == bool(body)


def test_alcohol_is_told_by_day_and_range(client):
    """Seeded drinks are in the day's summary and in a range that covers them."""
    at = now_ms()
    client.page("seed", {"email": client.email, "alcohol": [{"time": at, "calories": 200}, {"time": at - 9 * DAY_MS}]})
    latest = client.call("/alcohol_latest")
    summary = GetAlcoholLatestResponse.FromString(latest.body).today_summary
    assert (latest.status, latest.content_type) == (200, GRPC)
    assert (summary.total_drinks, summary.total_calories, list(summary.drinks_of_day)) == (1, 200, ["Beer"])
    (event,) = drinks(client, at)
    today = datetime.fromtimestamp(at / 1000, UTC)
    assert (event.time, event.date, event.calories, event.quantity) == (at // 1000, f"{today:%Y-%m-%d}", 200, 330)


def test_a_sign_in_gives_a_token_that_works(client):
    """The token of /eater_auth, which needs none itself, opens the other endpoints, and the ID token is not kept."""
    client.authorization = None
    id_token = make_token(STAND_IN_SECRET, "whoever@example.com", timedelta(hours=1))
    picture = "http://localhost/me.png"
    fields = {"provider": "google", "idToken": id_token, "email": client.email, "name": "New"}
    told = client.call("/eater_auth", json.dumps({**fields, "profilePictureURL": picture}).encode()).json()
    client.authorization = "Bearer " + told.pop("token")
    assert told == {
        "expiresIn": 31_536_000,
        "userEmail": client.email,
        "userName": "New",
        "profilePictureURL": picture,
    }
    assert client.call("/eater_get_today").status == 200
    assert id_token not in json.dumps(client.records())
    assert client.records()["received"]["auth"][0]["provider"] == "google"


@pytest.mark.parametrize(
    "id_token",
    [
        "something",
        5,
        ["a"],
        make_token("another secret", "a@example.com", timedelta(hours=1)),
        make_token(STAND_IN_SECRET, "a@example.com", timedelta(hours=-1)),
        jwt.encode({"sub": "a@example.com"}, None, algorithm="none"),
    ],
    ids=["text", "number", "list", "another key", "expired", "unsigned"],
)
def test_an_id_token_that_nobody_signed(client, id_token):
    """Only the stand-in's own secret signs in: no other text, number or token does."""
    fields = {"provider": "google", "idToken": id_token, "email": client.email}
    answer = client.call("/eater_auth", json.dumps(fields).encode())
    assert (answer.status, answer.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("body", [b"\xff", b"5", b"[" * 100_000], ids=["bytes", "number", "deep"])
def test_a_sign_in_that_is_no_object(client, body):
    """What is no JSON is an internal error, and JSON that is no object is `Failed`."""
    answer = client.call("/eater_auth", body)
    assert (answer.status, answer.body) == (200, b"Failed") if body == b"5" else answer.status == 500


@pytest.mark.parametrize("path", [path for path in WAITING if path != "/eater_auth"])
def test_every_route_wants_a_token(client, path):
    """No route but the sign-in and the photos is open."""
    client.authorization = None
    assert seen(ask(client, path)) == (401, JSON, {"message": "Token is missing"})


def test_a_token_without_an_end_is_good(client):
    """exp is optional."""
    client.authorization = "Bearer " + jwt.encode({"sub": client.email}, signing_key(STAND_IN_SECRET))
    assert client.call("/eater_get_today").status == 200


EMPTY_500 = (500, GRPC, b"")


@pytest.mark.parametrize(
    ("path", "expected"),
    {
        **dict.fromkeys(WAITING, EMPTY_500),
        "/eater_receive_photo": (408, HTML, b"Timeout"),
        "/eater_get_today": (503, HTML, b"Service temporarily unavailable"),
        "/get_recommendation": (500, HTML, b"Failed"),
        "/get_food_custom_date": (200, HTML, b"Failed"),
        "/food_health_level": (200, PROTOBUF, b""),
    }.items(),
)
def test_a_silent_backend(client, path, expected):
    """Without AI and food backend each endpoint that waits for them gives up in its own way."""
    client.page("faults", {"modes": ["backend-dead"]})
    assert seen(ask(client, path)) == expected


def test_a_weight_does_not_wait_for_the_backend(client):
    """A dead backend leaves weight, sign-in and the check of a token alone."""
    client.page("faults", {"silent_backend": True})
    served = ServedWeight(user_email=client.email, weight=70).SerializeToString()
    assert client.call("/manual_weight", served).body == SUCCESS
    assert client.call("/eater_test").status == 200


def test_the_daily_limit(launch):
    """Photos and recommendations together are limited for each account, with 400 and a text."""
    client = launch("--daily-limit", "2")
    assert [client.photo(now_ms()).status, ask(client, "/get_recommendation").status] == [200, 200]
    for answer in (client.photo(now_ms()), ask(client, "/get_recommendation")):
        assert (answer.status, answer.content_type) == (400, JSON)
        assert "daily limit of 2 requests" in answer.json()["error"]
    assert client.call("/eater_get_today").status == 200
    assert Client(client.host, "other@example.com").photo(now_ms()).status == 200


@pytest.mark.parametrize("path", ["/eater_get_today", "/feedback", "/nope", "/metrics", "/"])
def test_every_answer_has_the_servers_headers(client, path):
    """Good or bad, Chater UI closes the connection, sets a cookie and lets every site read."""
    headers = client.call(path).headers
    assert [headers[name] for name in ("Connection", "Access-Control-Allow-Origin", "Vary")] == ["close", "*", "Cookie"]
    assert headers["Set-Cookie"]
