"""A client that speaks plain HTTP to stand-ins, and stand-ins for it to speak to."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from itertools import count
from typing import Any

import pytest

from chaterload.chater.tokens import make_token
from chaterload.standin.endpoints import ENDPOINTS
from chaterload.standin.options import STAND_IN_SECRET
from proto.eater_photo_pb2 import PhotoMessage
from proto.today_food_pb2 import TodayFood
from tests.photos import small_png
from tests.support.warm import start_stand_in as start

PNG = small_png()
CONTENT_TYPES = {endpoint.path: endpoint.route.content_type for endpoint in ENDPOINTS}
_accounts = count(1)


@dataclass
class Answer:
    """One HTTP answer, whatever its status."""

    status: int
    headers: Message
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers["Content-Type"]

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Speaks for one account to one stand-in."""

    def __init__(self, host: str, email: str) -> None:
        self.host = host
        self.email = email
        self.authorization: str | None = "Bearer " + make_token(STAND_IN_SECRET, email, timedelta(hours=1))

    def call(self, path: str, body: bytes | None = None, method: str | None = None, **more: str) -> Answer:
        """GET without a body, else POST, unless a method is named. `more` are headers."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        headers |= {"Content-Type": CONTENT_TYPES.get(path) or "application/json", **more}
        request = urllib.request.Request(self.host + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def photo(self, at: object, data: bytes = PNG, photo_type: str = "default_prompt") -> Answer:
        message = PhotoMessage(time=str(at), photo_data=data, photoType=photo_type)
        return self.call("/eater_receive_photo", message.SerializeToString())

    def today(self) -> TodayFood:
        return TodayFood.FromString(self.call("/eater_get_today").body)

    def page(self, name: str, change: Any = None) -> Any:
        """One of the stand-in's own pages; `change` is posted to it."""
        return self.call(f"/_standin/{name}", None if change is None else json.dumps(change).encode()).json()

    def records(self) -> Any:
        return self.page(f"records?email={self.email}").get(self.email, {})


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def launch() -> Iterator[Callable[..., Client]]:
    """Starts stand-ins with options; they end with the test."""
    with ExitStack() as running:

        def launched(*options: str) -> Client:
            stand_in = running.enter_context(start(options))
            return Client(stand_in.host, stand_in.email)

        yield launched


@pytest.fixture(scope="session")
def shared_host() -> Iterator[str]:
    """A stand-in that all tests share, impatient so that they need not wait."""
    with start(["--patience-scale", "0.001"]) as stand_in:
        yield stand_in.host


@pytest.fixture
def client(shared_host: str) -> Iterator[Client]:
    """An account of its own on the shared stand-in, which is faultless again afterwards."""
    client = Client(shared_host, f"user{next(_accounts)}@example.com")
    faultless = client.page("faults")
    yield client
    client.page("faults", faultless)
