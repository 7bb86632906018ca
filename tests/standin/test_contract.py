"""Every endpoint answers as the wire contract says, for good and for bad input."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from chaterload.chater.tokens import make_token, signing_key
from chaterload.chater.weight import ServedWeight
from chaterload.chater.wire import DAY_MS
from chaterload.standin.options import STAND_IN_SECRET
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.eater_photo_pb2 import PhotoMessage
from proto.feedback_pb2 import FeedbackRequest
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightRequest
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.set_language_pb2 import SetLanguageRequest

from .conftest import PNG, Client, now_ms

PB, GRPC, HTML, JSON = (
    "application/protobuf",
    "application/grpc+proto",
    "text/html; charset=utf-8",
    "application/json",
)
SUCCESS = b"\x08\x01"
INVALID = {"success": False, "error": "Invalid Protobuf data"}
GARBAGE = b"\xff\xff garbage"
ALL_PATHS = {
    "/eater_receive_photo": "POST",
    "/eater_get_today": "GET",
    "/modify_food_record": "POST",
    "/manual_weight": "POST",
    "/get_recommendation": "POST",
    "/delete_food": "POST",
    "/get_food_custom_date": "POST",
    "/set_language": "POST",
    "/alcohol_latest": "GET",
    "/alcohol_range": "POST",
    "/feedback": "POST",
}
SIGN_IN = {
    "provider": "google",
    "idToken": "something",
    "email": "new@example.com",
    "name": "New",
    "profilePictureURL": "http://localhost/me.png",
}


def weigh(client, weight, email=None):
    """Sends a weight in both layouts, as a client should."""
    email = email or client.email
    documented = ManualWeightRequest(user_email=email, weight=weight).SerializeToString()
    served = ServedWeight(user_email=email, weight=weight).SerializeToString()
    return client.call("/manual_weight", documented + served)


def modify(client, time, percentage):
    """Modifies a dish of the client's account."""
    request = ModifyFoodRecordRequest(time=time, user_email=client.email, percentage=percentage)
    return client.call("/modify_food_record", request.SerializeToString())


def seen(answer):
    """What a table row compares: status, content type, and the body, decoded if it is JSON."""
    return answer.status, answer.content_type, answer.json() if answer.content_type == JSON else answer.body


def test_a_photo_becomes_a_dish(client):
    """The dish carries the time that was sent; the records page knows the bytes."""
    at = now_ms()
    answer = client.photo(at)
    assert seen(answer) == (200, JSON, {"status": "Success", "user_email": client.email})
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
    """Half a megabyte is as good as a few bytes."""
    client.photo(now_ms(), PNG + bytes(500_000))
    assert client.records()["received"]["photos"][0]["photo_bytes"] == len(PNG) + 500_000


def test_unreadable_times_become_now(client):
    """A photo without a readable time is a dish of this moment."""
    before = now_ms()
    assert client.photo("lunch time").status == 200
    assert before <= client.today().dishes_today[0].time <= now_ms()


def test_modify_multiplies_and_totals_follow(client):
    """200 doubles, 50 restores, 0 empties, and the day's totals are the sum each time."""
    at = now_ms()
    client.photo(at)
    client.photo(at - 1)
    calories = {dish.time: dish.estimated_avg_calories for dish in client.today().dishes_today}
    for percentage, factor in ((200, 2), (50, 1), (0, 0)):
        answer = modify(client, at, percentage)
        assert seen(answer) == (200, GRPC, SUCCESS)
        today = client.today()
        assert today.dishes_today[1].estimated_avg_calories == calories[at] * factor
        assert today.total_for_day.total_calories == calories[at] * factor + calories[at - 1]
        assert today.total_for_day.total_avg_weight == sum(dish.total_avg_weight for dish in today.dishes_today)
        assert today.total_for_day.contains.proteins == pytest.approx(today.total_for_day.total_calories * 0.05)


def test_delete_removes_the_dish_and_its_calories(client):
    """After a delete the day is empty again, totals included."""
    at = now_ms()
    client.photo(at)
    answer = client.call("/delete_food", DeleteFoodRequest(time=at).SerializeToString())
    assert seen(answer) == (200, GRPC, SUCCESS)
    assert not client.today().dishes_today
    assert client.today().total_for_day.total_calories == 0


def test_unknown_times_are_acknowledged(client):
    """Modify and delete of a dish that does not exist say success and do nothing."""
    assert modify(client, 12345, 200).body == SUCCESS
    assert client.call("/delete_food", DeleteFoodRequest(time=12345).SerializeToString()).body == SUCCESS
    assert client.records()["dishes"] == []
    assert client.records()["received"]["deletes"] == [12345]


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


def test_recommendations_are_kept_for_the_day(client):
    """The second one of a day is the first one again, whatever was asked or eaten."""
    first = client.call("/get_recommendation", RecommendationRequest(days=1).SerializeToString())
    client.photo(now_ms())
    second = client.call("/get_recommendation", RecommendationRequest(days=7).SerializeToString())
    assert (first.status, first.content_type) == (200, PB)
    assert RecommendationResponse.FromString(first.body).recommendation
    assert first.body == second.body
    assert client.records()["received"]["recommendations"] == [1, 7]


def test_a_past_day_shows_its_dishes(client):
    """A custom date has the dishes of that UTC day only."""
    at = now_ms() - 10 * DAY_MS
    client.photo(at)
    client.photo(now_ms())
    date = datetime.fromtimestamp(at / 1000, UTC).strftime("%d-%m-%Y")
    answer = client.call("/get_food_custom_date", CustomDateFoodRequest(date=date).SerializeToString())
    food = CustomDateFoodResponse.FromString(answer.body)
    assert (answer.status, answer.content_type) == (200, PB)
    assert [dish.time for dish in food.dishes_for_date] == [at]
    assert food.total_for_day.total_calories == food.dishes_for_date[0].estimated_avg_calories > 0


@pytest.mark.parametrize("date", ["nonsense", "2024-01-15", "31-02-2024"])
def test_a_date_that_is_none_has_zeros(client, date):
    """What is not a date is answered like a day without food."""
    answer = client.call("/get_food_custom_date", CustomDateFoodRequest(date=date).SerializeToString())
    assert (answer.status, answer.content_type) == (200, PB)
    assert CustomDateFoodResponse.FromString(answer.body).total_for_day.total_calories == 0


def test_language_and_feedback_arrive(client):
    """Both are acknowledged, and the records page has what was sent."""
    language = SetLanguageRequest(user_email=client.email, language_code="uk")
    feedback = FeedbackRequest(time="now", userEmail=client.email, feedback="Smačno!")
    assert seen(client.call("/set_language", language.SerializeToString())) == (200, GRPC, SUCCESS)
    assert seen(client.call("/feedback", feedback.SerializeToString())) == (200, GRPC, SUCCESS)
    received = client.records()["received"]
    assert received["languages"] == [{"user_email": client.email, "language_code": "uk"}]
    assert received["feedback"] == [{"time": "now", "userEmail": client.email, "feedback": "Smačno!"}]


def test_alcohol_is_told_by_day_and_range(client):
    """Seeded drinks are in the day's summary and in a range that covers them."""
    at = now_ms()
    client.page("seed", {"email": client.email, "alcohol": [{"time": at, "calories": 200}, {"time": at - 9 * DAY_MS}]})
    latest = client.call("/alcohol_latest")
    summary = GetAlcoholLatestResponse.FromString(latest.body).today_summary
    assert (latest.status, latest.content_type) == (200, GRPC)
    assert (summary.total_drinks, summary.total_calories, list(summary.drinks_of_day)) == (1, 200, ["Beer"])
    today = datetime.fromtimestamp(at / 1000, UTC)
    request = GetAlcoholRangeRequest(start_date=f"{today - timedelta(3):%d-%m-%Y}", end_date=f"{today:%d-%m-%Y}")
    (event,) = GetAlcoholRangeResponse.FromString(
        client.call("/alcohol_range", request.SerializeToString()).body
    ).events
    assert (event.time, event.date, event.calories, event.quantity) == (at, f"{today:%Y-%m-%d}", 200, 330)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("01-01-2024", "31-01-2024"),
        ("31-01-2024", "01-01-2024"),
        ("2024-01-01", "31-01-2024"),
        ("01-01-2024", ""),
    ],
)
def test_no_alcohol_is_an_empty_body(client, start, end):
    """No events, reversed or bad dates: 200 and 0 bytes."""
    request = GetAlcoholRangeRequest(start_date=start, end_date=end)
    assert seen(client.call("/alcohol_range", request.SerializeToString())) == (200, GRPC, b"")
    assert client.records()["received"]["alcohol_ranges"] == [[start, end]]


def test_no_alcohol_today_is_an_empty_summary(client):
    """An account that never drank has a summary of nothing."""
    answer = client.call("/alcohol_latest")
    assert GetAlcoholLatestResponse.FromString(answer.body).today_summary.total_drinks == 0


def test_a_sign_in_gives_a_token_that_works(client):
    """The token of /eater_auth, which needs none itself, opens the other endpoints."""
    client.authorization = None
    answer = client.call("/eater_auth", json.dumps({**SIGN_IN, "email": client.email}).encode())
    told = answer.json()
    assert (answer.status, answer.content_type) == (200, JSON)
    assert told.pop("expiresIn") > 0
    client.authorization = "Bearer " + told.pop("token")
    assert told == {
        "userEmail": client.email,
        "userName": "New",
        "profilePictureURL": "http://localhost/me.png",
    }
    assert client.call("/eater_get_today").status == 200
    assert client.records()["received"]["auth"][0]["provider"] == "google"
    assert "idToken" not in client.records()["received"]["auth"][0]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        *(({field: None}, 400, "invalid_request") for field in SIGN_IN),
        ({"email": ""}, 400, "invalid_request"),
        ({"provider": "myspace"}, 400, "invalid_provider"),
        ({"idToken": ""}, 401, "invalid_token"),
        ({"idToken": "invalid"}, 401, "invalid_token"),
    ],
)
def test_bad_sign_ins(client, change, status, error):
    """A sign-in that lacks a field, or with a bad provider or idToken, says which."""
    fields = {name: value for name, value in {**SIGN_IN, **change}.items() if value is not None}
    answer = client.call("/eater_auth", json.dumps(fields).encode())
    assert (answer.status, answer.content_type, answer.json()["error"]) == (status, JSON, error)
    assert answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"5"])
def test_a_sign_in_that_is_no_object(client, body):
    """A body that is not a JSON object lacks its fields."""
    assert client.call("/eater_auth", body).json()["error"] == "invalid_request"


def signed(secret=STAND_IN_SECRET, lifetime=1, **claims):
    """An Authorization header with a token of these claims."""
    if claims:
        return "Bearer " + jwt.encode(claims, signing_key(secret))
    return "Bearer " + make_token(secret, "a@example.com", timedelta(hours=lifetime))


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "Token is missing"),
        ("Basic abc", "Invalid token format"),
        ("Bearer", "Invalid token format"),
        ("Bearer abc", "Invalid token"),
        (signed("another secret"), "Invalid token"),
        (signed(name="no sub"), "Invalid token"),
        (signed(lifetime=-1), "Token has expired"),
    ],
    ids=["none", "basic", "bare", "malformed", "wrong key", "no sub", "expired"],
)
def test_bad_tokens(client, authorization, message):
    """The answer to a bad token is 401, and says what is wrong with it."""
    client.authorization = authorization
    assert seen(client.call("/eater_get_today")) == (401, JSON, {"message": message})


@pytest.mark.parametrize(("path", "method"), ALL_PATHS.items())
def test_every_route_wants_a_token(client, path, method):
    """No route but the sign-in is open."""
    client.authorization = None
    answer = client.call(path, b"x" if method == "POST" else None)
    assert seen(answer) == (401, JSON, {"message": "Token is missing"})


def test_a_token_without_an_end_is_good(client):
    """exp is optional."""
    client.authorization = signed(sub=client.email)
    assert client.call("/eater_get_today").status == 200


def photo_body(**fields):
    """A photo message, good but for these fields."""
    return PhotoMessage(**{"photo_data": PNG, "photoType": "default_prompt", **fields}).SerializeToString()


@pytest.mark.parametrize(
    ("path", "body", "status", "content_type", "expected"),
    [
        *((path, b"", 400, JSON, INVALID) for path in ("/modify_food_record", "/delete_food", "/manual_weight")),
        *((path, b"", 400, JSON, INVALID) for path in ("/feedback", "/set_language")),
        *((path, GARBAGE, 500, GRPC, b"") for path in ("/modify_food_record", "/delete_food", "/manual_weight")),
        *((path, GARBAGE, 500, GRPC, b"") for path in ("/feedback", "/set_language", "/alcohol_range")),
        ("/alcohol_range", b"", 500, GRPC, b""),
        ("/feedback", FeedbackRequest(time="x", feedback=" \n").SerializeToString(), 400, GRPC, b""),
        ("/get_food_custom_date", b"", 400, HTML, b"No date provided"),
        ("/get_food_custom_date", GARBAGE, 200, HTML, b"Failed"),
        ("/get_recommendation", GARBAGE, 500, HTML, b"Failed"),
    ],
)
def test_bad_bodies(client, path, body, status, content_type, expected):
    """Empty and garbage bodies get exactly the contract's answers."""
    assert seen(client.call(path, body)) == (status, content_type, expected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        GARBAGE,
        photo_body(photo_data=b"%PDF-1.7"),
        photo_body(time=str(now_ms() + DAY_MS + 600_000)),
        photo_body(photoType="portrait"),
        photo_body(photoType=""),
    ],
    ids=["empty", "garbage", "no image", "too far ahead", "unknown type", "no type"],
)
def test_bad_photos(client, body):
    """What is no image, too far ahead or of an unknown type is refused with JSON, and no dish is made."""
    answer = client.call("/eater_receive_photo", body)
    assert (answer.status, answer.content_type) == (400, JSON)
    assert answer.json()["error"]
    assert not client.today().dishes_today


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/eater_receive_photo", photo_body(), (408, HTML, b"Timeout")),
        ("/eater_get_today", None, (503, HTML, b"Service temporarily unavailable")),
        ("/get_recommendation", RecommendationRequest(days=1).SerializeToString(), (500, HTML, b"Failed")),
    ],
)
def test_a_silent_backend(client, path, body, expected):
    """Without AI and food backend photos, today and recommendations fail, each in its own way."""
    client.page("faults", {"silent_backend": True})
    assert seen(client.call(path, body)) == expected


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/feedback", 405), ("POST", "/eater_get_today", 405), ("GET", "/no/such/path", 404)],
)
def test_wrong_ways_are_html(client, method, path, status):
    """A wrong method and an unknown path give HTML."""
    answer = client.call(path, b"x" if method == "POST" else None, method)
    assert (answer.status, answer.content_type) == (status, HTML)


def test_the_daily_limit(launch):
    """Photos and recommendations together are limited for each account, with 400 and a text."""
    client = launch("--daily-limit", "2")
    recommend = RecommendationRequest(days=1).SerializeToString()
    assert [client.photo(now_ms()).status, client.call("/get_recommendation", recommend).status] == [200, 200]
    for answer in (client.photo(now_ms()), client.call("/get_recommendation", recommend)):
        assert (answer.status, answer.content_type) == (400, JSON)
        assert "daily limit of 2 requests" in answer.json()["error"]
    assert client.call("/eater_get_today").status == 200
    assert Client(client.host, "other@example.com").photo(now_ms()).status == 200


def test_every_answer_closes_its_connection(client):
    """Good or bad, Chater UI sends Connection: close."""
    answers = [client.call(path) for path in ("/eater_get_today", "/feedback", "/nope", "/metrics")]
    assert [answer.headers["Connection"] for answer in answers] == ["close"] * 4
