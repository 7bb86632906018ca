"""What the reports of several processes add up to."""

from chaterload.chater.dishes import Leftover, Trace
from chaterload.run.conclusion import _leftovers, _strangers


def test_what_is_left():
    """The leftovers of all processes are one list, in order; a process that reported none has none."""
    reports = [{"leftovers": [["b@example.com", 2, "there"]]}, {}, {"leftovers": [["a@example.com", 3, "in doubt"]]}]
    assert _leftovers(reports) == [
        Leftover("a@example.com", 3, Trace.DOUBTFUL),
        Leftover("b@example.com", 2, Trace.THERE),
    ]


def test_somebody_else():
    """An account is told once, however many workers noticed that somebody else uses it."""
    reports = [
        {"strangers": [["a@example.com", 5, [1, 2, 3]]]},
        {"strangers": [["a@example.com", 4, [2, 9]], ["b@example.com", 1, [7]]]},
        {},
    ]
    first, second = _strangers(reports)
    assert first == (
        "somebody else uses a@example.com: 5 dishes appeared on it that the run did not make (time 1, 2, 3); "
        "what may be theirs was left alone"
    )
    assert "b@example.com: 1 dish appeared" in second
    assert _strangers([{}]) == []
