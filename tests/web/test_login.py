"""Attacks on the login: guessing, a copied cookie, and more sessions than there may be."""

import base64
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from chaterload.web import login, throttle
from tests.web.conftest import OWN, Make, Site

PASSWORD = "correct horse ☃"


@pytest.fixture
def site(make: Make, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A web UI with a login."""
    monkeypatch.setenv("LOCUST_WEB_USERNAME", "ops")
    monkeypatch.setenv("LOCUST_WEB_PASSWORD", PASSWORD)
    return make(login=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time that the login goes by, which stands still unless it is moved."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(throttle.Throttle.__init__, "__defaults__", (lambda: Clock.now,))
    return Clock


def log_in(client: FlaskClient, name: str = "ops", password: str = PASSWORD) -> str:
    """The page that follows."""
    answer = client.post("/login", data={"username": name, "password": password}, headers=OWN, follow_redirects=True)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def is_in(client: FlaskClient) -> bool:
    return client.get("/stats/requests", headers=OWN).is_json


def test_guessing(clock: Any, site: Site) -> None:
    """After a wrong password none is looked at for a while, not even the right one, from wherever it comes."""
    assert "Wrong name or password" in log_in(site.client(), password="guess")
    for _ in range(10):
        assert "The next try is possible in 1 s" in log_in(site.client(), password="guess")
    assert "The next try is possible" in log_in(site.client())
    clock.now += 1.0
    client = site.client()
    assert "window.templateArgs" in log_in(client)
    assert is_in(client)


@pytest.mark.parametrize(("name", "password"), [("root", PASSWORD), ("", ""), ("ops", ""), ("OPS", PASSWORD)])
def test_what_is_wrong(clock: Any, site: Site, name: str, password: str) -> None:
    """A wrong name counts as much as a wrong password."""
    client = site.client()
    assert "Wrong name or password" in log_in(client, name, password)
    assert "The next try is possible" in log_in(client)
    assert not is_in(client)


def basic(password: str) -> dict[str, str]:
    return OWN | {"Authorization": "Basic " + base64.b64encode(f"ops:{password}".encode()).decode()}


def test_guessing_at_the_metrics(clock: Any, site: Site) -> None:
    """The page for scrapers is no way around the wait, and keeps nobody out of the login page."""
    client = site.client()
    assert client.get("/metrics", headers=OWN).status_code == 401  # asked without a password: no wrong one
    assert client.get("/metrics", headers=basic(PASSWORD)).status_code == 200
    assert client.get("/metrics", headers=basic("guess")).status_code == 401
    answer = client.get("/metrics", headers=basic(PASSWORD))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "window.templateArgs" in log_in(client)
    assert client.get("/metrics").status_code == 200  # who is in needs no password
    clock.now += 1.0
    assert site.client().get("/metrics", headers=basic(PASSWORD)).status_code == 200


def test_logging_out(site: Site) -> None:
    """Who logs out is out, and so is whoever copied the cookie; others stay in."""
    client, other, thief = site.client(), site.client(), site.client()
    assert "Log out" in log_in(client)
    log_in(other)
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert cookie.http_only
    thief.set_cookie("session", cookie.value)
    assert is_in(thief)
    assert client.post("/logout", headers=OWN).status_code == 302
    assert not is_in(client)
    assert not is_in(thief)
    assert is_in(other)
    assert "Log out" not in client.get("/login", headers=OWN).get_data(as_text=True)


def test_only_who_is_in_logs_out(site: Site) -> None:
    """A stranger's request to log out does nothing, and neither does a link."""
    friend = site.client()
    log_in(friend)
    assert site.client().post("/logout", headers=OWN).status_code == 302
    assert friend.get("/logout", headers=OWN).status_code == 405
    assert is_in(friend)


def test_sessions_have_a_bound(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more sessions than there may be, the oldest ends."""
    monkeypatch.setattr(login, "MOST_SESSIONS", 2)
    clients = [site.client() for _ in range(3)]
    for client in clients:
        log_in(client)
    assert [is_in(client) for client in clients] == [False, True, True]


def test_the_button_is_on_the_page_alone(site: Site) -> None:
    """The button to log out leads to the right page, below a base path as well."""
    client = site.client()
    page = log_in(client)
    assert re.findall(r'<form method="post" action="([^"]*)"', page) == ["/logout"]
    assert "Log out" not in client.get("/stats/report", headers=OWN).get_data(as_text=True)
