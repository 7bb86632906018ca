"""The exit codes and what goes with them."""

import re

import pytest

from chaterload.exits import Exit, Refused, as_text, first_ten, refusing


def test_exit_codes():
    """The codes are those that README promises, each its own."""
    assert {code.name: int(code) for code in Exit} == {
        "MET": 0,
        "ERROR": 1,
        "NEVER_STARTED": 2,
        "MISSED": 3,
        "INVALID": 4,
    }


def test_a_refusal_keeps_its_problems_apart():
    """Each problem is one item, and one line of the text."""
    refused = Refused("One.", "Two.")
    assert refused.problems == ("One.", "Two.")
    assert str(refused) == "One.\nTwo."


def test_what_nobody_foresaw_is_a_refusal(caplog):
    """An unexpected exception is told by its kind and place, without its text, which may hold a secret."""
    caplog.set_level("DEBUG")

    secret = "hidden".upper()

    @refusing("The check")
    def check():
        raise KeyError(secret)

    with pytest.raises(Refused) as refused:
        check()
    (sentence,) = refused.value.problems
    assert re.fullmatch(
        r"The check failed: KeyError in test_exits.py, line \d+. This is a bug in the load test; please report it.",
        sentence,
    )
    assert "in check" in caplog.text
    assert secret not in caplog.text


def test_a_refusal_stays_what_it_is():
    """What is refused in a sentence is told in that sentence."""
    with pytest.raises(Refused, match=r"^No\.$"), refusing("The check"):
        raise Refused("No.")


@pytest.mark.parametrize("count", [0, 1, 10, 11, 60_000])
def test_ten_problems_are_enough(count):
    """Ten problems are told, and how many more there are."""
    told = first_ten([f"{number}." for number in range(count)])
    assert told[:10] == [f"{number}." for number in range(min(count, 10))]
    assert told[10:] == ([f"... and {count - 10:,} more like these."] if count > 10 else [])


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("an error", "an error"),
        ("größer als 5 €", "größer als 5 €"),
        ("\x1b[2J\r\nPASS\x9b\u2028\u202e\ud800", "�[2J��PASS����"),
        (None, "None"),
        ("x" * 301, "x" * 300 + "…"),
    ],
)
def test_what_others_told(told, shown):
    """It is shown as text, whatever characters it holds, and not at any length."""
    assert as_text(told) == shown
