"""What the users of a process share: accounts, the photo, the sign-in and what is left over."""

import json
from datetime import timedelta

import pytest

from chaterload.chater.dishes import Trace
from chaterload.chater.load_context import SHOWN_STRANGERS, make_shared, sign_in_body
from chaterload.chater.settings import Settings
from chaterload.chater.times import SecondsOfDay
from chaterload.chater.tokens import make_token
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList, Writes
from chaterload.exits import Refused
from proto.eater_photo_pb2 import PhotoMessage

DAY = 19_675
NOON = DAY * DAY_MS + DAY_MS // 2
TOKEN = make_token("secret", "a@example.com", timedelta(hours=1))


class NoLeases:
    """Accounts are not handed out here."""

    def acquire(self):
        return None

    def release(self, account):
        raise AssertionError(account)


def ask_nothing(account, route, body, seconds):
    raise AssertionError(route)


def shared(*, need_account=True, **settings):
    return make_shared(Settings(**settings), lambda _: NoLeases(), ask_nothing, SecondsOfDay(), accounts=need_account)


DEFAULT = {
    "provider": "google",
    "idToken": "load-test-id-token",
    "email": "loadtest@example.com",
    "name": "Locust Tester",
    "profilePictureURL": "https://example.com/locust-tester.png",
}
OWN = {
    "auth_provider": "apple",
    "auth_token": "an ID token",
    "auth_email": "c@example.com",
    "auth_name": "Їжак",
    "auth_profile_url": "http://x/y.png",
}


@pytest.mark.parametrize(
    ("settings", "email", "expected"),
    [
        ({}, None, DEFAULT),
        ({}, "a@example.com", {**DEFAULT, "email": "a@example.com"}),
        (OWN, "a@example.com", dict(zip(DEFAULT, OWN.values(), strict=True))),
    ],
)
def test_the_sign_in(settings, email, expected):
    """The sign-in carries the settings; without an e-mail of its own it is the account's, then a placeholder."""
    assert json.loads(sign_in_body(Settings(**settings), email)) == expected


def test_what_the_users_share():
    """The accounts, the photo of the settings, and a sign-in as the first account."""
    made = shared(jwt_secret="secret", photo_type="soup")
    assert [account.email for account in made.accounts] == ["loadtest+0001@example.com"]
    assert json.loads(made.sign_in)["email"] == "loadtest+0001@example.com"
    photo = PhotoMessage.FromString(made.photo.body(1))
    assert (photo.photoType, photo.photo_data) == ("soup", made.settings.photo_path.read_bytes())
    nothing = {"writes": Writes().to_dict(), "strangers": [], "unanswered": [], "without_account": 0}
    assert made.report() == {**nothing, "accounts": 1, "cleanup": {}, "early_cleanup": 0}


def test_tasks_that_need_no_account():
    """Where no task needs an account none is made, and no token is missed."""
    made = shared(need_account=False)
    assert made.accounts == []
    assert json.loads(made.sign_in)["email"] == "loadtest@example.com"
    with pytest.raises(Refused, match="There is no token to sign in with"):
        shared()


def test_no_two_accounts_share_a_time():
    """The server loses one of two photos with the same millisecond, whatever their accounts."""
    made = shared(jwt_secret="secret", accounts=3)
    times = []
    for account in made.accounts:
        account.dishes.reconcile(DayList(DAY, {}, 0.0, 0.0))
        times += [account.dishes.begin(NOON, 1.0, "me").time_ms for _ in range(100)]
    assert len(set(times)) == 300


def test_what_is_left_and_who_else_was_there():
    """What is left is told by account and time, and of each account some dishes of somebody else's."""
    made = shared(jwt_secret="secret", accounts=2)
    first, second = (account.dishes for account in made.accounts)
    for dishes in (first, second):
        dishes.reconcile(DayList(DAY, {}, 0.0, 0.0))
    unanswered, stored = second.begin(NOON, 1.0, "me"), first.begin(NOON, 1.0, "me")
    assert unanswered
    assert stored
    first.stored(stored, 2.0)
    first.reconcile(DayList(DAY, dict.fromkeys([stored.time_ms, *range(DAY * DAY_MS, DAY * DAY_MS + 9)], 1), 0.0, 3.0))
    emails = [account.email for account in made.accounts]
    assert json.loads(json.dumps(made.leftovers())) == [
        [emails[0], stored.time_ms, Trace.DOUBTFUL],
        [emails[1], unanswered.time_ms, Trace.UNCLEAR],
    ]
    [[email, count, times]] = made.report()["strangers"]
    assert (email, count, len(times)) == (emails[0], 9, SHOWN_STRANGERS)


@pytest.mark.parametrize(("verify", "left"), [(True, 1), (False, 0)])
def test_without_looking_deletes_are_believed(verify, left):
    """TEST_VERIFY_WRITES decides whether an acknowledged delete is still to be confirmed."""
    made = shared(user_token=TOKEN, verify_writes=verify)
    dishes = made.accounts[0].dishes
    dishes.reconcile(DayList(DAY, {}, 0.0, 0.0))
    dish = dishes.begin(NOON, 1.0, "me")
    dishes.stored(dish, 1.0)
    dishes.reconcile(DayList(DAY, {dish.time_ms: 1}, 0.0, 1.0))
    dishes.delete_sent(dish)
    dishes.deleted(dish, 1.0)
    assert len(made.leftovers()) == left
