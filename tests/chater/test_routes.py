"""Each endpoint is declared once, and what asks it knows the type of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from chaterload.chater import routes
from chaterload.chater.answers import judge
from chaterload.chater.kinds import FailureKind
from chaterload.chater.routes import Route
from chaterload.chater.wire import PROTOBUF
from chaterload.contract.cases import read_cases
from chaterload.standin.endpoints import ENDPOINTS
from proto.today_food_pb2 import TodayFood

if TYPE_CHECKING:  # importing it would patch the sockets of all tests
    from chaterload.chater.user import ProtobufUser

ROUTES: list[Route[Any]] = list(routes.ROUTES.values())


def test_the_stand_in_answers_each_route():
    """The stand-in has each route, once, and no other."""
    assert sorted(str(endpoint.route) for endpoint in ENDPOINTS) == sorted(map(str, ROUTES))
    assert len({route.path for route in ROUTES}) == len(ROUTES) > 10


def test_the_contract_has_a_case_of_each_route():
    """No endpoint can be declared and forgotten by the table of cases."""
    assert {str(case.route) for case in read_cases() if case.route} == {str(route) for route in ROUTES}


def test_what_a_request_carries():
    """What is sent says its content type; a GET sends nothing. Signing in and photos need no token."""
    for route in ROUTES:
        assert (route.method == "GET") == (not route.fields)
    assert [route for route in ROUTES if not route.needs_token] == [routes.SIGN_IN, routes.PHOTO_FILE]


def test_an_answer_has_the_type_of_its_route():
    """A route's answer is its message, for Python and for mypy."""
    answer = judge(200, PROTOBUF, b"", routes.TODAY.expected)
    assert_type(answer, TodayFood | FailureKind)
    assert answer == TodayFood()


def test_an_empty_answer_may_be_none():
    """No bytes are a message of defaults, but for what must say something: a health level and a photo."""
    strict: list[Route[Any]] = [routes.HEALTH_LEVEL, routes.PHOTO_FILE]
    for route in strict:
        assert judge(200, route.expected.content_type, b"", route.expected) is FailureKind.EMPTY
    assert judge(200, "image/jpeg", b"x", routes.PHOTO_FILE.expected) == b"x"


def mypy_knows_what_is_sent_back(user: ProtobufUser) -> None:
    """No test, but read by mypy: a user's `send` returns what the route says."""
    assert_type(user.send(routes.TODAY), TodayFood | None)
    assert_type(user.send(routes.PHOTO, b""), dict[str, Any] | None)
