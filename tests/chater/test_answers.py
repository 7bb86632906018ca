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
from chaterload.chater.answers import (
    AnswerTooLarge,
    Kind,
    judge,
    judge_connection,
)
from chaterload.chater.deadline import DeadlineExceeded
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
    (EVERY, 401, JSON, message("Token is missing"), Kind.TOKEN_MISSING),
    (EVERY, 401, JSON, message("Invalid token format"), Kind.TOKEN_INVALID),
    (EVERY, 401, JSON, message("Invalid token"), Kind.TOKEN_INVALID),
    (EVERY, 401, JSON, message("Token has expired"), Kind.TOKEN_EXPIRED),
    (["modify", "delete", "weight", "feedback"], 400, JSON, NO_PROTOBUF, Kind.REQUEST_REFUSED),
    (["modify", "delete", "weight", "feedback"], 500, GRPC, b"", Kind.SERVER_ERROR),
    (["photo"], 400, JSON, b'{"error":"not an image"}', Kind.PHOTO_REFUSED),
    (["photo"], 400, JSON, error("The time is in the future"), Kind.PHOTO_REFUSED),
    (["photo"], 408, TEXT, b"Timeout", Kind.AI_TIMED_OUT),
    (["photo"], 400, JSON, b'{"error":"not food"}', Kind.PHOTO_REFUSED),
    (["custom date"], 400, TEXT, b"No date provided", Kind.REQUEST_REFUSED),
    (["custom date"], 200, "text/html", b"Failed", Kind.FAILED_WITH_200),
    (EVERY, 200, HTML, b"Failed\n", Kind.FAILED_WITH_200),
    (["alcohol range"], 500, HTML, b"", Kind.SERVER_ERROR),
    (["today"], 503, TEXT, b"Service temporarily unavailable", Kind.UNAVAILABLE),
    (["feedback"], 400, GRPC, b"", Kind.REQUEST_REFUSED),
    (["recommendation"], 500, TEXT, b"Failed", Kind.SERVER_ERROR),
    (["auth"], 400, JSON, error("invalid_request"), Kind.SIGN_IN_REFUSED),
    (["auth"], 400, JSON, error("invalid_provider"), Kind.SIGN_IN_REFUSED),
    (["auth"], 401, JSON, error("invalid_token"), Kind.SIGN_IN_REFUSED),
    (["photo", "recommendation"], 400, JSON, LIMIT, Kind.DAILY_LIMIT),
    (ENDPOINTS, 405, HTML, b"<title>405 Method Not Allowed</title>", Kind.REQUEST_REFUSED),
    (ENDPOINTS, 404, HTML, b"<title>404 Not Found</title>", Kind.REQUEST_REFUSED),
    (ENDPOINTS, 502, HTML, b"<title>502 Bad Gateway</title>", Kind.SERVER_ERROR),
    (ENDPOINTS, 302, HTML, b"", Kind.REDIRECTED),
    (ENDPOINTS, 204, None, b"", Kind.UNEXPECTED_STATUS),
    (ENDPOINTS, 200, HTML, b"<title>Log in</title>", Kind.WRONG_CONTENT_TYPE),
    (ENDPOINTS, 200, None, b"", Kind.WRONG_CONTENT_TYPE),
    (["today", "recommendation"], 200, PROTOBUF + "x", b"", Kind.WRONG_CONTENT_TYPE),
    (["today", "custom date", "recommendation"], 200, GRPC, b"", Kind.WRONG_CONTENT_TYPE),
    (["modify", "language", "alcohol latest"], 200, PROTOBUF, b"\x08\x01", Kind.WRONG_CONTENT_TYPE),
    (["photo", "auth"], 200, PROTOBUF, b"{}", Kind.WRONG_CONTENT_TYPE),
    (["today", "custom date", "recommendation"], 200, PROTOBUF, b"\xff\xff", Kind.UNDECODABLE),
    (["modify", "delete", "alcohol range"], 200, GRPC, b"Failed", Kind.UNDECODABLE),
    (["recommendation"], 200, PROTOBUF, b"\x0a\x02\xff\xff", Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"", Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"{", Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"[" * 100_000, Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"\xff\xfe\x00", Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"[]", Kind.UNDECODABLE),
    (["photo", "auth"], 200, JSON, b"{}", Kind.UNDECODABLE),
    (["photo"], 200, JSON, b'{"status":"Failed","user_email":"a@b"}', Kind.NOT_SUCCESS),
    (["photo"], 200, JSON, b'{"status":null}', Kind.NOT_SUCCESS),
    (["auth"], 200, JSON, b'{"token":"t","expiresIn":1}', Kind.UNDECODABLE),
    (["modify", "weight", "delete", "language", "feedback"], 200, GRPC, b"", Kind.NOT_SUCCESS),
    (["modify", "weight", "delete", "language", "feedback"], 200, GRPC, b"\x08\x00", Kind.NOT_SUCCESS),
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
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Kind.CONNECTION_REFUSED),
        (OSError(errno.EHOSTUNREACH, "no route"), Kind.CONNECTION_REFUSED),
        (OSError(errno.ENETUNREACH, "no network"), Kind.CONNECTION_REFUSED),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Kind.UNKNOWN_HOST),
        (CERTIFICATE, Kind.TLS),
        (ssl.SSLError(1, "wrong version number"), Kind.TLS),
        (ssl.SSLEOFError(8, "EOF"), Kind.CONNECTION_BROKEN),
        (ssl.SSLZeroReturnError(6, "closed"), Kind.CONNECTION_BROKEN),
        (TimeoutError("timed out"), Kind.TIMED_OUT),
        (OSError(errno.ETIMEDOUT, "timed out"), Kind.TIMED_OUT),
        (gevent.Timeout(60), Kind.TIMED_OUT),
        (DeadlineExceeded(60), Kind.TIMED_OUT),
        (OSError(errno.EMFILE, "too many"), Kind.OUT_OF_FILES),
        (OSError(errno.ENFILE, "too many"), Kind.OUT_OF_FILES),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Kind.CONNECTION_BROKEN),
        (BrokenPipeError(errno.EPIPE, "broken"), Kind.CONNECTION_BROKEN),
        (HTTPParseError("invalid status line", 1), Kind.CONNECTION_BROKEN),
        (None, Kind.CONNECTION_BROKEN),
        (AnswerTooLarge(), Kind.TOO_LARGE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_connection_lands_in_its_kind(exception, kind):
    """What Python, gevent and geventhttpclient raise has its kind."""
    assert judge_connection(exception) is kind


def test_every_kind_can_be_acted_on():
    """Every kind has a title of its own, a meaning and something to do, without a full stop or anything variable."""
    titles = [kind.title for kind in Kind]
    assert len(set(titles)) == len(titles)
    for kind in Kind:
        for text in kind.value:
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
    if isinstance(result, Kind):
        return
    assert status == 200
    assert isinstance(result, dict if endpoint in ("photo", "auth") else Message)


@given(st.integers(0, len(TODAY.SerializeToString()) - 1))
def test_a_truncated_list(length):
    """Of a list that was cut, nothing is taken for more than it says."""
    result = judge(200, PROTOBUF, TODAY.SerializeToString()[:length], routes.TODAY.expected)
    assert result is Kind.UNDECODABLE or (isinstance(result, TodayFood) and result.person_weight == 0)
