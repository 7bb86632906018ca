"""Settings are right as a whole, or refused with a sentence for each mistake that shows no secret."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.environment import VARIABLES, load_settings, shown
from chaterload.chater.settings import IN_CLUSTER, ROOT, Settings, is_secret, parse_date
from chaterload.chater.tokens import make_token
from chaterload.exits import Refused

SECRETS = sorted(name for name, field in VARIABLES.items() if is_secret(field))
TOKEN = make_token("secret", "a@example.com", timedelta(hours=1))
EXPIRED = make_token("secret", "a@example.com", timedelta(minutes=5), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
A_DATE = "a date as dd-mm-yyyy, such as 31-12-2025"
A_TYPE = "a type of photo that Chater UI stores as a dish"
A_HOST = "http://NAME:PORT or https://NAME:PORT"
A_TOKEN = "a JWT that Chater UI accepts and that has not expired"
AN_IMAGE = "a readable PNG, JPEG, GIF, WebP, BMP, HEIF or AVIF file"


def problems():
    with pytest.raises(Refused) as refused:
        load_settings()
    return refused.value.problems


BAD = [
    *(
        ("TEST_PHOTO_TYPE", name, f"{name!r} {what}, so that each photo would count as a lost dish. Expected {A_TYPE}.")
        for name, what in [
            ("weight_prompt", "stores a weight and no dish"),
            ("get_recommendation", "stores no dish"),
        ]
    ),
    ("TEST_CUSTOM_DATE", "31-02-2024", f"'31-02-2024' is not a date. Expected {A_DATE}."),
    ("TEST_CUSTOM_DATE", "2024-01-15", f"'2024-01-15' is not a date. Expected {A_DATE}."),
    ("TEST_CUSTOM_DATE", "1-1-2024", f"'1-1-2024' is not a date. Expected {A_DATE}."),
    ("TEST_CUSTOM_DATE", "29-02-2023", f"'29-02-2023' is not a date. Expected {A_DATE}."),
    ("TEST_ALCOHOL_START", "yesterday", f"'yesterday' is not a date. Expected {A_DATE}."),
    ("TEST_ALCOHOL_END", "00-00-0000", f"'00-00-0000' is not a date. Expected {A_DATE}."),
    ("TEST_RECOMMENDATION_DAYS", "0", "'0' is not accepted. Expected a whole number of days, 1 or more."),
    ("TEST_RECOMMENDATION_DAYS", "-3", "'-3' is not accepted. Expected a whole number of days, 1 or more."),
    ("TEST_RECOMMENDATION_DAYS", "week", "'week' is not accepted. Expected a whole number of days, 1 or more."),
    ("TEST_RECOMMENDATION_DAYS", "1.5", "'1.5' is not accepted. Expected a whole number of days, 1 or more."),
    (
        "TEST_RECOMMENDATION_DAYS",
        "2147483648",
        "'2147483648' is not accepted. Expected a whole number of days, 1 or more.",
    ),
    ("TARGET_HOST", "chater-ui", f"'chater-ui' has no http:// or https:// in front. Expected {A_HOST}."),
    ("TARGET_HOST", "localhost:5000", f"'localhost:5000' has no http:// or https:// in front. Expected {A_HOST}."),
    ("EATER_TARGET_HOST", "ftp://x", f"'ftp://x' has no http:// or https:// in front. Expected {A_HOST}."),
    (
        "TARGET_HOST",
        "http://me:hidden@h",
        f"'…@h' carries a user name or password, which would be printed. Expected {A_HOST}.",
    ),
    ("TARGET_HOST", "me:hidden@h", f"'…@h' has no http:// or https:// in front. Expected {A_HOST}."),
    ("TEST_AUTH_PROVIDER", "facebook", "'facebook' is not accepted. Expected google or apple."),
    ("TEST_AUTH_PROVIDER", "Google", "'Google' is not accepted. Expected google or apple."),
    (
        "TEST_USER_TOKEN",
        "not-a-token",
        f"(hidden) is not a JWT: it has 1 part with dots between, not 3. Expected {A_TOKEN}.",
    ),
    ("TEST_USER_TOKEN", "   ", f"(hidden) is empty. Expected {A_TOKEN}."),
    ("TEST_USER_TOKEN", EXPIRED, f"(hidden) expired at 2024-01-02 03:09:05 UTC. Expected {A_TOKEN}."),
    ("TEST_USER_EMAIL", "nobody", "'nobody' is not accepted. Expected an e-mail address; the token's sub when it is"),
    ("TEST_AUTH_EMAIL", "a@b c", "'a@b c' is not accepted. Expected an e-mail address."),
    ("TEST_PHOTO_PATH", "/nowhere/a.png", f"'/nowhere/a.png' does not exist. Expected {AN_IMAGE}."),
    ("TEST_PHOTO_PATH", "nowhere.png", f"'nowhere.png' does not exist. Expected {AN_IMAGE}."),
    ("TEST_PHOTO_PATH", ".", f"'.' cannot be read (Is a directory). Expected {AN_IMAGE}."),
    ("TEST_PHOTO_PATH", "pyproject.toml", f"'pyproject.toml' is not an image. Expected {AN_IMAGE}."),
    ("TEST_PHOTO_PATH", "x" * 300, f"{'x' * 300!r} cannot be read (File name too long). Expected {AN_IMAGE}."),
    ("TEST_LANGUAGE_CODE", "english!", "'english!' is not accepted. Expected a language code such as en."),
    ("TEST_FEEDBACK_TEXT", " \t", "' \\t' is not accepted. Expected a text that is not blank."),
    ("TEST_TLS_VERIFY", "perhaps", "'perhaps' is not accepted. Expected true or false."),
    ("TEST_VERIFY_WRITES", "2", "'2' is not accepted. Expected true or false."),
    ("TEST_VERIFY_SECONDS", "nan", "'nan' is not accepted. Expected seconds from 0 to 60."),
    ("TEST_CLEANUP_SECONDS", "0", "'0' is not accepted. Expected seconds, more than 0 and up to 300."),
    ("TEST_MAX_RESPONSE_SECONDS", "0", "'0' is not accepted. Expected seconds, more than 0."),
    ("TEST_ACCOUNTS", "0", "'0' is not accepted. Expected a whole number of accounts from 1 to 100000."),
    ("TEST_ACCOUNTS_FILE", "/none", "'/none' does not exist. Expected a readable CSV file of email,token."),
    ("TEST_USER_TOKEN_FILE", "/", "'/' cannot be read (Is a directory). Expected a readable file that holds a JWT."),
]


@pytest.mark.parametrize(("name", "value", "sentence"), BAD, ids=[f"{name}={value[:20]}" for name, value, _ in BAD])
def test_a_bad_setting_gets_its_sentence(monkeypatch, name, value, sentence):
    """A sentence names the variable, what it held unless it is secret, what is wrong and what is expected."""
    monkeypatch.setenv(name, value)
    (problem,) = problems()
    assert problem.startswith(f"{name} {sentence}")


def test_a_range_that_ends_before_it_starts(monkeypatch):
    """A reversed range names both ends, also when only one of them was set."""
    monkeypatch.setenv("TEST_ALCOHOL_START", "02-01-2024")
    monkeypatch.setenv("TEST_ALCOHOL_END", "01-01-2024")
    reversed_range = f"ends before TEST_ALCOHOL_START, which is '02-01-2024'. Expected {A_DATE}."
    assert problems() == (f"TEST_ALCOHOL_END '01-01-2024' {reversed_range}",)
    monkeypatch.setenv("TEST_ALCOHOL_START", "01-01-2999")
    monkeypatch.delenv("TEST_ALCOHOL_END")
    (problem,) = problems()
    assert "ends before TEST_ALCOHOL_START, which is '01-01-2999'" in problem


def test_all_mistakes_are_reported_at_once(monkeypatch):
    """Several wrong settings give a sentence each, and a range is not judged by a start that is no date."""
    wrong = {
        "TARGET_HOST": "chater",
        "TEST_USER_TOKEN": "x",
        "TEST_PHOTO_PATH": "/none",
        "TEST_RECOMMENDATION_DAYS": "0",
        "TEST_ALCOHOL_START": "x",
        "TEST_AUTH_PROVIDER": "x",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    assert sorted(problem.split()[0] for problem in problems()) == sorted(wrong)


def test_a_photo_that_may_not_be_read(monkeypatch):
    """A photo without permission is refused with the system's reason."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    (problem,) = problems()
    assert problem == f"TEST_PHOTO_PATH 'image.png' cannot be read (Permission denied). Expected {AN_IMAGE}."


def test_defaults(monkeypatch, tmp_path):
    """With nothing set, in any folder, the settings are those of the table; dates are UTC."""
    monkeypatch.chdir(tmp_path)
    before, settings, after = datetime.now(UTC), load_settings(), datetime.now(UTC)
    for name, days in {"custom_date": 1, "alcohol_start": 7, "alcohol_end": 0}.items():
        moments = (moment - timedelta(days=days) for moment in (before, after))
        assert getattr(settings, name) in [f"{moment:%d-%m-%Y}" for moment in moments]
    expected = {
        "host": IN_CLUSTER,
        "user_token": None,
        "user_email": None,
        "photo_path": ROOT / "image.png",
        "photo_type": "default_prompt",
        "language_code": "en",
        "recommendation_days": 1,
        "feedback_text": "Load test feedback message",
        "auth_provider": "google",
        "auth_token": None,
        "auth_name": "Locust Tester",
        "verify_writes": True,
        "verify_seconds": 2.0,
        "allow_host": (),
        "accounts": 1,
        "accounts_strict": False,
    }
    assert {name: getattr(settings, name) for name in expected} == expected


def test_the_in_cluster_address():
    """Both host variables default to the platform's service."""
    assert IN_CLUSTER == "http://chater-ui.chater-ui.svc.cluster.local:5000"


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_an_empty_variable_is_as_good_as_none(monkeypatch, name):
    """An empty value, as a .env file or a manifest may hold, means the default."""
    monkeypatch.setenv(name, "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"TARGET_HOST": "http://a:1", "EATER_TARGET_HOST": "http://b"}, "http://a:1"),
        ({"EATER_TARGET_HOST": "http://b/"}, "http://b"),
        ({"TARGET_HOST": " HTTP://A:5000//x/ \n"}, "http://a:5000/x"),
        ({"target_host": "http://c"}, "http://c"),
    ],
)
def test_the_host(monkeypatch, variables, host):
    """TARGET_HOST comes first, then EATER_TARGET_HOST; a slash at the end is dropped."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings().host == host


@pytest.mark.parametrize("text", ["a.com,b.com", " a.com , b.com ,", "a.com,,b.com"])
def test_allowed_hosts(monkeypatch, text):
    """Allowed hosts are names with commas between."""
    monkeypatch.setenv("TEST_ALLOW_HOST", text)
    assert load_settings().allow_host == ("a.com", "b.com")


@pytest.mark.parametrize("text", [f" {TOKEN}\n", f"Bearer {TOKEN}", f"'{TOKEN}'"])
def test_a_token_as_it_is_pasted(monkeypatch, text):
    """White space, quotes and the word Bearer are no part of a token."""
    monkeypatch.setenv("TEST_USER_TOKEN", text)
    token = load_settings().user_token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_a_relative_photo_is_looked_up_from_here_first(monkeypatch, tmp_path):
    """A relative photo path is looked up from the working directory, then beside the locustfile."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meals").mkdir()
    here = tmp_path / "meals" / "image.png"
    here.write_bytes(b"\xff\xd8\xff")
    monkeypatch.setenv("TEST_PHOTO_PATH", "meals/image.png")
    assert load_settings().photo_path == here
    monkeypatch.setenv("TEST_PHOTO_PATH", "image.png")
    assert load_settings().photo_path == ROOT / "image.png"
    monkeypatch.chdir(here.parent)
    assert load_settings().photo_path == here


def test_accounts_in_a_folder(monkeypatch, tmp_path):
    """TEST_ACCOUNTS_FILE may be a folder: the one file in it, or as if it were not set while there is none."""
    monkeypatch.setenv("TEST_ACCOUNTS_FILE", str(tmp_path))
    settings = load_settings()
    assert settings.accounts_file is None
    assert "TEST_ACCOUNTS_FILE" not in shown(settings)
    (tmp_path / "mine.csv").write_text("a@example.com,x")
    assert load_settings().accounts_file == tmp_path / "mine.csv"
    (tmp_path / "other.csv").write_text("")
    (problem,) = problems()
    assert problem == (
        f"TEST_ACCOUNTS_FILE {str(tmp_path)!r} is a folder that holds 2 files instead of one. "
        "Expected a readable CSV file of email,token."
    )


FILES = {"TEST_PHOTO_PATH": "image.png", "TEST_ACCOUNTS_FILE": "pyproject.toml", "TEST_USER_TOKEN_FILE": "Makefile"}
OTHERS = {
    "TARGET_HOST": "http://other",
    "EATER_TARGET_HOST": "http://other",
    "TEST_USER_TOKEN": TOKEN,
    **{name: str(ROOT / file) for name, file in FILES.items()},
    "TEST_USER_EMAIL": "b@example.com",
    "TEST_PHOTO_TYPE": "other",
    "TEST_CUSTOM_DATE": "01-01-2024",
    "TEST_LANGUAGE_CODE": "uk",
    "TEST_RECOMMENDATION_DAYS": "7",
    "TEST_ALCOHOL_START": "01-01-2024",
    "TEST_ALCOHOL_END": "31-12-2999",
    "TEST_FEEDBACK_TEXT": "other",
    "TEST_AUTH_PROVIDER": "apple",
    "TEST_AUTH_TOKEN": "other",
    "TEST_CLUSTER_KEY": "a key of the cluster",
    "TEST_AUTH_EMAIL": "b@example.com",
    "TEST_AUTH_NAME": "other",
    "TEST_AUTH_PROFILE_URL": "other",
    "TEST_TLS_VERIFY": "false",
    "TEST_VERIFY_WRITES": "false",
    "TEST_VERIFY_SECONDS": "1",
    "TEST_CLEANUP_SECONDS": "1",
    "TEST_ALLOW_HOST": "example.com",
    "TEST_JWT_SECRET": "other",
    "TEST_ACCOUNTS": "2",
    "TEST_ACCOUNTS_STRICT": "true",
    "TEST_MAX_RESPONSE_SECONDS": "1",
}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_line_break_at_the_end(monkeypatch, name):
    """A value with a line break at its end, as files and stores of secrets have it, is the value without."""
    monkeypatch.setenv(name, {**OTHERS, "TEST_PROMETHEUS_URL": "http://p"}[name])
    plain = load_settings()
    monkeypatch.setenv(name, os.environ[name] + "\n")
    assert load_settings() == plain


def test_a_secrets_line_break_is_told(monkeypatch, caplog):
    """What is left out of a secret is told, since a server may see it otherwise; a blank may be part of one."""
    monkeypatch.setenv("TEST_JWT_SECRET", " a secret \r\n")
    secret = load_settings().jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == " a secret "
    assert caplog.messages == ["TEST_JWT_SECRET ends with a line break, which is left out."]


OF_ONE_MACHINE = {"TARGET_HOST", "EATER_TARGET_HOST", *FILES, *SECRETS}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_fingerprints(monkeypatch, name):
    """A fingerprint differs by every setting but secrets, hosts and paths, which may be a worker's own."""
    plain = load_settings().fingerprint()
    monkeypatch.setenv(name, OTHERS[name])
    other = load_settings().fingerprint()
    assert (other == plain) is (name in OF_ONE_MACHINE)
    assert load_settings().fingerprint() == other


def test_settings_do_not_change():
    """Settings are frozen, since a whole run hangs on them."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().accounts = 2  # type: ignore[misc]  # as intended


def test_which_settings_are_secret():
    """Tokens, the signing secret and the key of a cluster are never shown."""
    assert SECRETS == ["TEST_AUTH_TOKEN", "TEST_CLUSTER_KEY", "TEST_JWT_SECRET", "TEST_USER_TOKEN"]


PLAUSIBLE = sorted({*OTHERS.values(), *(value for _, value, _ in BAD), "1e9", "9" * 5000, "true", "~", "/", "{}", "[1"})
# Whatever bytes an environment can hold, among them those that are no UTF-8.
ANYTHING = st.binary().map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
ENVIRONMENTS = st.dictionaries(
    st.sampled_from(sorted(VARIABLES)), st.sampled_from(PLAUSIBLE) | ANYTHING | TEXT, max_size=6
)


def outcome(variables):
    """The settings or the refusal that an environment gives, and whatever may be shown of it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            settings = load_settings()
        except Refused as refused:
            return refused, f"{refused}{refused!r}{refused.__context__ if not refused.__suppress_context__ else ''}"
        return settings, f"{settings}{settings!r}{settings.model_dump()}{settings.fingerprint()}"


@given(ENVIRONMENTS)
def test_any_environment_is_accepted_or_refused(variables):
    """No value of any variable does more than be accepted or be refused in whole sentences."""
    result, _ = outcome(variables)
    if isinstance(result, Refused):
        assert result.problems
        for problem in result.problems:
            assert problem.split()[0] in VARIABLES
            assert " Expected " in problem
            assert problem.endswith(".")


@given(
    ENVIRONMENTS,
    st.dictionaries(
        st.sampled_from(SECRETS),
        (TEXT | st.sampled_from([TOKEN, EXPIRED])).map(lambda text: text + "MARKED"),
        min_size=1,
    ),
)
def test_a_secret_is_never_shown(variables, secrets):
    """Nothing of a secret is in a sentence or in what settings print, right or wrong as they may be."""
    _, shown = outcome({**variables, **secrets})
    assert "MARKED" not in shown


@given(st.dates(min_value=date(1000, 1, 1)))
def test_dates_are_read_back(day):
    """Every day from the year 1000 on is read as it is written."""
    assert parse_date(f"{day:%d-%m-%Y}") == day


@given(st.text() | st.from_regex(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{2,4}", fullmatch=True))
def test_nothing_else_is_a_date(text):
    """A text is a date only if it is exactly how that date is written."""
    try:
        day = parse_date(text)
    except ValueError:
        return
    assert text == f"{day.day:02}-{day.month:02}-{day.year:04}"
