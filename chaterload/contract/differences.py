"""How an answer differs from its case, a sentence for each difference. Pure."""

import json
from typing import Any

from chaterload.chater.kinds import FailureKind
from chaterload.contract.cases import Case, TodayShows
from chaterload.contract.connection import RawAnswer
from proto.today_food_pb2 import Dish, TodayFood

SOONEST, LATEST, ALLOWANCE_S = 0.8, 1.5, 5.0
"""A wait of 20 s may take from 16 to 35 s."""
SHOWN_BYTES = 120


def differences(case: Case, expected_json: Any, answer: RawAnswer, patience: float) -> list[str]:
    """All that is not as the case says; of a wrong status, that alone and what came with it."""
    if answer.status != case.status:
        return [f"status {answer.status} instead of {case.status}, with {shown(answer.body)}"]
    found = []
    if case.media_type and answer.media_type != case.media_type:
        found.append(f"type {answer.media_type!r} instead of {case.media_type!r}")
    if case.body is not None and answer.body != case.body.encode():
        found.append(f"the body {shown(answer.body)} instead of {shown(case.body.encode())}")
    found += _of_json(case, expected_json, answer.body)
    found += _of_message(case, answer.body)
    found += _of_headers(case, answer)
    return found + _of_time(case.waits * patience, answer.seconds)


def shown(body: bytes) -> str:
    """A body as one line of print, its beginning."""
    more = f" … ({len(body)} bytes)" if len(body) > SHOWN_BYTES else ""
    return repr(body[:SHOWN_BYTES].decode("utf-8", "backslashreplace")) + more


def _of_json(case: Case, expected: Any, body: bytes) -> list[str]:
    if expected is None and not case.values and not case.keys:
        return []
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return [f"{shown(body)}, which is no JSON"]
    if expected is not None and told != expected:
        return [f"the JSON {shown(body)} instead of {json.dumps(expected)}"]
    if not isinstance(told, dict):
        return [f"the JSON {shown(body)}, which is no object"]
    wrong = [
        f"{name} {told.get(name)!r} instead of {value!r}"
        for name, value in case.values.items()
        if told.get(name) != value
    ]
    return wrong + [f"no {name}" for name in case.keys if not told.get(name)]


def _of_message(case: Case, body: bytes) -> list[str]:
    if not case.route or not (case.message or case.filled):
        return []
    message = case.route.expected.decode(body)
    if isinstance(message, FailureKind):
        return [f"{message.title}: {shown(body)}"]
    told = {name: getattr(message, name) for name in (*case.message, *case.filled)}
    told = {name: list(value) if isinstance(case.message.get(name), list) else value for name, value in told.items()}
    wrong = [
        f"{name} {told[name]!r} instead of {value!r}" for name, value in case.message.items() if told[name] != value
    ]
    return wrong + [f"an empty {name}" for name in case.filled if not told[name]]


def _of_headers(case: Case, answer: RawAnswer) -> list[str]:
    found = []
    for name, value in case.headers.items():
        told = answer.headers.get(name.lower())
        if told is None:
            found.append(f"no header {name}")
        elif value and told != value:
            found.append(f"header {name} {told!r} instead of {value!r}")
    return found


def _of_time(waits: float, seconds: float) -> list[str]:
    if not waits or waits * SOONEST <= seconds <= waits * LATEST + ALLOWANCE_S:
        return []
    return [f"{seconds:.1f} s instead of {waits:g} s"]


def today_differences(expected: TodayShows, before: Dish, contains: object, today: TodayFood) -> list[str]:
    """What today's list does not show of a case. `before` and the nutrients `contains` are of the list before it."""
    dish = next((dish for dish in today.dishes_today if dish.time == before.time), None)
    found = []
    if expected.listed is False and dish is not None:
        found.append("the dish is still in today's list")
    if expected.calories is not None:
        wanted = int(before.estimated_avg_calories * round(expected.calories * 100) / 100)
        if dish is None:
            found.append("the dish is not in today's list")
        elif dish.estimated_avg_calories != wanted:
            found.append(f"{dish.estimated_avg_calories} kcal of {before.estimated_avg_calories}, instead of {wanted}")
    if expected.nutrients and today.total_for_day.contains != contains:
        found.append("the day's nutrients have changed")
    if expected.weight is not None and today.person_weight != expected.weight:
        found.append(f"a weight of {today.person_weight:g} instead of {expected.weight:g}")
    return found
