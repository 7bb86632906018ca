"""The first failures of each kind can be looked at, without secrets and within bounds."""

import json
from typing import Any

from chaterload.chater.kinds import FailureKind
from chaterload.chater.reader import Answer
from chaterload.chater.redaction import REMOVED
from chaterload.chater.samples import KEPT, MOST, SHOWN, FailureSample, FailureSamples, current_step, first_of_each

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJiIn0.c2lnbmF0dXJl"  # no secret: nothing signs with it
SENT_AS = ("a@example.com", TOKEN)


def answer(body, status=404):
    return Answer(status, "text/html", body, len(body or b""))


def samples():
    return FailureSamples(lambda: ["the secret that signs"])


def add(into, body=b"x", path="/eater_get_today", kind=FailureKind.REQUEST_REFUSED, **more):
    into.add(kind, "GET", path, SENT_AS, 12.5, answer(body), **more)


def test_what_is_kept():
    """A sample tells the request, the account, the step and what came, in 200 characters without a secret."""
    kept = samples()
    add(kept, b"Not Found \x00<b> the secret that signs " + TOKEN.encode() + b"z" * 5000)
    (found,) = [FailureSample(**sample) for sample in kept.all()]
    assert (found.endpoint, found.kind, found.status) == ("GET /eater_get_today", "request refused", 404)
    assert (found.account, found.took_ms) == ("a@example.com", 12.5)
    assert found.step == "" or ", line " in found.step
    assert len(found.came) <= SHOWN
    assert REMOVED in found.came
    assert "signs" not in found.came
    assert "eyJ" not in found.came


def test_a_long_body():
    """Of a long body the beginning is kept; a body that cannot be had is told by its length."""
    kept = samples()
    add(kept, b"y " * 5000)
    kept.add(FailureKind.UNDECODABLE, "GET", "/a", SENT_AS, 1.0, Answer(200, None, None, 5_000_000))
    first, second = (sample["came"] for sample in kept.all())
    assert first == "y " * (SHOWN // 2)
    assert second.startswith("5000000 bytes that are too many to keep")


def test_no_answer():
    """Where nothing came there is no status, and what kept it from coming is told."""
    kept = samples()
    kept.add(FailureKind.CONNECTION_BROKEN, "GET", "/a", SENT_AS, 1.0, None, ConnectionResetError(104, "reset by peer"))
    kept.add(FailureKind.UNANSWERED, "GET", "/a", SENT_AS, 21_000.0, None)
    assert [(sample["status"], sample["came"]) for sample in kept.all()] == [
        (None, "ConnectionResetError: [Errno 104] reset by peer"),
        (None, "no answer"),
    ]


def test_memory_and_messages_are_bounded():
    """Three of each kind and endpoint are kept, of at most so many, and each is told to a master once."""
    kept = samples()
    for _ in range(10):
        add(kept)
    assert len(kept.all()) == KEPT
    assert len(kept.take_new()) == KEPT
    assert kept.take_new() == []
    for number in range(2 * MOST):
        add(kept, b"\xff" * 5000, path=f"/{number}")
    assert len(kept.all()) <= MOST + KEPT
    assert len(json.dumps(kept.take_new(), ensure_ascii=False).encode()) < 500 * MOST * KEPT


def test_those_of_several_processes():
    """Of the samples of all workers the first three of each kind and endpoint are shown."""
    parts = [samples() for _ in range(3)]
    for part in parts:
        for _ in range(KEPT):
            add(part)
        add(part, kind=FailureKind.SERVER_ERROR)
    every = [FailureSample(**sample) for part in reversed(parts) for sample in part.all()]
    shown = first_of_each(every)
    assert [sample.kind for sample in shown] == ["request refused"] * 3 + ["server error"] * 3
    assert [sample.at for sample in shown[:3]] == sorted(s.at for s in every if s.kind == "request refused")[:3]


def test_the_step_of_a_task():
    """The step is the line of the outermost function that Locust has called."""

    def full_flow():
        return current_step()

    namespace: dict[str, Any] = {"__name__": "locust.user.task", "task": full_flow}
    exec("def execute():\n    return task()", namespace)  # noqa: S102  # as if Locust called it
    assert namespace["execute"]() == f"full_flow, line {full_flow.__code__.co_firstlineno + 1}"
