"""The accounts that settings name, and tokens that are renewed before they end."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater import accounts as module
from chaterload.chater.accounts import (
    NO_TOKEN,
    Account,
    FileToken,
    FixedToken,
    expiring,
    make_accounts,
    now_ms,
    read_accounts,
)
from chaterload.chater.dishes import AccountDishes, DishTimes
from chaterload.chater.settings import Settings
from chaterload.chater.tokens import make_token, signing_key
from chaterload.chater.wire import GRPC, PROTOBUF
from chaterload.chater.writes import Writes
from chaterload.exits import Refused

SECRET = "a secret"
HOUR = timedelta(hours=1)
TOKEN = make_token(SECRET, "a@example.com", HOUR)
SECOND = make_token(SECRET, "b@example.com", HOUR)
EXPIRED = make_token(SECRET, "old@example.com", HOUR, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


def dishes():
    return AccountDishes(DishTimes(), Writes())


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


@pytest.fixture
def accounts_file(tmp_path):
    return tmp_path / "accounts.csv"


@pytest.mark.parametrize(("email", "expected"), [(None, "a@example.com"), ("c@example.com", "c@example.com")])
def test_one_account_by_default(email, expected):
    """The one token's account is TEST_USER_EMAIL, or the token's sub."""
    (single,) = make_accounts(Settings(user_token=TOKEN, user_email=email), dishes)
    assert (single.email, bearer(single), single.renewable) == (expected, TOKEN, False)


def test_a_token_file_comes_before_a_token(token_file):
    """TEST_USER_TOKEN_FILE is what is read again, so it wins over TEST_USER_TOKEN."""
    (single,) = make_accounts(Settings(user_token=SECOND, user_token_file=token_file), dishes)
    assert (single.email, bearer(single), single.renewable) == ("a@example.com", TOKEN, True)


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
        assert each.renewable


@pytest.mark.parametrize(
    "text",
    [
        f"a@example.com,{TOKEN}\nb@example.com,{SECOND}\n",
        f'email,token\n"a@example.com","{TOKEN}"\n\nb@example.com,{SECOND}',
        f"\ufeffemail, token\r\n a@example.com , {TOKEN} \r\nb@example.com,{SECOND}\r\n",
    ],
    ids=["plain", "header, quotes and a blank line", "byte order mark, spaces and CRLF"],
)
def test_an_accounts_file(accounts_file, text):
    """An accounts file may have a header, quotes, blank lines, spaces, a byte order mark and either line end."""
    accounts_file.write_bytes(text.encode())
    made = make_accounts(Settings(accounts_file=accounts_file), dishes)
    assert [(each.email, bearer(each)) for each in made] == [("a@example.com", TOKEN), ("b@example.com", SECOND)]


def test_every_wrong_line_is_reported(accounts_file):
    """Each wrong line of an accounts file has its number and reason, and no token is shown."""
    accounts_file.write_text(
        f"email,token\na@example.com,{TOKEN}\n{TOKEN},b@example.com\nc@example.com\nd@example.com,{TOKEN},x\n"
        f"a@example.com,{SECOND}\ne@example.com,{TOKEN[:-50]}.\nf@example.com,{EXPIRED}\n"
        f'g@example.com,"\n{TOKEN}x.y"\nh@example.com;{TOKEN},x\n,{TOKEN}\n',
        encoding="utf-8",
    )
    problems = refusal(Settings(accounts_file=accounts_file))
    line = "TEST_ACCOUNTS_FILE, line {}: {}. Expected email,token."
    assert list(problems) == [
        line.format(3, "the first column is no e-mail address"),
        line.format(4, "1 columns"),
        line.format(5, "3 columns"),
        line.format(6, "the e-mail address stands there twice"),
        line.format(7, "the token is not a JWT"),
        line.format(8, "the token expired at 2024-01-02 04:04:05 UTC"),
        line.format(10, "the token is not a JWT"),
        line.format(11, "the token is not a JWT"),
        line.format(12, "the first column is no e-mail address"),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no account. Expected lines of email,token."),
        (b"email,token\n\n,\n", "holds no account. Expected lines of email,token."),
        (b"\xff\xfe", "cannot be read (UnicodeDecodeError). Expected CSV."),
        (b"x" * 200_000, "cannot be read (Error). Expected CSV."),
        (None, "cannot be read (FileNotFoundError). Expected CSV."),
    ],
    ids=["empty", "only a header", "not UTF-8", "one endless cell", "gone"],
)
def test_a_file_without_accounts(accounts_file, content, problem):
    """A file that holds no account or cannot be read is named in one sentence."""
    if content is not None:
        accounts_file.write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_accounts(accounts_file)
    assert refused.value.problems == (f"TEST_ACCOUNTS_FILE {str(accounts_file)!r} {problem}",)


CELLS = st.text(max_size=10) | st.sampled_from(["a@b", "email", "token", TOKEN, EXPIRED, "MARKED", '"', ",", "\n", ";"])
CSV = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=6).map("\n".join)


@given(CSV | st.binary())
def test_any_accounts_file_is_read_or_refused(tmp_path_factory, content):
    """No content of an accounts file does more than give accounts or be refused, and no token of it is shown."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    found, sentences = [], ""
    try:
        found = read_accounts(path)
    except Refused as refused:
        sentences = str(refused)
    assert bool(found) is not bool(sentences)
    assert not any(text in sentences for text in ("MARKED", TOKEN, EXPIRED))
    assert all("@" in email and token == TOKEN for email, token in found)
    assert len({email for email, _ in found}) == len(found)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, NO_TOKEN),
        ({"accounts": 2}, "TEST_ACCOUNTS is 2 and needs TEST_JWT_SECRET, which is not set."),
        (
            {"accounts_file": __file__, "jwt_secret": SECRET},
            "TEST_ACCOUNTS_FILE and TEST_JWT_SECRET are both set. Expected one of them.",
        ),
        (
            {"user_token": jwt.encode({}, signing_key(SECRET))},
            "TEST_USER_EMAIL is not set and the token names no account (sub). Expected an e-mail address.",
        ),
        (
            {"user_token": jwt.encode({"sub": "nobody"}, signing_key(SECRET))},
            "TEST_USER_EMAIL is not set and the token names no account (sub). Expected an e-mail address.",
        ),
    ],
)
def test_settings_that_name_no_account(settings, problem):
    """Settings that name no account, or two kinds, are refused in one sentence."""
    assert refusal(Settings(**settings)) == (problem,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "is not a JWT"), ("rubbish", "is not a JWT"), (EXPIRED, "expired at 2024-01-02 04:04:05 UTC")],
    ids=["empty", "rubbish", "expired"],
)
def test_a_token_file_that_is_wrong_at_the_start(token_file, content, reason):
    """A token file without a good token is refused, without its text."""
    token_file.write_text(content, encoding="utf-8")
    (problem,) = refusal(Settings(user_token_file=token_file))
    assert problem == f"TEST_USER_TOKEN_FILE (hidden) {reason}. Expected a JWT that has not expired."


def test_a_head_is_made_once():
    """Between renewals each kind of request gets the same bytes, with its content type and its token."""
    some = account(FixedToken(TOKEN))
    bare = f"Authorization: Bearer {TOKEN}\r\n".encode()
    assert some.fields(None) == bare
    for content_type in (PROTOBUF, GRPC):
        assert some.fields(content_type) == f"Content-Type: {content_type}\r\n".encode() + bare
    assert all(some.fields(kind) is some.fields(kind) for kind in (None, PROTOBUF, GRPC))


def test_an_account_does_not_show_its_token():
    """What is printed of an account is its e-mail."""
    assert repr(account(FixedToken(TOKEN))) == "Account('a@example.com')"


class Source:
    """Gives one token after the other, and raises what is an exception."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def token(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


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
    some = account(FixedToken(TOKEN))
    before = some.fields(None)
    clock.seconds += 3 * 3600
    assert some.fields(None) is before


def test_a_rotated_file_is_picked_up(clock, token_file):
    """Near the end of the token in use, the file's new one is taken."""
    some = account(FileToken(token_file))
    token_file.write_text(SECOND, encoding="utf-8")
    assert bearer(some) == TOKEN
    clock.seconds += 56 * 60
    assert bearer(some) == SECOND


def test_a_rejected_token_is_renewed_at_once(token_file):
    """When the server rejects a token, the file is read without waiting for the token's end."""
    some = account(FileToken(token_file))
    token_file.write_text(SECOND, encoding="utf-8")
    some.renew()
    assert bearer(some) == SECOND


@pytest.mark.parametrize(
    "content",
    [b"", TOKEN[:40].encode(), b"\xff\xfe", EXPIRED.encode(), None],
    ids=["empty", "cut", "not UTF-8", "expired", "gone"],
)
def test_a_file_that_is_half_written_keeps_the_old_token(clock, token_file, content):
    """While the file holds no good token the old one is used, and a second later the file is read again."""
    some = account(FileToken(token_file))
    if content is None:
        token_file.unlink()
    else:
        token_file.write_bytes(content)
    clock.seconds += 56 * 60
    assert bearer(some) == TOKEN
    token_file.write_text(SECOND, encoding="utf-8")
    assert bearer(some) == TOKEN
    clock.seconds += 1
    assert bearer(some) == SECOND


def test_a_source_is_asked_once_a_second_at_most(clock):
    """A token that is about to end and that nobody has replaced yet does not make every request read the file."""
    short = make_token(SECRET, "a@example.com", timedelta(seconds=30))
    source = Source(*[short] * 100)
    some = account(source)
    for _ in range(50):
        clock.seconds += 0.1
        some.fields(None)
    assert 100 - len(source.answers) <= 6


@pytest.mark.parametrize("problem", [ValueError("x"), OSError("x")])
def test_a_source_that_fails_is_no_failure_of_the_user(problem):
    """A renewal that fails leaves the token in use."""
    some = account(Source(TOKEN, problem))
    some.renew()
    assert bearer(some) == TOKEN


def test_tokens_that_end_before_the_run_does(token_file):
    """The first end of a token that nothing renews is what is announced, if it is before the end of the run."""
    now = datetime.now(UTC)
    short = account(FixedToken(make_token(SECRET, "a@b", timedelta(minutes=10))))
    longer = account(FixedToken(make_token(SECRET, "a@b", timedelta(minutes=20))))
    endless = account(FixedToken(jwt.encode({"sub": "a@b"}, signing_key(SECRET))))
    renewed = account(FileToken(token_file))
    every = [endless, longer, short, renewed]
    assert expiring(every, now + HOUR) == short.expires
    assert expiring(every, now + timedelta(minutes=5)) is None
    assert expiring([endless, renewed], now + 10 * HOUR) is None
    assert endless.expires is None


def test_now_in_milliseconds():
    """Times are epoch milliseconds, UTC."""
    before = datetime.now(UTC).timestamp()
    assert int(before * 1000) <= now_ms() <= datetime.now(UTC).timestamp() * 1000
