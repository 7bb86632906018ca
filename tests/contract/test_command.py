"""The command: what differs is printed, nothing stays behind, and mistakes are told before anything is asked."""

from pathlib import Path
from typing import Any

import pytest

from chaterload.contract import __main__ as command
from chaterload.contract.cases import Case, read_cases
from chaterload.exits import Exit
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess
from tests.photos import small_png
from tests.support.standins import page
from tests.support.warm import start_stand_in

QUICK = [case for case in read_cases() if not case.waits]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stand_in: StandInProcess) -> None:
    """The settings of a user who knows all secrets; none of the cases that wait, for the sake of the clock."""
    photo = tmp_path / "small.png"
    photo.write_bytes(small_png())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEST_JWT_SECRET", STAND_IN_SECRET)
    monkeypatch.setenv("TEST_AUTH_TOKEN", stand_in.id_token)
    monkeypatch.setenv("TEST_PHOTO_PATH", str(photo))
    monkeypatch.setattr(command, "read_cases", lambda: QUICK)


def test_it_leaves_nothing_behind(stand_in: StandInProcess, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --all every answer is as told, and the account has no more dishes, weights or words than before."""
    assert command.main(["--host", stand_in.host]) == Exit.MET
    output = capsys.readouterr().out
    kept = [case for case in QUICK if case.leaves]
    assert output.endswith(
        f"{len(QUICK) - len(kept)} of {len(QUICK) - len(kept)} answers are as the contract says; "
        f"{len(kept)} cases were not asked.\n"
    )
    account = page(stand_in, "records")["loadtest+0001@example.com"]
    received = account.pop("received")
    assert account == {"dishes": [], "weights": [], "person_weight": 0, "alcohol": []}
    assert received.keys() <= {"photos", "modifies", "deletes", "health_levels", "custom_dates", "recommendations"} | {
        "alcohol_ranges"
    }


def test_all_of_it(stand_in: StandInProcess) -> None:
    """--all asks the others too."""
    assert command.main(["--host", stand_in.host, "--all"]) == Exit.MET
    assert page(stand_in, "records")["loadtest+0001@example.com"]["weights"]


def test_what_differs_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with another way of its own is told, case by case, with exit code 3, and the dishes are removed."""
    with start_stand_in(["--fail", "/alcohol_latest=1", "--drop-modify", "1"]) as other:
        assert command.main(["--host", other.host]) == Exit.MISSED
        assert page(other, "records")["loadtest+0001@example.com"]["dishes"] == []
    output = capsys.readouterr().out
    assert "DIFFERS    today's drinks: status 500 instead of 200, with 'Internal Server Error'\n" in output
    assert "DIFFERS    a dish doubled: " in output
    assert " kcal of " in output


def test_what_takes_a_secret_is_not_asked(
    stand_in: StandInProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has a token alone is told what the other cases take."""
    monkeypatch.delenv("TEST_JWT_SECRET")
    monkeypatch.delenv("TEST_AUTH_TOKEN")
    monkeypatch.setenv("TEST_USER_TOKEN", stand_in.token)
    assert command.main(["--host", stand_in.host, "--all"]) == Exit.MET
    output = capsys.readouterr().out
    assert "not asked  an expired token: it needs TEST_JWT_SECRET\n" in output
    assert "not asked  a sign-in: it needs TEST_AUTH_TOKEN\n" in output


def test_a_dish_that_cannot_be_removed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that loses deletes leaves the dish, and its time is printed."""
    with start_stand_in(["--drop-delete", "1"]) as other:
        assert command.main(["--host", other.host]) == Exit.MISSED
        (dish,) = page(other, "records")["loadtest+0001@example.com"]["dishes"]
    told = capsys.readouterr()
    assert f"A dish may still be there, at {dish['time']} (epoch ms).\n" in told.err
    assert "DIFFERS    a dish deleted: the dish is still in today's list" in told.out


def test_an_exhausted_account(capsys: pytest.CaptureFixture[str]) -> None:
    """An account that has used up its day is no difference: what takes a dish is not asked."""
    with start_stand_in(["--daily-limit", "1"]) as other:
        assert command.main(["--host", other.host]) == Exit.MET
    assert "not asked  a recommendation: the account has reached its daily limit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "http://example.com"], "--allow-host example.com"),
        (["--host", "chater"], "has no http:// or https:// in front"),
        (["--host", "http://127.0.0.1:1"], "The host does not answer: ConnectionRefusedError"),
        (["--gremlins"], "unrecognized arguments: --gremlins"),
    ],
)
def test_nothing_is_asked(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], stand_in: StandInProcess
) -> None:
    """A wrong host or option is one sentence and exit code 2."""
    try:
        code: object = command.main(arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == Exit.NEVER_STARTED
    assert sentence in capsys.readouterr().err


def test_a_token_of_another_system(
    stand_in: StandInProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that does not work is told once, and not as fifty differences."""
    monkeypatch.setenv("TEST_JWT_SECRET", "the secret of another system")
    assert command.main(["--host", stand_in.host]) == Exit.NEVER_STARTED
    assert "The token does not work: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"send": {"days": 1}, "ask": "GET /alcohol_latest"}, "takes none"),
        ({"text": "x", "object": {}}, "more than one body"),
        ({"ask": "GET /nope", "filled": ["title"]}, "gives none"),
        ({"statsu": 200}, "Extra inputs are not permitted"),
    ],
)
def test_a_row_that_is_no_case(row: dict[str, Any], sentence: str) -> None:
    """A slip in the table is found before anybody is asked."""
    with pytest.raises(ValueError, match=sentence):
        Case.model_validate({"what": "x", "ask": "POST /feedback", "status": 200, **row})
