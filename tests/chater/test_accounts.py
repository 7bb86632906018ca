"""The accounts that settings name, and tokens that are renewed before they end."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest

from chaterload.chater import accounts as module
from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accounts import (
    NO_TOKEN,
    Account,
    FileToken,
    FixedToken,
    expiring,
    make_accounts,
    now_ms,
)
from chaterload.chater.dishes import DishIndex
from chaterload.chater.settings import Settings
from chaterload.chater.times import DishTimes, SecondsOfDay
from chaterload.chater.tokens import TOKEN_SHAPE, make_token, read_token, signing_key
from chaterload.chater.wire import GRPC, PROTOBUF
from chaterload.chater.writes import Writes
from chaterload.exits import Refused

SECRET = "a secret"
HOUR = timedelta(hours=1)
TOKEN = make_token(SECRET, "a@example.com", HOUR)
NEWER = make_token(SECRET, "a@example.com", 2 * HOUR)
SECOND = make_token(SECRET, "b@example.com", HOUR)
EXPIRED = make_token(SECRET, "old@example.com", HOUR, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


def dishes():
    return AccountDishes(DishIndex(), DishTimes(SecondsOfDay()), Writes(), 2.0)


def account(source):
    return Account("a@example.com", source, dishes())


def bearer(some):
    return some.fields(None).decode().removeprefix("Authorization: Bearer ").rstrip()


def refusal(settings):
    with pytest.raises(Refused) as refused:
        make_accounts(settings, dishes)
    return refused.value.problems


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    now = SimpleNamespace(seconds=datetime.now(UTC).timestamp())
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now.seconds))
    return now


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("email", [None, "a@example.com", "A@Example.COM"])
def test_one_account_by_default(email):
    """The one token's account is its sub, with which TEST_USER_EMAIL agrees in any case of letters."""
    (single,) = make_accounts(Settings(user_token=TOKEN, user_email=email), dishes)
    assert (single.email, bearer(single)) == ("a@example.com", TOKEN)


@pytest.mark.parametrize("from_file", [False, True])
def test_somebody_elses_token(token_file, from_file):
    """A token of another account than TEST_USER_EMAIL is refused, wherever it comes from."""
    token = {"user_token_file": token_file} if from_file else {"user_token": TOKEN}
    assert refusal(Settings(user_email="b@example.com", **token)) == (
        "TEST_USER_EMAIL 'b@example.com' is not the token's account, which is 'a@example.com' (its sub claim). "
        "Expected the same, or no TEST_USER_EMAIL.",
    )


def test_a_token_file_comes_before_a_token(token_file):
    """TEST_USER_TOKEN_FILE is what is read again, so it wins over TEST_USER_TOKEN."""
    (single,) = make_accounts(Settings(user_token=SECOND, user_token_file=token_file), dishes)
    assert (single.email, bearer(single)) == ("a@example.com", TOKEN)


@pytest.mark.parametrize(
    ("count", "email", "expected"),
    [
        (3, None, ["loadtest+0001@example.com", "loadtest+0002@example.com", "loadtest+0003@example.com"]),
        (1, None, ["loadtest+0001@example.com"]),
        (1, "c@example.com", ["c@example.com"]),
        (2, "c@example.com", ["loadtest+0001@example.com", "loadtest+0002@example.com"]),
    ],
)
def test_made_accounts(count, email, expected):
    """With TEST_JWT_SECRET each account has a token of its own, signed by the contract's rule, for an hour."""
    made = make_accounts(Settings(jwt_secret=SECRET, accounts=count, user_email=email), dishes)
    assert [each.email for each in made] == expected
    assert len({id(each.dishes) for each in made}) == count
    for each in made:
        claims = jwt.decode(bearer(each), signing_key(SECRET), algorithms=["HS256"])
        assert (claims["sub"], claims["exp"] - claims["iat"]) == (each.email, 3600)
        assert each.expires is None


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, NO_TOKEN),
        ({"accounts": 2}, "TEST_ACCOUNTS is 2 and needs TEST_JWT_SECRET, which is not set."),
        (
            {"accounts_file": __file__, "jwt_secret": SECRET},
            "TEST_ACCOUNTS_FILE and TEST_JWT_SECRET are both set. Expected one of them.",
        ),
    ],
)
def test_settings_that_name_no_account(settings, problem):
    """Settings that name no account, or two kinds, are refused in one sentence."""
    assert refusal(Settings(**settings)) == (problem,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("rubbish", "is not a JWT: it has 1 part with dots between, not 3"),
        (EXPIRED, "expired at 2024-01-02 04:04:05 UTC"),
        ("\0", "is not text"),
    ],
    ids=["empty", "rubbish", "expired", "binary"],
)
def test_a_token_file_that_is_wrong_at_the_start(token_file, content, reason):
    """A token file without a good token is refused, without its text."""
    token_file.write_text(content, encoding="utf-8")
    (problem,) = refusal(Settings(user_token_file=token_file))
    assert problem == f"TEST_USER_TOKEN_FILE (hidden) {reason}. Expected {TOKEN_SHAPE}."


def test_a_token_that_expires_between_two_runs(monkeypatch):
    """A token that was good when the settings were read, and is not when a run starts, is refused by its name."""
    settings = Settings(user_token=TOKEN)
    monkeypatch.setattr(settings.user_token, "_secret_value", EXPIRED)
    assert refusal(settings) == (
        f"TEST_USER_TOKEN (hidden) expired at 2024-01-02 04:04:05 UTC. Expected {TOKEN_SHAPE}.",
    )


def test_a_head_is_made_once():
    """Between renewals each kind of request gets the same bytes, with its content type and its token."""
    some = account(FixedToken(read_token(TOKEN)))
    bare = f"Authorization: Bearer {TOKEN}\r\n".encode()
    assert some.fields(None) == bare
    for content_type in (PROTOBUF, GRPC):
        assert some.fields(content_type) == f"Content-Type: {content_type}\r\n".encode() + bare
    assert all(some.fields(kind) is some.fields(kind) for kind in (None, PROTOBUF, GRPC))


def test_an_account_does_not_show_its_token():
    """What is printed of an account is its e-mail."""
    assert repr(account(FixedToken(read_token(TOKEN)))) == "Account('a@example.com')"


class Source:
    """Gives one token after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def token(self):
        return read_token(self.answers.pop(0))


def test_a_token_is_renewed_before_it_ends(clock):
    """Five minutes before its end, and not earlier, a token gives way to its source's next."""
    some = account(Source(make_token(SECRET, "a@example.com", HOUR), SECOND))  # TOKEN is as old as the test run
    before = some.fields(PROTOBUF)
    clock.seconds += 54 * 60
    assert some.fields(PROTOBUF) is before
    clock.seconds += 2 * 60
    assert bearer(some) == SECOND


def test_made_tokens_are_renewed(clock):
    """An account of TEST_JWT_SECRET lives on beyond the hour of its token."""
    (made,) = make_accounts(Settings(jwt_secret=SECRET), dishes)
    first = made.fields(None)
    assert made.fields(None) is first
    clock.seconds += 56 * 60
    assert made.fields(None) is not first


def test_a_fixed_token_stays(clock):
    """A token that nothing renews is sent to its end and beyond, for the server to say so."""
    some = account(FixedToken(read_token(TOKEN)))
    before = some.fields(None)
    clock.seconds += 3 * 3600
    assert some.fields(None) is before


def test_a_rotated_file_is_picked_up(clock, token_file):
    """Near the end of the token in use, the file's new one is taken."""
    some = account(FileToken(token_file))
    assert bearer(some) == TOKEN
    token_file.write_text(NEWER, encoding="utf-8")
    assert bearer(some) == TOKEN
    clock.seconds += 56 * 60
    assert bearer(some) == NEWER


def test_a_rejected_token_is_renewed_at_once(token_file):
    """When the server rejects a token, the file is read without waiting for the token's end."""
    some = account(FileToken(token_file))
    assert bearer(some) == TOKEN
    token_file.write_text(NEWER, encoding="utf-8")
    some.renew()
    assert bearer(some) == NEWER


@pytest.mark.parametrize(
    "content",
    [b"", TOKEN[:40].encode(), b"\0\xff", EXPIRED.encode(), SECOND.encode(), None],
    ids=["empty", "cut", "not text", "expired", "another account's", "gone"],
)
def test_a_file_that_is_half_written_keeps_the_old_token(clock, token_file, content, caplog):
    """While the file holds no good token the old one is used, which is told once, and it is read again in a second."""
    some = account(FileToken(token_file))
    assert bearer(some) == TOKEN
    if content is None:
        token_file.unlink()
    else:
        token_file.write_bytes(content)
    clock.seconds += 56 * 60
    assert bearer(some) == TOKEN
    clock.seconds += 1
    assert bearer(some) == TOKEN
    (warning,) = caplog.messages
    assert warning.startswith("TEST_USER_TOKEN_FILE ")
    assert warning.endswith(". The token before stays in use.")
    assert "eyJ" not in warning
    token_file.write_text(NEWER, encoding="utf-8")
    assert bearer(some) == TOKEN
    clock.seconds += 1
    assert bearer(some) == NEWER


def test_a_source_is_asked_once_a_second_at_most(clock):
    """A token that is about to end and that nobody has replaced yet does not make every request read the file."""
    short = make_token(SECRET, "a@example.com", timedelta(seconds=30))
    source = Source(*[short] * 100)
    some = account(source)
    for _ in range(50):
        clock.seconds += 0.1
        some.fields(None)
    assert 100 - len(source.answers) <= 6


def test_tokens_that_end_before_the_run_does(token_file):
    """The first end of a token that nothing renews is what is announced, if it is before the end of the run."""
    now = datetime.now(UTC)
    short = account(FixedToken(read_token(make_token(SECRET, "a@b", timedelta(minutes=10)))))
    longer = account(FixedToken(read_token(make_token(SECRET, "a@b", timedelta(minutes=20)))))
    endless = account(FixedToken(read_token(jwt.encode({"sub": "a@b"}, signing_key(SECRET)))))
    renewed = account(FileToken(token_file))
    every = [endless, longer, short, renewed]
    assert expiring(every, now + HOUR) == short.expires
    assert short.expires is not None
    assert expiring(every, now + timedelta(minutes=5)) is None
    assert expiring([endless, renewed], now + 10 * HOUR) is None
    assert endless.expires is None


def test_now_in_milliseconds():
    """Times are epoch milliseconds, UTC."""
    before = datetime.now(UTC).timestamp()
    assert int(before * 1000) <= now_ms() <= datetime.now(UTC).timestamp() * 1000
