"""Attacks from a browser on the web UI: pages of other sites, names that are made to lead here, and large bodies."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Refused
from chaterload.web.gate import MOST_BODY_BYTES, Gate, known_names
from chaterload.web.server import LOCAL_ADDRESS
from tests.web.conftest import OWN, Make

READING_PAGES = {
    *("/", "/assets/<path:path>", "/exceptions", "/exceptions/csv", "/login", "/logs", "/metrics", "/tasks"),
    *("/stats/failures/csv", "/stats/report", "/stats/requests", "/stats/requests/csv"),
    *("/stats/requests_full_history/csv", "/static/<path:filename>", "/worker-count"),
}
CHANGING_PAGES = {"/swarm", "/stop", "/stats/reset", "/user"}

FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1:8089"},
    {"Origin": "http://localhost:8089.evil.example"},
    {"Origin": "http://localhost:80890"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:8089", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:8089", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Referer": "http://localhost:8089/"},
    {},
]
FOREIGN_NAMES = [
    "evil.example",
    "evil.example:8089",
    "localhost.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.2",
    "2130706433",
    "0.0.0.0:8089",
    "[::ffff:127.0.0.1]",
    "localhost:8089, evil.example",
    "",
]


def rules(app):
    """Each path with its methods, but for what Flask and the CORS extension add by themselves."""
    return {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}


def test_what_changes_something_is_posted(make: Make) -> None:
    """Locust's pages that take GET are those that only read: a new one has to be looked at before it is let in."""
    site = make()
    found = rules(site.app)
    assert {path for path, method in found if method == "GET"} == READING_PAGES
    assert {path for path, method in found if method != "GET"} == CHANGING_PAGES


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_page_of_another_site_changes_nothing(make: Make, headers: dict[str, str]) -> None:
    """Whatever a foreign page posts, with whatever headers it can bring about, is refused and has no effect."""
    site = make()
    for path in CHANGING_PAGES:
        form = {"user_count": "1", "spawn_rate": "1", "host": "http://127.0.0.1:6666"}
        answer = site.client().post(path, data=form, headers={"Host": "localhost:8089"} | headers)
        assert answer.status_code == 403, path
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.nothing_happened()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "QUERY"])
def test_no_method_gets_around_it(make: Make, method: str) -> None:
    """A method other than those that read needs a page of our own, known to Locust or not."""
    answer = (
        make().client().open("/swarm", method=method, headers={"Host": "localhost", "Origin": "http://evil.example"})
    )
    assert answer.status_code == 403


def test_a_page_behind_a_login_as_well(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a login, a page on another port of the same host logs nobody in or out and starts nothing."""
    monkeypatch.setenv("LOCUST_WEB_USERNAME", "ops")
    monkeypatch.setenv("LOCUST_WEB_PASSWORD", "secret")
    site = make(login=True)
    client = site.client()
    form = {"username": "ops", "password": "secret"}
    assert client.post("/login", data=form, headers=OWN).status_code == 302
    foreign = OWN | {"Origin": "http://localhost:3000"}
    for path in (*CHANGING_PAGES, "/login", "/logout"):
        assert client.post(path, data=form, headers=foreign).status_code == 403
    assert site.nothing_happened()
    assert client.get("/stats/requests", headers=OWN).is_json


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8089"},
        {"Origin": "http://localhost:8089", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost:8089"},
    ],
    ids=str,
)
def test_our_own_page_is_served(make: Make, headers: dict[str, str]) -> None:
    """What the page itself posts is done, also behind a proxy that speaks TLS."""
    site = make()
    form = {"user_count": "3", "spawn_rate": "1", "host": "http://127.0.0.1:5000"}
    answer = site.client().post("/swarm", data=form, headers={"Host": "localhost:8089"} | headers)
    assert answer.get_json()["success"], answer.get_json()
    assert site.node.checked == [(3, "http://127.0.0.1:5000")]


@pytest.mark.parametrize("name", FOREIGN_NAMES)
def test_a_name_that_is_made_to_lead_here(make: Make, name: str) -> None:
    """A foreign page whose name now resolves to this machine (DNS rebinding) reads nothing and changes nothing."""
    site = make()
    host = {"Host": name, "Origin": f"http://{name}", "Sec-Fetch-Site": "same-origin"}
    for path in CHANGING_PAGES:
        assert site.client().post(path, headers=host).status_code == 403
    for path in ("/", "/stats/requests", "/logs", "/metrics", "/assets/favicon-light.png", "/no-such-page"):
        answer = site.client().get(path, headers=host)
        assert answer.status_code == 403
        assert answer.mimetype == "text/plain"
    assert site.nothing_happened()


@pytest.mark.parametrize(
    "name",
    ["localhost", "LOCALHOST:1", "127.0.0.1:8089", "[::1]:8089", "10.1.2.3:8089", "load.example.com", "[fd00::5]"],
)
def test_the_names_it_is_known_by(make: Make, name: str) -> None:
    """It answers as localhost, as what --web-host binds and as each name of --web-known-as, on whatever port."""
    site = make(web_known_as=["load.example.com, FD00:0::5", "10.1.2.3"])
    assert site.client().get("/", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("name", ["http://load.example.com", "load.example.com:8089", "a b", "a/b", "*"])
def test_a_name_that_is_none(name: str) -> None:
    """--web-known-as takes names, and says so of what is none."""
    with pytest.raises(Refused, match="--web-known-as"):
        known_names("127.0.0.1", [name])


def test_an_address_of_this_machine() -> None:
    """Where it listens on each address, it is known by the one that a request came to, and by no other."""

    def status(host: str, arrived_at: str | None, *, any_address: bool) -> str:
        told: list[str] = []

        def start(status: str, *_: Any) -> Any:
            told.append(status)

        gate = Gate(lambda _, start: [str(start("200 OK", [])).encode()], known_names("", ()), any_address=any_address)
        environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": host, "wsgi.url_scheme": "http"}
        gate(environ | ({LOCAL_ADDRESS: arrived_at} if arrived_at else {}), start)
        return told[0]

    assert status("10.0.0.7:8089", "10.0.0.7", any_address=True) == "200 OK"
    assert status("10.0.0.7:8089", "::ffff:10.0.0.7", any_address=True) == "200 OK"
    assert status("[fd00::7]:8089", "fd00::7", any_address=True) == "200 OK"
    assert status("[fe80::7]:8089", "fe80::7%eth0", any_address=True) == "200 OK"
    assert status("10.0.0.7:8089", "10.0.0.8", any_address=True) == "403 Forbidden"
    assert status("10.0.0.7:8089", "10.0.0.7", any_address=False) == "403 Forbidden"
    assert status("10.0.0.7:8089", None, any_address=True) == "403 Forbidden"


@given(
    st.sampled_from(["localhost", "localhost:8089", "127.0.0.1", "evil.example", "a.b:80", "LocalHost:8089"])
    | st.text(),
    st.sampled_from(["http://localhost:8089", "http://localhost", "http://evil.example", "null", "http://a.b:80"])
    | st.text()
    | st.none(),
    st.sampled_from(["same-origin", "same-site", "cross-site", "none"]) | st.text() | st.none(),
)
def test_nothing_foreign_gets_through(host: str, origin: str | None, site: str | None) -> None:
    """Whatever the three headers hold: a change goes through only by a known name and from that very name's page."""
    passed: list[bytes] = []
    gate = Gate(lambda *_: [b"", *passed.__iadd__([b"passed"])], known_names("", ["a.b"]), any_address=False)
    environ = {"REQUEST_METHOD": "POST", "HTTP_HOST": host, "wsgi.url_scheme": "http"}
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}
    environ |= {} if site is None else {"HTTP_SEC_FETCH_SITE": site}
    gate(environ, lambda *_: passed.append)
    name, colon, port = host.lower().partition(":")
    is_known = name in ("localhost", "127.0.0.1", "a.b") and (not colon or re.fullmatch("[0-9]{1,5}", port) is not None)
    is_own = site in (None, "same-origin") and (
        origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
        if origin is not None
        else site is not None
    )
    assert bool(passed) == (is_known and is_own)


def test_no_answer_is_open_to_other_origins(make: Make) -> None:
    """No answer, to whatever request, carries leave for another origin; each says that it may stand in no frame."""
    site = make()
    foreign = {"Host": "localhost", "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for path, method in [*rules(site.app), ("/no-such-page", "GET"), ("/", "OPTIONS"), ("/swarm", "OPTIONS")]:
        answer = site.client().open(path.replace("<path:path>", "favicon-light.png"), method=method, headers=foreign)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")], (path, method)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.status_code != 403:
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        answer.close()


@pytest.mark.parametrize("path", ["/swarm", "/login", "/user", "/stop", "/metrics", "/no-such-page"])
def test_a_large_body_is_not_read(make: Make, path: str) -> None:
    """A body above the bound is refused before a byte of it is read; one that says no length, at the bound."""

    class Body:
        """Without end."""

        taken = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0
            self.taken += size
            return b"a" * size

    for declared, most in ((str(300 * 10**6), 0), (None, MOST_BODY_BYTES + 1)):
        body, site = Body(), make()
        environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        environ |= {"CONTENT_LENGTH": declared} if declared else {}
        answer = site.client().post(path, headers=OWN, environ_overrides=environ)
        assert answer.status_code == 413
        assert body.taken <= most
        assert site.nothing_happened()


def test_a_form_as_large_as_may_be(make: Make) -> None:
    """A body of just the bound is read."""
    fields = b"user_count=1&spawn_rate=1&profile="
    answer = (
        make()
        .client()
        .post(
            "/swarm",
            data=fields + b"a" * (MOST_BODY_BYTES - len(fields)),
            content_type="application/x-www-form-urlencoded",
            headers=OWN,
        )
    )
    assert answer.get_json()["success"]
