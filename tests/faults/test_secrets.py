"""No token, no secret that signs them and no account file shows anywhere, however a run goes wrong."""

import contextlib
import html
import json
import secrets
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accounts import Account, FixedToken, MintedToken
from chaterload.chater.dishes import DishIndex
from chaterload.chater.environment import load_settings, shown
from chaterload.chater.times import DishTimes, SecondsOfDay
from chaterload.chater.tokens import make_token, read_token
from chaterload.chater.writes import Writes
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import Locust, Run, WebUi, processes, wait_for
from tests.faults.test_web import Browser, log_in

REPORTS = (
    *("--verdict-json", "v.json", "--verdict-html", "v.html", "--verdict-junit", "v.xml"),
    *("--csv", "locust", "--csv-full-history", "--html", "locust.html", "--logfile", "locust.log", "-L", "DEBUG"),
    *("--results", "results"),
)
FAILING = ("--fault-5xx", "0.2", "--fault-truncated", "0.1", "--fault-garbage", "0.1", "--drop-weight", "0.3")

Case = tuple[dict[str, str], list[str]]
"""An environment, and what of it must not be seen."""


def with_token(folder: Path) -> Case:
    """One token, which expires half-way, and an ID token."""
    token = make_token(STAND_IN_SECRET, "loadtest@example.com", timedelta(seconds=4))
    id_token = secrets.token_hex(16)
    return {"TEST_USER_TOKEN": token, "TEST_AUTH_TOKEN": id_token}, [token, id_token]


def with_secret(folder: Path) -> Case:
    """Tokens made of the secret."""
    return {"TEST_JWT_SECRET": STAND_IN_SECRET, "TEST_ACCOUNTS": "5"}, [STAND_IN_SECRET]


def with_file(folder: Path) -> Case:
    """A file of accounts, the last of which another system signed for."""
    keys = [STAND_IN_SECRET, STAND_IN_SECRET, "another system's secret"]
    tokens = [make_token(key, f"{n}@example.com", timedelta(hours=1)) for n, key in enumerate(keys)]
    path = folder / "accounts.csv"
    path.write_text("".join(f"{n}@example.com,{token}\n" for n, token in enumerate(tokens)))
    path.chmod(0o600)
    return {"TEST_ACCOUNTS_FILE": str(path)}, tokens


CASES: dict[str, Callable[[Path], Case]] = {"token": with_token, "secret": with_secret, "file": with_file}
USUAL = ("file", "local")
RUNS = [
    pytest.param(case, mode, marks=() if (case, mode) == USUAL else pytest.mark.slow, id=f"{case}-{mode}")
    for case in CASES
    for mode in ("local", "processes")
]


def parts(secret: str) -> list[str]:
    """The secret and, of a JWT, its claims and its signature: they would do as well."""
    return [secret, *(part for part in secret.split(".")[1:] if len(part) > 20)]


def assert_hidden(hidden: list[str], text: str, where: str) -> None:
    """No part of what is hidden stands in the text, nor any JWT at all."""
    for secret in hidden:
        for part in parts(secret):
            assert part not in text, where
    assert "eyJ" not in text, where


def assert_nothing_shown(run: Locust, hidden: list[str]) -> None:
    """Neither what the run printed nor any file that it made holds what is hidden."""
    assert_hidden(hidden, run.output, "the terminal")
    files = [path for path in run.folder.rglob("*") if path.is_file() and path.name != "accounts.csv"]
    names = {path.name for path in files}
    assert {"v.json", "v.html", "v.xml", "locust.html", "locust_failures.csv", "settings.env", "verdict.txt"} <= names
    for path in files:
        assert_hidden(hidden, path.read_text(errors="replace"), path.name)


@pytest.mark.parametrize("server", [FAILING], indirect=True)
@pytest.mark.parametrize(("case", "mode"), RUNS)
def test_a_failing_run_shows_no_secret(
    locust: Run, server: StandInProcess, tmp_path: Path, small_photo: dict[str, str], case: str, mode: str
) -> None:
    """A run with failures of many kinds, logged at DEBUG, shows no secret in any output, file or process title."""
    given, hidden = CASES[case](tmp_path)
    options = processes(2) if mode == "processes" else ()
    run = locust(
        *("--headless", "--users", "12", "--spawn-rate", "12", "--run-time", "2s", *REPORTS, *options),
        env={"TARGET_HOST": server.host, **small_photo, **given},
        cold=True,  # for the sake of the process's title
    )
    titles = set()
    while run.alive:
        with contextlib.suppress(psutil.Error):
            ours = psutil.Process(run.process.pid)
            titles |= {" ".join(process.cmdline()) for process in [ours, *ours.children(recursive=True)]}
        with contextlib.suppress(Exception):
            run.process.wait(0.3)
    assert run.wait() in (3, 4)  # 4 where a path had too few requests
    document = json.loads((tmp_path / "v.json").read_text())
    assert document["failures"] > 0
    samples = document["failure_samples"]
    assert {sample["kind"] for sample in samples} == {row["kind"] for row in document["failure_kinds"]}
    assert all(", line " in sample["step"] for sample in samples)
    assert samples[0]["came"] in html.unescape((tmp_path / "v.html").read_text())
    assert ("Failed: FailureSample(" in (tmp_path / "locust.log").read_text()) is (mode == "local")
    assert_nothing_shown(run, hidden)
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("v.json", "v.html", "v.xml")} == {0o600}
    assert titles
    assert_hidden(hidden, "\n".join(titles), "the process titles")
    assert "Traceback" not in run.output


REFUSED = {
    "a file with a wrong line": ("TEST_ACCOUNTS_FILE", "a@example.com,{token},more\n{token},a@example.com\n"),
    "a file of a token that is none": ("TEST_USER_TOKEN_FILE", "{token}x.y"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_is_refused_is_not_shown(locust: Run, server: StandInProcess, tmp_path: Path, how: str) -> None:
    """A file of accounts or of a token that is wrong is told without a word of what it holds."""
    variable, text = REFUSED[how]
    token = make_token(STAND_IN_SECRET, "loadtest@example.com", timedelta(hours=1))
    path = tmp_path / "held"
    path.write_text(text.format(token=token))
    run = locust("--headless", "-L", "DEBUG", env={"TARGET_HOST": server.host, variable: str(path)})
    output = run.finish()
    assert run.wait() == 2
    assert variable in output
    assert_hidden([token], output, "the terminal")


@pytest.mark.parametrize("server", [FAILING], indirect=True)
def test_the_web_uis_answers_show_no_secret(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """No page and no answer of the web UI, during and after a failing run, holds the token or the login's password."""
    token = make_token(STAND_IN_SECRET, server.email, timedelta(hours=1))
    password = secrets.token_hex(16)
    web = WebUi()
    env = {"TARGET_HOST": server.host, "TEST_USER_TOKEN": token, **small_photo}
    env |= {"LOCUST_WEB_USERNAME": "ops", "LOCUST_WEB_PASSWORD": password}
    run = locust(*web.options, "-L", "DEBUG", "--class-picker", env=env)
    web.wait_until_up()
    browser = Browser(web)
    answers = [browser.ask("/"), log_in(browser, "ops", password), browser.swarm(user_count="10", spawn_rate="10")]
    wait_for(lambda: len(json.loads(browser.ask("/stats/requests")[2])["errors"]) > 2, "failures")
    answers += [browser.ask(page) for page in PAGES]
    answers += [browser.ask("/stop", b""), *(browser.ask(page) for page in PAGES)]
    for status, _, text in answers:
        assert_hidden([token, password, STAND_IN_SECRET], text, f"an answer with {status}")
    assert_hidden([token, password], run.output, "the log")


PAGES = (
    *(
        "/",
        "/stats/requests",
        "/stats/report",
        "/stats/report?download=1",
        "/stats/requests/csv",
        "/stats/failures/csv",
    ),
    *("/exceptions", "/exceptions/csv", "/tasks", "/logs", "/worker-count", "/stats/requests_full_history/csv"),
)


def test_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings, accounts, token sources and their errors can be printed and logged as they are."""
    given, hidden = with_token(tmp_path)
    for name, value in {**given, "TEST_JWT_SECRET": STAND_IN_SECRET}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    hidden.append(STAND_IN_SECRET)
    dishes = AccountDishes(DishIndex(), DishTimes(SecondsOfDay()), Writes(), 2.0)
    token = read_token(hidden[0])
    account = Account("a@example.com", FixedToken(token), dishes)
    minted = MintedToken(STAND_IN_SECRET, "a@example.com")
    for thing in (settings, account, minted, token, FixedToken(token), dishes, settings.fingerprint(), shown(settings)):
        assert_hidden(hidden, f"{thing!r} {thing}", repr(type(thing)))
    with pytest.raises(ValueError, match="frozen") as error:
        settings.user_token = None  # type: ignore[misc]
    assert_hidden(hidden, str(error.value), "an error")
