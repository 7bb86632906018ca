"""A silence is what no process saw an end of while something was open; a slow answer and a pause are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.answer_gaps import SHORTEST_S, AnswerGap
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Measure, Objective
from chaterload.judge.silence import Silence, Watched, are_faults, find_silences

PHOTO, TODAY, FEEDBACK = Endpoint("POST", "/photo"), Endpoint("GET", "/today"), Endpoint("POST", "/feedback")
P95 = Measure.named("p95")
OBJECTIVES = [
    Objective(PHOTO, P95, 5_000.0),
    Objective(TODAY, P95, 2_000.0),
    Objective(ALL, Measure.named("failure_ratio"), 0.01),
]


def gap(began, ended, *waits, count=1):
    """From one answer to the next, with the waits of endpoints in it: (endpoint, from, to)."""
    return AnswerGap(began, ended, count, {(e.method, e.path): (start, end) for e, start, end in waits})


def watched(*gaps, began=0.0, ended=100.0):
    return Watched(gaps, began, ended)


def test_one_process():
    """A silence lasts from the moment on from which something was open to the next answer."""
    pause = gap(10, 14, count=0)
    waiting = gap(20, 51, (TODAY, 22, 51), (PHOTO, 20, 45), count=12)
    (found,) = find_silences([watched(pause, waiting)], 0, 100)
    assert (found.start, found.end, found.open) == (20, 51, 12)
    assert found.waits == {TODAY: 29, PHOTO: 25}


def test_what_was_not_open_all_the_time():
    """Where nothing was open between two requests that broke off, the longer part is the silence."""
    (found,) = find_silences([watched(gap(0, 100, (TODAY, 10, 20), (PHOTO, 40, 90)))], 0, 100)
    assert (found.start, found.end, found.waits) == (40, 90, {TODAY: 0.0, PHOTO: 50})


def test_all_workers_together():
    """Only what no worker got an answer in counts; what was open on one of them is enough."""
    first = watched(gap(10, 41, (TODAY, 10, 41), count=7))
    assert find_silences([first, watched()], 0, 100) == [], "the second one had answers all the time"
    second = watched(gap(15, 60, count=0), gap(70, 99, (PHOTO, 70, 99)))
    (found,) = find_silences([first, second], 0, 100)
    assert (found.start, found.end, found.open) == (15, 41, 7)
    third = watched(gap(12, 30, (PHOTO, 20, 30), count=5))
    (found,) = find_silences([first, second, third], 0, 100)
    assert (found.start, found.end, found.open, found.waits[PHOTO]) == (15, 30, 12, 10)


def test_workers_that_come_and_go():
    """Before it came and after it went, a worker had nothing to be answered."""
    first = watched(gap(10, 41, (TODAY, 10, 41)), gap(70, 90, (TODAY, 71, 90)))
    late, lost = watched(began=45.0), watched(gap(9, 42), ended=60.0)
    assert [(s.start, s.end) for s in find_silences([first, late, lost], 0, 100)] == [(10, 41)]
    assert [(s.start, s.end) for s in find_silences([first, lost], 0, 100)] == [(10, 41), (71, 90)]


def test_the_runs_own_time():
    """A silence is told in seconds since the run's start, and ends with its load."""
    (found,) = find_silences([Watched([gap(1008, 1060, (TODAY, 1008, 1060))], 1000, 1060)], 1000, 1050)
    assert (found.start, found.end) == (8, 50)


@pytest.mark.parametrize(
    ("waits", "count", "fault"),
    [
        ({PHOTO: 6.0}, 1, False),  # slow, and what an upload may take is 5 s
        ({PHOTO: 6.0}, 20, False),
        ({PHOTO: 10.0}, 1, True),
        ({TODAY: 4.9}, 20, False),
        ({TODAY: 5.0}, 1, True),
        ({PHOTO: 6.0, TODAY: 1.0}, 20, False),
        ({PHOTO: 6.0, TODAY: 5.5}, 2, True),
        ({FEEDBACK: 6.0}, 1, False),  # nobody limits it, and nobody else waits
        ({FEEDBACK: 6.0}, 2, True),
        ({FEEDBACK: 10.0}, 1, True),
        ({}, 0, False),
    ],
)
def test_from_when_on_it_is_a_fault(waits, count, fault):
    """From 5 s on, and where an answer may take long, or one request is all there is, from twice as long on."""
    silence = Silence(1.0, 1.0 + max(waits.values(), default=2.0), count, waits)
    assert are_faults([silence], OBJECTIVES) == ([silence] if fault else [])


@st.composite
def processes(draw):
    """Some processes, each with gaps one after the other, in all of which something was open."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        bounds = sorted(draw(st.sets(st.integers(0, 99), max_size=16)))
        spans = [(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=False) if b - a >= SHORTEST_S]
        found.append(watched(*(gap(a, b, (TODAY, a, b)) for a, b in spans)))
    return found


@given(processes())
def test_a_silence_is_nobodys_answer(every):
    """At each moment of a silence no process had an answer, and every such moment is in one."""
    silences = find_silences(every, 0, 100)
    for moment in (n + 0.5 for n in range(100)):
        silent = all(any(g.began < moment < g.ended for g in process.gaps) for process in every)
        assert silent is any(s.start < moment < s.end for s in silences)
