"""Every answer is good or one of a fixed list of kinds."""

import errno
import json
import socket
import ssl
from typing import Any

import gevent
import pytest
from geventhttpclient.response import HTTPParseError
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater import routes
from chaterload.chater.answers import AnswerTooLarge, judge, judge_connection
from chaterload.chater.deadline import DeadlineExceeded
from chaterload.chater.kinds import FailureKind
from chaterload.chater.routes import Route
from chaterload.chater.wire import GRPC, JSON, PROTOBUF
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordResponse
from proto.today_food_pb2 import Dish, TodayFood

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
ENDPOINTS: dict[str, Route[Any]] = {
    "photo": routes.PHOTO,
    "today": routes.TODAY,
    "modify": routes.MODIFY,
    "weight": routes.WEIGHT,
    "recommendation": routes.RECOMMENDATION,
    "delete": routes.DELETE,
    "custom date": routes.CUSTOM_DATE,
    "language": routes.LANGUAGE,
    "alcohol latest": routes.ALCOHOL_LATEST,
    "alcohol range": routes.ALCOHOL_RANGE,
    "feedback": routes.FEEDBACK,
    "auth": routes.SIGN_IN,
}
EVERY = [name for name in ENDPOINTS if name != "auth"]


def message(text):
    return json.dumps({"message": text}).encode()


def error(text):
    return json.dumps({"error": text, "message": "What is wrong."}).encode()


NO_PROTOBUF = b'{"success":false,"error":"Invalid Protobuf data"}'
LIMIT = error("You have reached your daily limit of 30 requests per day")

BAD_ANSWERS = [
    (EVERY, 401, JSON, message("Token is missing"), FailureKind.TOKEN_MISSING),
    (EVERY, 401, JSON, message("Invalid token format"), FailureKind.TOKEN_INVALID),
    (EVERY, 401, JSON, message("Invalid token"), FailureKind.TOKEN_INVALID),
    (EVERY, 401, JSON, message("Token has expired"), FailureKind.TOKEN_EXPIRED),
    (["modify", "delete", "weight", "feedback"], 400, JSON, NO_PROTOBUF, FailureKind.REQUEST_REFUSED),
    (["modify", "delete", "weight", "feedback"], 500, GRPC, b"", FailureKind.SERVER_ERROR),
    (["photo"], 400, JSON, b'{"error":"not an image"}', FailureKind.PHOTO_REFUSED),
    (["photo"], 400, JSON, error("The time is in the future"), FailureKind.PHOTO_REFUSED),
    (["photo"], 408, TEXT, b"Timeout", FailureKind.AI_TIMED_OUT),
    (["today", "modify", "weight"], 408, HTML, b"<title>408 Request Time-out</title>", FailureKind.REQUEST_REFUSED),
    (ENDPOINTS, 429, HTML, b"<title>429 Too Many Requests</title>", FailureKind.THROTTLED),
    (["photo"], 400, JSON, b'{"error":"not food"}', FailureKind.PHOTO_REFUSED),
    (["custom date"], 400, TEXT, b"No date provided", FailureKind.REQUEST_REFUSED),
    (["custom date"], 200, "text/html", b"Failed", FailureKind.FAILED_WITH_200),
    (EVERY, 200, HTML, b"Failed\n", FailureKind.FAILED_WITH_200),
    (["alcohol range"], 500, HTML, b"", FailureKind.SERVER_ERROR),
    (["today"], 503, TEXT, b"Service temporarily unavailable", FailureKind.UNAVAILABLE),
    (["feedback"], 400, GRPC, b"", FailureKind.REQUEST_REFUSED),
    (["recommendation"], 500, TEXT, b"Failed", FailureKind.SERVER_ERROR),
    (["auth"], 400, JSON, error("invalid_request"), FailureKind.SIGN_IN_REFUSED),
    (["auth"], 400, JSON, error("invalid_provider"), FailureKind.SIGN_IN_REFUSED),
    (["auth"], 401, JSON, error("invalid_token"), FailureKind.SIGN_IN_REFUSED),
    (["photo", "recommendation"], 400, JSON, LIMIT, FailureKind.DAILY_LIMIT),
    (ENDPOINTS, 405, HTML, b"<title>405 Method Not Allowed</title>", FailureKind.REQUEST_REFUSED),
    (ENDPOINTS, 404, HTML, b"<title>404 Not Found</title>", FailureKind.REQUEST_REFUSED),
    (ENDPOINTS, 502, HTML, b"<title>502 Bad Gateway</title>", FailureKind.SERVER_ERROR),
    (ENDPOINTS, 302, HTML, b"", FailureKind.REDIRECTED),
    (ENDPOINTS, 204, None, b"", FailureKind.UNEXPECTED_STATUS),
    (ENDPOINTS, 200, HTML, b"<title>Log in</title>", FailureKind.WRONG_CONTENT_TYPE),
    (ENDPOINTS, 200, None, b"", FailureKind.WRONG_CONTENT_TYPE),
    (["today", "recommendation"], 200, PROTOBUF + "x", b"", FailureKind.WRONG_CONTENT_TYPE),
    (["today", "custom date", "recommendation"], 200, GRPC, b"", FailureKind.WRONG_CONTENT_TYPE),
    (["modify", "language", "alcohol latest"], 200, PROTOBUF, b"\x08\x01", FailureKind.WRONG_CONTENT_TYPE),
    (["photo", "auth"], 200, PROTOBUF, b"{}", FailureKind.WRONG_CONTENT_TYPE),
    (["today", "custom date", "recommendation"], 200, PROTOBUF, b"\xff\xff", FailureKind.UNDECODABLE),
    (["modify", "delete", "alcohol range"], 200, GRPC, b"Failed", FailureKind.UNDECODABLE),
    (["recommendation"], 200, PROTOBUF, b"\x0a\x02\xff\xff", FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"", FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"{", FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"[" * 100_000, FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"\xff\xfe\x00", FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"[]", FailureKind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"{}", FailureKind.UNDECODABLE),
    (["photo"], 200, JSON, b'{"status":"Failed","user_email":"a@b"}', FailureKind.NOT_SUCCESS),
    (["photo"], 200, JSON, b'{"status":null}', FailureKind.NOT_SUCCESS),
    (["auth"], 200, JSON, b'{"token":"t","expiresIn":1}', FailureKind.UNDECODABLE),
    (["modify", "weight", "delete", "language", "feedback"], 200, GRPC, b"", FailureKind.NOT_SUCCESS),
    (["modify", "weight", "delete", "language", "feedback"], 200, GRPC, b"\x08\x00", FailureKind.NOT_SUCCESS),
]


@pytest.mark.parametrize(
    ("endpoint", "status", "content_type", "body", "kind"),
    [
        pytest.param(endpoint, *answer, kind, id=f"{endpoint}-{answer[0]}-{kind.name}")
        for endpoints, *answer, kind in BAD_ANSWERS
        for endpoint in endpoints
    ],
)
def test_a_failing_answer_lands_in_its_kind(endpoint, status, content_type, body, kind):
    """Each failing answer of the contract, and of what may stand in front of the server, has its kind."""
    assert judge(status, content_type, body, ENDPOINTS[endpoint].expected) is kind


TODAY = TodayFood(dishes_today=[Dish(time=1_700_000_000_123, estimated_avg_calories=300)], person_weight=80.5)
SIGN_IN = {"token": "t", "expiresIn": 86400, "userEmail": "a@b", "userName": "A", "profilePictureURL": ""}


@pytest.mark.parametrize(
    ("endpoint", "content_type", "body", "expected"),
    [
        ("today", PROTOBUF, TODAY.SerializeToString(), TODAY),
        ("today", PROTOBUF + "; charset=utf-8", b"", TodayFood()),
        ("today", " Application/Protobuf ;charset=UTF-8", b"", TodayFood()),
        ("modify", "APPLICATION/GRPC+PROTO", b"\x08\x01", ModifyFoodRecordResponse(success=True)),
        ("custom date", PROTOBUF, b"", CustomDateFoodResponse()),
        ("alcohol range", GRPC, b"", GetAlcoholRangeResponse()),
        ("alcohol latest", GRPC, b"", GetAlcoholLatestResponse()),
        ("modify", GRPC, b"\x08\x01", ModifyFoodRecordResponse(success=True)),
        ("photo", JSON, b'{"status":"Success","user_email":"a@b"}', {"status": "Success", "user_email": "a@b"}),
        ("auth", JSON + "; charset=utf-8", json.dumps(SIGN_IN).encode(), SIGN_IN),
    ],
)
def test_a_good_answer_is_decoded(endpoint, content_type, body, expected):
    """A good answer is the message, also where that is one of defaults and takes no byte."""
    assert judge(200, content_type, body, ENDPOINTS[endpoint].expected) == expected


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), FailureKind.CONNECTION_REFUSED),
        (OSError(errno.EHOSTUNREACH, "no route"), FailureKind.CONNECTION_REFUSED),
        (OSError(errno.ENETUNREACH, "no network"), FailureKind.CONNECTION_REFUSED),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), FailureKind.UNKNOWN_HOST),
        (CERTIFICATE, FailureKind.TLS),
        (ssl.SSLError(1, "wrong version number"), FailureKind.TLS),
        (ssl.SSLEOFError(8, "EOF"), FailureKind.CONNECTION_BROKEN),
        (ssl.SSLZeroReturnError(6, "closed"), FailureKind.CONNECTION_BROKEN),
        (TimeoutError("timed out"), FailureKind.TIMED_OUT),
        (OSError(errno.ETIMEDOUT, "timed out"), FailureKind.TIMED_OUT),
        (gevent.Timeout(60), FailureKind.TIMED_OUT),
        (DeadlineExceeded(60), FailureKind.TIMED_OUT),
        (OSError(errno.EMFILE, "too many"), FailureKind.OUT_OF_FILES),
        (OSError(errno.ENFILE, "too many"), FailureKind.OUT_OF_FILES),
        (ConnectionResetError(errno.ECONNRESET, "reset"), FailureKind.CONNECTION_BROKEN),
        (BrokenPipeError(errno.EPIPE, "broken"), FailureKind.CONNECTION_BROKEN),
        (HTTPParseError("invalid status line", 1), FailureKind.CONNECTION_BROKEN),
        (None, FailureKind.CONNECTION_BROKEN),
        (AnswerTooLarge(), FailureKind.TOO_LARGE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_connection_lands_in_its_kind(exception, kind):
    """What Python, gevent and geventhttpclient raise has its kind."""
    assert judge_connection(exception) is kind


def test_every_kind_can_be_acted_on():
    """Every kind has a title of its own, a meaning and something to do, without a full stop or anything variable."""
    titles = [kind.title for kind in FailureKind]
    assert len(set(titles)) == len(titles)
    for kind in FailureKind:
        for text in (kind.title, kind.meaning, kind.action):
            assert text
            assert text == text.strip()
            assert not text.endswith(".")
            assert "{" not in text


STATUSES = st.just(200) | st.sampled_from([0, 301, 400, 401, 404, 408, 500, 503]) | st.integers()
TYPES = st.none() | st.sampled_from([PROTOBUF, GRPC, JSON, HTML]) | st.text()
ODD_VALUES: list[object] = ["Success", "Failed", None, True, 1e400, [], {"a": "b"}]
VALUES = st.sampled_from(ODD_VALUES) | st.text(max_size=9)
FIELDS = st.sampled_from(["status", *SIGN_IN])
BODIES = (
    st.binary()
    | st.sampled_from([TODAY.SerializeToString(), b"Failed", b"daily limit", b"\x08\x01"])
    | st.dictionaries(FIELDS, VALUES).map(lambda fields: json.dumps(fields).encode())
)


@given(STATUSES, TYPES, BODIES, st.sampled_from(sorted(ENDPOINTS)))
def test_any_answer_gets_a_judgement(status, content_type, body, endpoint):
    """No answer raises: it is decoded or a kind, and only a 200 is ever good."""
    result = judge(status, content_type, body, ENDPOINTS[endpoint].expected)
    if isinstance(result, FailureKind):
        return
    assert status == 200
    assert isinstance(result, dict if endpoint in ("photo", "auth") else Message)


@given(st.integers(0, len(TODAY.SerializeToString()) - 1))
def test_a_truncated_list(length):
    """Of a list that was cut, nothing is taken for more than it says."""
    result = judge(200, PROTOBUF, TODAY.SerializeToString()[:length], routes.TODAY.expected)
    assert result is FailureKind.UNDECODABLE or (isinstance(result, TodayFood) and result.person_weight == 0)
