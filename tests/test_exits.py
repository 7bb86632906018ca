"""The exit codes and what goes with them."""

from chaterload.exits import Exit, Refused


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
