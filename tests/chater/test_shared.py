"""What the users of a process share: accounts, the photo, the sign-in and what is left over."""

import json
from datetime import timedelta

import pytest

from chaterload.chater.dishes import SLOTS
from chaterload.chater.settings import Settings
from chaterload.chater.shared import Leftover, make_shared, sign_in_body
from chaterload.chater.tokens import make_token
from chaterload.chater.writes import Tally, Writes
from chaterload.exits import Refused
from proto.eater_photo_pb2 import PhotoMessage

NOON = 1_700_000_006_400
TOKEN = make_token("secret", "a@example.com", timedelta(hours=1))


class NoLeases:
    """Accounts are not handed out here."""

    def acquire(self):
        return None

    def release(self, account):
        raise AssertionError(account)


def shared(*, need_account=True, slot=0, slots=1, **settings):
    return make_shared(Settings(**settings), lambda _: NoLeases(), accounts=need_account, slot=slot, slots=slots)


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
    assert made.report() == {"writes": Writes().to_dict(), "leftovers": [], "without_account": 0, "accounts": 1}


def test_tasks_that_need_no_account():
    """Where no task needs an account none is made, and no token is missed."""
    made = shared(need_account=False)
    assert made.accounts == []
    assert json.loads(made.sign_in)["email"] == "loadtest@example.com"
    with pytest.raises(Refused, match="There is no token to sign in with"):
        shared()


def test_the_slot_is_the_workers():
    """The times of a worker's dishes are of its slot, on each of its accounts."""
    made = shared(jwt_secret="secret", accounts=2, slot=5, slots=SLOTS)
    assert [account.dishes.start(NOON, "me").time % SLOTS for account in made.accounts] == [5, 5]


def test_leftovers():
    """What is left is listed by account and time, and whether it is known to be there."""
    made = shared(jwt_secret="secret", accounts=2)
    first, second = (account.dishes for account in made.accounts)
    unanswered = second.start(NOON, "me")
    there = second.start(NOON, "me")
    second.stored(there, 1.0)
    ghost, removed, believed = (first.start(NOON, "me") for _ in range(3))
    for dish in (ghost, removed, believed):
        first.stored(dish, 1.0)
    first.removed(ghost, 2.0)
    first.removed(believed, 2.0)
    first.observe({ghost.time: 1}, 5.0, NOON, 2.0)
    first.removed(removed, 6.0)
    emails = [account.email for account in made.accounts]
    assert made.leftovers() == [
        Leftover(emails[0], removed.time, False),
        Leftover(emails[0], ghost.time, True),
        Leftover(emails[1], there.time, True),
        Leftover(emails[1], unanswered.time, False),
    ]
    assert made.report()["leftovers"][0] == [emails[0], removed.time, False]
    assert made.writes.deletes == Tally(3, 2, 1)
    assert made.writes.dishes == Tally(4)


@pytest.mark.parametrize(("verify", "left"), [(True, 1), (False, 0)])
def test_without_looking_deletes_are_believed(verify, left):
    """TEST_VERIFY_WRITES decides whether an acknowledged delete is still to be confirmed."""
    made = shared(user_token=TOKEN, verify_writes=verify)
    dishes = made.accounts[0].dishes
    dishes.removed(dishes.start(NOON, "me"), 1.0)
    assert len(made.leftovers()) == left
