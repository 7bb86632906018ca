"""Asks the cases of one server, for one account, and removes the dishes that they make."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from chaterload.chater import routes
from chaterload.chater.kinds import FailureKind
from chaterload.chater.routes import Route
from chaterload.chater.tokens import make_token, signing_key
from chaterload.contract.cases import Case
from chaterload.contract.connection import NoAnswer, RawAnswer, RawConnection
from chaterload.contract.differences import differences, shown, today_differences
from chaterload.contract.questions import Words, body_of, content_type_of, filled, path_of
from chaterload.exits import Refused
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.today_food_pb2 import Dish, TodayFood

SHOWS_WITHIN_S = 3.0
"""How late a write may be in today's list, and a delete."""
LOOK_AGAIN_S = 0.3
_AN_HOUR = timedelta(hours=1)
_TIMED_OUT = 408
_FAR_MS = 25 * 3_600_000

_A_DISH = Case.model_validate(
    {
        "what": "a dish for the others",
        "ask": str(routes.PHOTO),
        "send": {"time": "$now", "photo_data": "$photo", "photoType": "default_prompt"},
        "status": 200,
        "json": {"status": "Success", "user_email": "$email"},
    }
)


class NotAsked(Exception):
    """A case cannot be asked; says why."""


@dataclass(frozen=True)
class Identity:
    """Who asks, and what proves it."""

    email: str
    token: str
    secret: str | None = None
    """What the server signs its tokens with, for the cases that need another token than a good one."""
    id_token: str | None = None
    """Of a provider, for the cases that sign in."""

    def authorization(self, kind: str) -> str | None:
        """The Authorization header of a case. NotAsked when it takes a secret that nobody told."""
        if kind in ("expired", "no sub"):
            if self.secret is None:
                raise NotAsked("it needs TEST_JWT_SECRET")
            expired = make_token(self.secret, self.email, -_AN_HOUR)
            return "Bearer " + (expired if kind == "expired" else jwt.encode({}, signing_key(self.secret)))
        return {
            "good": f"Bearer {self.token}",
            "none": None,
            "another scheme": "Basic abc",
            "nothing": "Bearer",
            "malformed": "Bearer abc",
            "wrong key": "Bearer " + make_token("a key that signs nothing here", self.email, _AN_HOUR),
            "more": f"Bearer {self.token} more",
        }[kind]


class Session:
    """Asks one case after another. `patience` scales the times for which the server may make us wait."""

    def __init__(
        self, connection: RawConnection, who: Identity, photo: bytes, cases: list[Case], *, patience: float = 1.0
    ) -> None:
        self._connection = connection
        self._who = who
        self._photo = photo
        self._cases = {case.what: case for case in cases}
        self._patience = patience
        self._asked: set[str] = set()
        self._last_ms = 0
        self._dish: int | None = None
        self._made: set[int] = set()
        """Times of the dishes that the server said it made."""
        self._unclear: set[int] = set()
        """Times of uploads of which it said neither yes nor no."""

    def check(self) -> None:
        """One question before all others. Refused when host or token do not work."""
        try:
            answer = self._send(routes.ALCOHOL_LATEST)
        except NoAnswer as error:
            raise Refused(f"The host does not answer: {error}. Check --host or TARGET_HOST.") from None
        if answer.status == 401:
            raise Refused(f"The token does not work: {shown(answer.body)}. Set TEST_USER_TOKEN to one of this system.")

    def run(self, case: Case) -> list[str]:
        """What differs from the case, a sentence each. NotAsked when it cannot be asked."""
        if case.first and case.first not in self._asked:
            self.run(self._cases[case.first])
        try:
            dish = self._listed_dish() if case.needs_dish else Dish()
            before = self._today() if case.today else TodayFood()
            words = self._words(case, dish)
            answer = self._ask(case, words)
        except NoAnswer as error:
            return [f"no answer: {error}"]
        self._asked.add(case.what)
        found = differences(case, filled(case.json_object, words), answer, self._patience)
        if found or not case.today:
            return found
        expected, contains = case.today, before.total_for_day.contains
        return self._once_shown(lambda today: today_differences(expected, dish, contains, today))

    def remove_dishes(self) -> list[int]:
        """Deletes the dishes that the cases made. Gives the times, in epoch ms, of those that may still be there."""
        try:
            for time_ms in sorted(self._made | (self._unclear & self._listed())):
                self._delete(time_ms)
            self._once_shown(lambda today: [dish.dish_name for dish in today.dishes_today if dish.time in self._made])
            return sorted((self._made | self._unclear) & self._listed())
        except NoAnswer:
            return sorted(self._made | self._unclear)

    def _ask(self, case: Case, words: Words) -> RawAnswer:
        """Asks, and keeps in mind which dish there may be now. NotAsked when the account has used up its day."""
        if "$id_token" in str(case.document) and self._who.id_token is None:
            raise NotAsked("it needs TEST_AUTH_TOKEN")
        headers = {"Content-Type": content_type_of(case), "Authorization": self._who.authorization(case.token)}
        given = {name: value for name, value in headers.items() if value is not None}
        at = words["$far"] if "$far" in (case.send or {}).values() else words["$now"]
        uploads = case.route == routes.PHOTO
        if uploads:
            self._unclear.add(at)
        answer = self._connection.ask(case.ask.partition(" ")[0], path_of(case, words), given, body_of(case, words))
        if uploads and answer.status < 500 and answer.status != _TIMED_OUT:
            self._unclear.discard(at)  # a refusal makes nothing, and what is there at that time is somebody else's
            if answer.status == 200:
                self._made.add(at)
        if answer.status == 400 and b"daily limit" in answer.body:
            raise NotAsked("the account has reached its daily limit of photos and recommendations")
        return answer

    def _words(self, case: Case, dish: Dish) -> Words:
        now = self._free_ms() if case.route == routes.PHOTO else time.time_ns() // 1_000_000
        return {
            "$dish": dish.time,
            "$name": dish.dish_name,
            "$image": dish.image_id,
            "$email": self._who.email,
            "$id_token": self._who.id_token,
            "$now": now,
            "$far": now + _FAR_MS,
            "$photo": self._photo,
            "$half": self._photo[: len(self._photo) // 2],
            "$start": self._photo[:8],
        }

    def _free_ms(self) -> int:
        """A time of ours alone: of this moment, and of no dish that the account has."""
        listed = self._listed()
        time_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        while time_ms in listed:
            time_ms += 1
        self._last_ms = time_ms
        return time_ms

    def _listed_dish(self) -> Dish:
        """The dish that the cases share, as it is listed now; made when there is none. NotAsked when it cannot be."""
        dish = self._find(self._dish)
        if dish is not None:
            return dish
        words = self._words(_A_DISH, Dish())
        problems = differences(_A_DISH, filled(_A_DISH.json_object, words), self._ask(_A_DISH, words), 1.0)
        if not problems:
            self._dish = words["$now"]
            problems = self._once_shown(lambda _: [] if self._find(self._dish) else ["it is not in today's list"])
        dish = self._find(self._dish)
        if dish is None:
            raise NotAsked(f"it needs a dish, and there is none: {'; '.join(problems)}")
        return dish

    def _find(self, time_ms: int | None) -> Dish | None:
        return next((dish for dish in self._today().dishes_today if dish.time == time_ms), None)

    def _once_shown(self, look: Callable[[TodayFood], list[str]]) -> list[str]:
        """What `look` finds wrong with today's list, once writes have had the time to show in it."""
        until = time.monotonic() + SHOWS_WITHIN_S
        while (found := look(self._today())) and time.monotonic() < until:
            time.sleep(LOOK_AGAIN_S)
        return found

    def _listed(self) -> set[int]:
        return {dish.time for dish in self._today().dishes_today}

    def _today(self) -> TodayFood:
        answer = self._send(routes.TODAY)
        food = routes.TODAY.expected.decode(answer.body)
        if answer.status != 200 or isinstance(food, FailureKind):
            raise NoAnswer(f"today's list is {answer.status} {shown(answer.body)}")
        return food

    def _delete(self, time_ms: int) -> None:
        self._send(routes.DELETE, DeleteFoodRequest(time=time_ms).SerializeToString())

    def _send(self, route: Route[Any], body: bytes | None = None) -> RawAnswer:
        headers = {"Authorization": f"Bearer {self._who.token}"}
        if route.content_type:
            headers["Content-Type"] = route.content_type
        return self._connection.ask(route.method, route.path, headers, body)
