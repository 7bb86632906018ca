"""The web UI under abuse, and the login that keeps others out."""

import base64
import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import (
    Cluster,
    Locust,
    Run,
    WebUi,
    credentials,
    free_port,
    processes,
    refuses,
    requests_seen,
    wait_for,
)

SCRIPT = "<script>alert('MARKED')</script>"
HOSTILE_HOSTS = (
    "http://127.0.0.1@example.com",
    "http://example.com#@127.0.0.1",
    "http://example.com\\@127.0.0.1",
    "http://example.com\\.test",
    "http://[::ffff:8.8.8.8]",
    "http://134744072",
    "http://0x08080808",
    "http://127.0.0.1.example.com",
    "http://exam<ple.com",
    "http://example.com<.test",
    "//example.com",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://",
    "http://ex\nample.com",
    "http://\uff4cocalhost",
    f"http://localhost/{SCRIPT}",
    f"http://{SCRIPT}",
    "http://localhost:99999",
    "http://[",
)
HOSTILE_VALUES = (
    SCRIPT,
    "-1",
    "0x10",
    "NaN",
    "inf",
    "1e308",
    "1e-300",
    "9" * 5000,
    "99999999999999999999",
    "\x00",
    "٣",
    "{{7*7}}",
    "${jndi:ldap://example.com}",
    "'; DROP TABLE users; --",
    "",
    "a" * 100_000,
)


class Browser:
    """Sends what it is told to, keeps cookies, and takes every status for an answer."""

    def __init__(self, web: WebUi, *headers: tuple[str, str]) -> None:
        self._base = f"http://127.0.0.1:{web.port}"
        self._jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(self._jar)
        self._opener.addheaders += (("Origin", self._base), *headers)

    def ask(self, path: str, data: bytes | None = None) -> tuple[int, str, str]:
        """Status, media type and text, wherever it was led to."""
        try:
            answer = self._opener.open(self._base + path, data, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode()

    def swarm(self, **form: str) -> tuple[int, str, str]:
        return self.ask("/swarm", urllib.parse.urlencode(form, errors="surrogateescape").encode())


@pytest.fixture
def web() -> WebUi:
    return WebUi()


def start(locust: Run, web: WebUi, *options: str, env: dict[str, str]) -> Locust:
    run = locust(*web.options, *options, env=env)
    web.wait_until_up()
    return run


def assert_harmless(answer: tuple[int, str, str]) -> None:
    """What came back cannot run in a browser."""
    _, media_type, text = answer
    assert media_type != "text/html" or SCRIPT not in text, text


def assert_pages_harmless(browser: Browser) -> None:
    """Locust's pages show nothing unescaped of what was sent."""
    for path in ("/", "/stats/report?theme=" + urllib.parse.quote(SCRIPT), "/stats/requests", "/no" + SCRIPT):
        assert_harmless(browser.ask(urllib.parse.quote(path, safe="/?=%")))


FIELDS = {
    (): ("user_count", "spawn_rate", "run_time", "profile", "no_such", "allow_host"),
    ("--class-picker",): ("user_classes", "shape_class", "run_time"),
}


@pytest.mark.parametrize("picker", FIELDS, ids=["form", "class picker"])
def test_hostile_forms(locust: Run, server: StandInProcess, web: WebUi, picker: tuple[str, ...]) -> None:
    """Whatever stands in the form: no foreign host is loaded, nothing is shown unescaped, and the process lives on."""
    run = start(locust, web, *picker, env=credentials(server))
    browser = Browser(web)
    good = {"user_count": "1", "spawn_rate": "1", "host": server.host}
    for host in HOSTILE_HOSTS:
        answer = browser.swarm(**good | {"host": host})
        assert not json.loads(answer[2])["success"], (host, answer)
        assert_harmless(answer)
    assert requests_seen(server) == 0
    for field in FIELDS[picker]:
        for value in HOSTILE_VALUES:
            answer = browser.swarm(**good | {field: value})
            assert_harmless(answer)
            assert run.alive, run.output
            if '"success": true' in answer[2]:
                browser.ask("/stop", b"")
        assert_pages_harmless(browser)
    browser.swarm(**good)
    wait_for(lambda: web.stats()["user_count"] == 1, "a user: it still works")
    assert_pages_harmless(browser)
    assert "Traceback" not in run.output


def test_the_user_class_is_not_to_be_changed(locust: Run, server: StandInProcess, web: WebUi) -> None:
    """Nobody sets the host of a user class, nor anything else of it, past the guard; the picker's own fields work."""
    run = start(locust, web, "--class-picker", env=credentials(server))
    browser = Browser(web)
    name = {"user_class_name": "ChaterUser"}
    for hostile in (
        name | {"host": "http://example.com"},
        name | {"insecure": True},
        name | {"weight": "many"},
        name | {"fixed_count": 10**9},
        {"user_class_name": SCRIPT},
        [SCRIPT],
    ):
        answer = browser.ask("/user", json.dumps(hostile).encode())
        assert not json.loads(answer[2])["success"], answer
        assert_harmless(answer)
    assert not json.loads(browser.ask("/user", b"\xff{")[2])["success"]
    assert browser.ask("/user", json.dumps(name | {"weight": 2, "tasks": ["set_language"]}).encode())[0] == 201
    assert json.loads(browser.swarm(user_count="2", spawn_rate="2", host=server.host)[2])["success"]
    wait_for(lambda: requests_seen(server, "POST /set_language") > 1, "the task that was picked")
    assert requests_seen(server) == requests_seen(server, "POST /set_language") + 1
    assert "Traceback" not in run.output


PASSWORD = "correct horse ☃"
LOGIN = {"LOCUST_WEB_USERNAME": "ops", "LOCUST_WEB_PASSWORD": PASSWORD}
CLOSED = ("/", "/stats/requests", "/stats/report", "/stats/requests/csv", "/exceptions", "/tasks", "/logs")


def log_in(browser: Browser, name: str, password: str) -> tuple[int, str, str]:
    form = urllib.parse.urlencode({"username": name, "password": password}).encode()
    return browser.ask("/login", form)


def is_login_page(answer: tuple[int, str, str]) -> bool:
    return "window.authArgs" in answer[2] and "window.templateArgs" not in answer[2]


@pytest.fixture
def locked(locust: Run, server: StandInProcess, web: WebUi) -> list[Locust]:
    """The web UI of a master with a worker that wants a name and a password."""
    cluster = Cluster(locust, 1, *web.options, env=credentials(server) | LOGIN)
    web.wait_until_up()
    cluster.master.says("reported as ready")
    return [cluster.master, *cluster.workers]


def test_login(locked: list[Locust], server: StandInProcess, web: WebUi) -> None:
    """Without the right name and password nothing is shown or started; with them all works, our own tab as well."""
    stranger = Browser(web)
    answer = log_in(stranger, SCRIPT, SCRIPT)
    assert is_login_page(answer), answer
    assert "Wrong name or password" in answer[2]
    assert SCRIPT not in answer[2]
    for path in CLOSED:
        assert is_login_page(stranger.ask(path)), path
    for path in ("/swarm", "/stop", "/stats/reset", "/user"):
        status, _, text = stranger.ask(path, f"user_count=1&spawn_rate=1&host={server.host}".encode())
        assert is_login_page((status, "", text)) or status in (401, 405), path
    assert requests_seen(server) == 0

    friend = Browser(web)
    wait_for(lambda: "window.templateArgs" in log_in(friend, "ops", PASSWORD)[2], "the next try")
    stats: Any = json.loads(friend.ask("/stats/requests")[2])
    assert stats["extended_stats"] == [{"key": "objectives", "data": []}]
    refused = friend.swarm(user_count="1", spawn_rate="1", host="http://example.com")
    assert "Expected a host that Locust was started for" in json.loads(refused[2])["message"]
    assert json.loads(friend.swarm(user_count="1", spawn_rate="1", host=server.host)[2])["success"]
    wait_for(lambda: json.loads(friend.ask("/stats/requests")[2])["user_count"] == 1, "a user")
    for run in locked:
        assert PASSWORD not in run.output
        assert "Traceback" not in run.output


def basic(name: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_a_scraper_behind_the_login(locked: list[Locust], server: StandInProcess, web: WebUi) -> None:
    """/metrics takes name and password as basic auth, or the session; no other page takes them in that form."""
    wrong = [("Authorization", value) for value in ("Basic =", "Bearer x", 'Digest username="ops"')]
    for browser in (Browser(web), *(Browser(web, header) for header in (*wrong, basic("ops", "guess")))):
        assert browser.ask("/metrics") == (401, "text/plain", "Name and password needed\n")
    scraper = Browser(web, basic("ops", PASSWORD))
    wait_for(lambda: scraper.ask("/metrics")[0] == 200, "the next try")
    status, media_type, text = scraper.ask("/metrics")
    assert (status, media_type) == (200, "text/plain")
    assert "chater_users 0.0" in text
    for path in CLOSED:
        assert is_login_page(scraper.ask(path)), path
    assert is_login_page(scraper.swarm(user_count="1", spawn_rate="1", host=server.host))
    person = Browser(web)
    log_in(person, "ops", PASSWORD)
    assert person.ask("/metrics")[0] == 200
    for run in locked:
        assert PASSWORD not in run.output
        assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("options", "env"),
    [
        ((), {"LOCUST_WEB_USERNAME": "ops"}),
        (("--headless",), {"LOCUST_WEB_PASSWORD": PASSWORD, "LOCUST_WEB_USERNAME": ""}),
        (("--web-login",), {}),
        pytest.param(("--processes",), {"LOCUST_WEB_PASSWORD": PASSWORD}, marks=pytest.mark.slow),
    ],
    ids=["a name alone", "a password alone", "neither", "with processes"],
)
def test_half_a_login(
    locust: Run, server: StandInProcess, web: WebUi, options: tuple[str, ...], env: dict[str, str]
) -> None:
    """A name without a password, or the other way round, or a login without either, is told with exit code 2."""
    if options == ("--processes",):
        options = processes(2)
    run = locust(*web.options, *options, env=credentials(server) | env)
    output = run.finish()
    assert run.wait() == 2
    assert run.errors.count("not set. Expected LOCUST_WEB_USERNAME and LOCUST_WEB_PASSWORD for a login") == 1, output
    assert PASSWORD not in output


def test_without_a_login_it_is_for_this_machine_alone(locust: Run, server: StandInProcess) -> None:
    """Unless --web-host says otherwise, the web UI listens on 127.0.0.1; what it is posted by a script must say so."""
    port = free_port()
    run = locust("--web-port", str(port), env=credentials(server))
    wait_for(lambda: not refuses(f"http://127.0.0.1:{port}"), "the web UI")
    assert refuses(f"http://127.0.0.2:{port}")  # loopback too, and another address
    form = b"user_count=1&spawn_rate=1"
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/swarm", form, timeout=30)
    refused.value.close()
    assert requests_seen(server) == 0
    assert "without a login" not in run.output
