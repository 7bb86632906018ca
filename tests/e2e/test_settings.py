"""Wrong settings, hosts and tokens: told in plain words with exit code 2, and nothing is sent."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaterload.chater.tokens import make_token
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess
from tests.support.warm import start_stand_in

from .conftest import Cluster, Locust, Run, WebUi, credentials, free_port, processes, requests_seen, rows, wait_for

NEVER_STARTED = 2
HEADLESS = ("--headless", "--users", "2", "--run-time", "2s")

EXPIRED = make_token(
    STAND_IN_SECRET, "loadtest@example.com", timedelta(hours=1), datetime(2024, 1, 15, 10, 0, tzinfo=UTC)
)

BAD_SETTINGS = {
    "a day that is not": (
        {"TEST_CUSTOM_DATE": "31-02-2024"},
        "TEST_CUSTOM_DATE '31-02-2024' is not a date. Expected a date as dd-mm-yyyy",
    ),
    "another order": (
        {"TEST_CUSTOM_DATE": "2024-01-15"},
        "TEST_CUSTOM_DATE '2024-01-15' is not a date. Expected a date as dd-mm-yyyy",
    ),
    "an end before its start": (
        {"TEST_ALCOHOL_START": "02-01-2024", "TEST_ALCOHOL_END": "01-01-2024"},
        "TEST_ALCOHOL_END '01-01-2024' ends before TEST_ALCOHOL_START, which is '02-01-2024'.",
    ),
    "days below 1": ({"TEST_RECOMMENDATION_DAYS": "0"}, "TEST_RECOMMENDATION_DAYS '0' is not accepted. Expected"),
    "days that are no number": (
        {"TEST_RECOMMENDATION_DAYS": "a week"},
        "TEST_RECOMMENDATION_DAYS 'a week' is not accepted. Expected a whole number of days, 1 or more.",
    ),
    "a missing photo": ({"TEST_PHOTO_PATH": "no-such.png"}, "TEST_PHOTO_PATH 'no-such.png' does not exist. Expected"),
    "an unreadable photo": ({"TEST_PHOTO_PATH": "/"}, "TEST_PHOTO_PATH '/' cannot be read"),
    "a photo that is no image": ({"TEST_PHOTO_PATH": __file__}, f"TEST_PHOTO_PATH {__file__!r} is not an image."),
    "a host without a scheme": (
        {"TARGET_HOST": "localhost:5000"},
        "TARGET_HOST 'localhost:5000' has no http:// or https:// in front. Expected http://NAME:PORT",
    ),
    "an unknown provider": (
        {"TEST_AUTH_PROVIDER": "facebook"},
        "TEST_AUTH_PROVIDER 'facebook' is not accepted. Expected google or apple.",
    ),
    "no JWT": ({"TEST_USER_TOKEN": "letmein"}, "TEST_USER_TOKEN (hidden) is not a JWT."),
    "an expired token": ({"TEST_USER_TOKEN": EXPIRED}, "TEST_USER_TOKEN (hidden) expired at 2024-01-15 11:00:00 UTC."),
    "no token": ({"TEST_USER_TOKEN": ""}, "There is no token to sign in with. Set TEST_USER_TOKEN"),
}


@pytest.fixture(scope="module")
def bystander() -> Iterator[StandInProcess]:
    """A stand-in to which nothing may be sent."""
    with ExitStack() as stack:
        yield stack.enter_context(start_stand_in())


def assert_refused(run: Locust, *sentences: str) -> None:
    """It ended with exit code 2 and each sentence, once, on stderr, and without a traceback."""
    output = run.finish()
    assert run.wait() == NEVER_STARTED, output
    for sentence in sentences:
        assert run.errors.count(sentence) == 1, output
    assert not re.search(r"^(GET|POST) +/", output, re.MULTILINE), "there was a row, so there was a run"


QUICK = ("a day that is not", "a photo that is no image", "an expired token", "no token")
"""A process each; tests/test_settings.py has the others without one."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in BAD_SETTINGS]
)
def test_a_wrong_setting(locust: Run, bystander: StandInProcess, case: str) -> None:
    """Each wrong setting gives its sentence and exit code 2 before anything is sent."""
    env, sentence = BAD_SETTINGS[case]
    run = locust(*HEADLESS, env=credentials(bystander) | env)
    assert_refused(run, sentence)
    assert "letmein" not in run.output
    assert EXPIRED not in run.output
    assert requests_seen(bystander) == 0


def test_all_wrong_settings_at_once(locust: Run, bystander: StandInProcess) -> None:
    """Several mistakes are all reported in one go."""
    wrong = {
        "TEST_CUSTOM_DATE": "31-02-2024",
        "TEST_RECOMMENDATION_DAYS": "0",
        "TEST_PHOTO_PATH": "no-such.png",
        "TEST_AUTH_PROVIDER": "facebook",
        "TEST_USER_TOKEN": "letmein",
        "EATER_TARGET_HOST": "localhost",
    }
    run = locust(*HEADLESS, env=credentials(bystander) | wrong)
    assert_refused(run, *(f"  - {name} " for name in wrong))
    assert requests_seen(bystander) == 0


def test_wrong_settings_with_processes(locust: Run, bystander: StandInProcess) -> None:
    """With --processes 2 a mistake is said once and all three processes end at once."""
    run = locust(*HEADLESS, *processes(2), env=credentials(bystander) | {"TEST_CUSTOM_DATE": "31-02-2024"})
    assert_refused(run, "TEST_CUSTOM_DATE '31-02-2024' is not a date.")
    assert requests_seen(bystander) == 0


def test_wrong_settings_of_a_worker(locust: Run, server: StandInProcess) -> None:
    """A worker that is set up wrongly says so and ends with exit code 2, and no load starts."""
    cluster = Cluster(locust, 2, *HEADLESS, env=credentials(server), late=1)
    worker = cluster.join(env=credentials(server) | {"TEST_CUSTOM_DATE": "31-02-2024"})
    assert_refused(worker, "TEST_CUSTOM_DATE '31-02-2024' is not a date.")
    assert requests_seen(server) == requests_seen(server, "GET /alcohol_latest")


def test_workers_find_out_that_the_token_is_wrong(locust: Run, server: StandInProcess) -> None:
    """Workers may be the only ones with a token: theirs is tried out before the load, and the master ends with 2."""
    cluster = Cluster(locust, 2, *HEADLESS, env=credentials(server) | {"TEST_USER_TOKEN": stranger_token()})
    assert_refused(cluster.master, "token invalid")
    assert requests_seen(server) == requests_seen(server, "GET /alcohol_latest") == 2
    for worker in cluster.workers:
        worker.wait()


def stranger_token() -> str:
    """A token that another system's secret signed."""
    return make_token("another system's secret", "loadtest@example.com", timedelta(hours=1))


def test_a_wrong_token(locust: Run, server: StandInProcess) -> None:
    """A token that the server does not accept ends the run before any load, after one request."""
    run = locust(*HEADLESS, env=credentials(server) | {"TEST_USER_TOKEN": stranger_token()})
    assert_refused(run, "token invalid")
    assert requests_seen(server) == 1


def test_nobody_listens(locust: Run) -> None:
    """A dead port is called that, with exit code 2."""
    env = {"TEST_USER_TOKEN": stranger_token()}
    run = locust(*HEADLESS, "--host", f"http://127.0.0.1:{free_port()}", env=env)
    assert_refused(run, "connection refused")


def test_only_auth_needs_no_token(locust: Run, server: StandInProcess) -> None:
    """--tags auth runs without any token, and sends nothing but sign-ins."""
    env = {"TARGET_HOST": server.host, "TEST_AUTH_TOKEN": server.id_token}
    run = locust(*HEADLESS, "--tags", "auth", env=env)
    output = run.finish()
    assert run.wait() == 0, output
    assert rows(output).keys() == {"POST /eater_auth"}


TAGS = {
    "a slip beside a tag": (("full_flow", "breakfast"), "--tags 'breakfast' is no tag of a task."),
    "no task": (("auth", "--exclude-tags", "auth"), "leaves no task to run."),
}


@pytest.mark.parametrize("case", TAGS)
def test_wrong_tags(locust: Run, bystander: StandInProcess, case: str) -> None:
    """A tag that no task has, and tags that leave no task, are told with the tags that there are."""
    tags, sentence = TAGS[case]
    run = locust(*HEADLESS, "--tags", *tags, env=credentials(bystander))
    known = "alcohol, auth, custom_date, feedback, full_flow, health_level, language"
    assert_refused(run, f"{sentence} Expected tags out of: {known}.")


def test_a_port_that_is_taken(locust: Run, bystander: StandInProcess) -> None:
    """A web UI whose port is taken never starts, and says which; the first line of a run without options is help."""
    port = str(urlsplit(bystander.host).port)
    run = locust(env=credentials(bystander) | {"LOCUST_WEB_HOST": "127.0.0.1", "LOCUST_WEB_PORT": port})
    assert_refused(run, f"--web-port {port} of --web-host '127.0.0.1' cannot be listened on (Address already in use).")
    assert run.errors.partition("\n")[0].endswith("`locust -f locustfile.py --help-all` shows what there are.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--stand-in", "--stand-in-options", "'"), '--stand-in-options "\'" cannot be read (No closing quotation).'),
        (("--stand-in", "--reset-stats"), "--reset-stats would empty what the verdict is made of."),
        (("--stand-in", "--run-time", "99999999999999h"), "argument -t/--run-time: '99999999999999h' is too long."),
    ],
    ids=["quotes", "reset", "time"],
)
def test_options_that_cannot_be(locust: Run, options: tuple[str, ...], sentence: str) -> None:
    """An option that cannot be meant is told in a sentence, before anything starts."""
    run = locust("--headless", *options)
    assert sentence in run.finish()
    assert run.wait() == 2


def test_options_of_no_stand_in(locust: Run, bystander: StandInProcess) -> None:
    """--stand-in-options without --stand-in would load the real target: it is refused."""
    run = locust(*HEADLESS, "--stand-in-options=--drop-photo=0.1", env=credentials(bystander))
    assert_refused(run, "is given without --stand-in. Expected both.")


def test_slips(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A setting that is misspelt and an objective that nobody asks are told before the load, and stop nothing."""
    (tmp_path / "gate.toml").write_text('["POST /breakfast"]\np95 = 1.0\n')
    env = credentials(server) | {"TEST_VERIFY_WRITE": "false", "TEST_TMPDIR": "somebody else's"}
    run = locust("--headless", "--run-time", "1s", "--objectives", "gate.toml", env=env)
    output = run.finish()
    assert run.wait() == 4
    assert "TEST_VERIFY_WRITE is no setting and is ignored. Did you mean TEST_VERIFY_WRITES?" in output
    assert "TEST_TMPDIR" not in output
    assert "No task asks POST /breakfast" in run.errors


def test_a_slip_in_an_objective(locust: Run, bystander: StandInProcess, tmp_path: Path) -> None:
    """A path that is misspelt in the objectives would prove nothing: it is refused, with the one that is meant."""
    (tmp_path / "gate.toml").write_text('["POST /eater_recieve_photo"]\np95 = 1.0\n')
    run = locust(*HEADLESS, "--objectives", "gate.toml", env=credentials(bystander))
    sentence = "No task asks POST /eater_recieve_photo. Did you mean POST /eater_receive_photo?"
    assert_refused(run, f"--objectives 'gate.toml': {sentence}")


@pytest.mark.parametrize(
    "where", [("--host", "http://example.com"), ("--host", "https://user-api.example.com:8443")], ids=["http", "https"]
)
def test_a_foreign_host(locust: Run, where: tuple[str, str]) -> None:
    """A host outside the cluster that nobody allowed is refused, by its name."""
    name = where[1].split("//")[1].split(":")[0]
    run = locust(*HEADLESS, *where, env={"TEST_USER_TOKEN": stranger_token()})
    assert_refused(run, f"The host {name!r} is neither local nor internal to a cluster.")


FOREIGN = "load-target.example"  # a name that never resolves (RFC 6761): nothing can be sent there
ALLOWED = {
    "option": (("--allow-host", FOREIGN), {}),
    "variable": ((), {"TEST_ALLOW_HOST": f"other.example, {FOREIGN}"}),
}


@pytest.mark.parametrize("how", ALLOWED)
def test_a_foreign_host_that_is_allowed(locust: Run, how: str) -> None:
    """--allow-host and TEST_ALLOW_HOST let a foreign host be tried: this one is then found not to exist."""
    options, env = ALLOWED[how]
    run = locust(*HEADLESS, "--host", f"http://{FOREIGN}", *options, env={"TEST_USER_TOKEN": stranger_token(), **env})
    assert_refused(run, f"http://{FOREIGN} does not work: unknown host.")


def test_the_web_uis_form(locust: Run, server: StandInProcess) -> None:
    """The form is refused hosts that nobody named, options, and a token that has expired."""
    web = WebUi()
    lives_s = 12
    token = make_token(STAND_IN_SECRET, server.email, timedelta(seconds=lives_s))
    began = time.time()
    run = locust(*web.options, env=credentials(server) | {"TEST_USER_TOKEN": token})
    web.wait_until_up()
    forms = {
        f"host that Locust was started for: {server.host}": {"host": f"http://127.0.0.1:{free_port()}"},
        "may not set allow_host": {"host": "http://example.com", "allow_host": "example.com"},
        "may not set stand_in": {"host": server.host, "stand_in": "true"},
    }
    for sentence, form in forms.items():
        answer = web.swarm(2, **form)
        assert not answer["success"]
        assert sentence in answer["message"], answer
    assert requests_seen(server) == 0
    wait_for(lambda: time.time() > began + lives_s + 1, "the token to expire")
    answer = web.swarm(2, host=server.host)
    assert not answer["success"]
    assert "TEST_USER_TOKEN (hidden) expired at" in answer["message"], answer
    assert requests_seen(server) == 0
    assert web.stats()["state"] == "ready"
    assert web.stats()["user_count"] == 0
    assert "Traceback" not in run.output


def test_the_web_ui_never_shows_a_secret(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """Neither the page's source nor the log holds a token or the secret that signs them."""
    web = WebUi()
    env = {"TARGET_HOST": server.host, "TEST_JWT_SECRET": STAND_IN_SECRET, "TEST_AUTH_TOKEN": "an-id-token"}
    run = locust(*web.options, "--exclude-tags", "auth", env=env)  # where that token is refused
    web.wait_until_up()
    assert web.swarm(2, host=f" {server.host}// ")["success"]
    wait_for(lambda: web.stats()["user_count"] == 2 and web.stats()["stats"], "users that send")
    assert web.stats()["errors"] == []
    for path in ("/", "/stats/requests", "/stats/report", "/logs"):
        text = web.get(path).decode()
        assert STAND_IN_SECRET not in text
        assert "an-id-token" not in text
        assert "eyJ" not in text  # the first letters of every JWT
    assert STAND_IN_SECRET not in run.output
