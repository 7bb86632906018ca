"""A process knows when it got no answer, what it waited for, and when it was itself that stood still."""

import json

import pytest

from chaterload.chater import answer_gaps as module
from chaterload.chater.answer_gaps import MOST, AnswerGap, AnswerGaps, with_longest
from chaterload.chater.deadline import OpenRequest

TODAY, PHOTO = ("GET", "/today"), ("POST", "/photo")


class Process:
    """One whose clock a test sets."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        self.open: list[OpenRequest] = []
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        self.gaps = AnswerGaps(lambda: list(self.open))
        self.gaps.start()

    def wait(self, seconds):
        """Time passes, and the process looks around as it does each second."""
        for _ in range(int(seconds)):
            self.now += 1
            self.gaps.look()
        self.now += seconds % 1

    def ask(self, key):
        request = OpenRequest(key[0], key[1], self.now)
        self.open.append(request)
        return request

    def answer(self, request):
        self.open.remove(request)
        self.gaps.answered(request)

    def break_off(self, request):
        self.open.remove(request)
        self.gaps.broke_off(request)


@pytest.fixture
def process(monkeypatch):
    return Process(monkeypatch)


def test_quick_answers(process):
    """Answers that come every half second leave no gap."""
    for _ in range(20):
        request = process.ask(TODAY)
        process.wait(0.5)
        process.answer(request)
    process.gaps.end()
    assert process.gaps.kept == []


def test_a_gap(process):
    """It lasts from one answer to the next, and knows what was waited for, the answered request among it."""
    first = process.ask(TODAY)
    process.answer(first)
    process.wait(2)
    photo, today = process.ask(PHOTO), process.ask(TODAY)
    process.wait(6)
    process.answer(photo)
    process.answer(today)
    assert process.gaps.kept == [AnswerGap(100, 108, 2, {TODAY: (102, 108), PHOTO: (102, 108)})]


def test_requests_that_break_off(process):
    """A request that ends without an answer ends no gap, and was waited for until then."""
    hung, other = process.ask(TODAY), process.ask(PHOTO)
    process.wait(90)
    process.break_off(hung)
    process.wait(5)
    process.answer(other)
    assert process.gaps.kept == [AnswerGap(100, 195, 2, {TODAY: (100, 190), PHOTO: (100, 195)})]
    alone = process.ask(TODAY)
    process.wait(3)
    process.break_off(alone)
    process.wait(3)
    process.answer(process.ask(PHOTO))
    assert process.gaps.kept[-1].waits[TODAY] == (195, 198)


def test_the_end_of_the_load(process):
    """What waits when the load ends was waited for until then, and what comes afterwards is no load."""
    request = process.ask(TODAY)
    process.wait(7)
    assert process.gaps.current() == AnswerGap(100, 107, 1, {TODAY: (100, 107)})
    process.gaps.end()
    process.wait(60)
    process.answer(request)
    process.gaps.broke_off(request)
    process.gaps.end()
    assert process.gaps.kept == [AnswerGap(100, 107, 1, {TODAY: (100, 107)})]
    assert process.gaps.current() is None


def test_a_process_that_stood_still(process):
    """While the process itself stood still nobody knows what would have come: neither side of it is joined."""
    request = process.ask(TODAY)
    process.wait(4)
    process.now += 30  # stopped, or without a core
    process.wait(2)
    process.answer(request)
    assert process.gaps.kept == [
        AnswerGap(100, 104, 1, {TODAY: (100, 104)}),
        AnswerGap(135, 136, 1, {TODAY: (135, 136)}),
    ]


def test_an_answer_is_read_first_after_it_stood_still(process):
    """It does not matter whether the process looks around first, or reads an answer first."""
    request = process.ask(TODAY)
    process.wait(1)
    process.now += 30
    process.answer(request)
    assert process.gaps.kept == [AnswerGap(100, 101, 1, {TODAY: (100, 101)})]


def test_told_to_another_machine(process):
    """What is told to a master is in seconds ago, once each, and small."""
    process.answer(process.ask(PHOTO))
    request = process.ask(TODAY)
    process.wait(31)
    process.answer(request)
    told = json.loads(json.dumps(process.gaps.tell()))
    assert (told["began"], told["ended"], told["current"]) == (31, 0, None)
    (gap,) = told["new"]
    assert AnswerGap.from_list(gap, 5000.0) == AnswerGap(4969, 5000, 1, {TODAY: (4969, 5000)})
    process.wait(2)
    assert process.gaps.tell() == {"new": [], "current": [2, 0, 0, []], "began": 33, "ended": 0}
    process.gaps.end()
    process.wait(7)
    assert process.gaps.tell() == {"new": [[9, 7, 0, []]], "current": None, "began": 40, "ended": 7}


def test_memory_is_bounded():
    """Of very many gaps the longest stay, in their order."""
    gaps = [AnswerGap(10.0 * n, 10.0 * n + 1 + n % 7) for n in range(2 * MOST)]
    kept = with_longest(gaps)
    assert len(kept) == MOST
    assert kept == sorted(kept, key=lambda gap: gap.began)
    assert min(gap.seconds for gap in kept) == 4
