"""What the stand-in knows about each account: dishes, weights, drinks, and all that was sent."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from chaterload.chater.wire import DAY_MS

INT32_MAX = 2**31 - 1
KEPT = 100_000  # entries of each list of what was sent: a run of two hours must not fill the memory

_MEALS = (
    ("Oatmeal with berries", ["oats", "milk", "berries"]),
    ("Chicken with rice", ["chicken", "rice", "broccoli"]),
    ("Lentil soup", ["lentils", "carrots", "onion"]),
    ("Greek salad", ["tomatoes", "cucumber", "feta"]),
    ("Pasta with pesto", ["pasta", "basil", "parmesan"]),
)


@dataclass
class Dish:
    """A meal. `time` (epoch ms) is its identity; `portion` is what all modifies have made of it."""

    time: int
    calories: int
    weight: int
    name: str
    ingredients: list[str]
    photo_type: str = ""
    photo_bytes: int = 0
    photo_sha256: str = ""
    portion: float = 1.0

    @classmethod
    def guessed(cls, time: int, **known: Any) -> Dish:
        """A plausible dish, the same for the same time, except for what is known about it."""
        name, ingredients = _MEALS[time % len(_MEALS)]
        guess = {"calories": 150 + time % 601, "weight": 100 + time % 401}
        return cls(**{"time": time, "name": name, "ingredients": ingredients, **guess, **known})

    @property
    def calories_now(self) -> int:
        return min(round(self.calories * self.portion), INT32_MAX)

    @property
    def weight_now(self) -> int:
        return min(round(self.weight * self.portion), INT32_MAX)

    def summary(self) -> dict[str, Any]:
        """The dish as the records page shows it: calories and weight as they are now."""
        return {**asdict(self), "calories": self.calories_now, "weight": self.weight_now}


@dataclass(frozen=True)
class Drink:
    """One alcohol event; `quantity` in g or ml."""

    time: int
    drink_name: str = "Beer"
    calories: int = 150
    quantity: int = 330

    @property
    def date(self) -> str:
        return datetime.fromtimestamp(self.time / 1000, UTC).date().isoformat()

    def summary(self) -> dict[str, Any]:
        """The drink as AlcoholEvent has it."""
        return {**asdict(self), "date": self.date}


class Account:
    """One account. Dishes are kept until they are deleted; lists of what was sent keep the last 100,000."""

    def __init__(self) -> None:
        self._days: dict[int, dict[int, Dish]] = {}
        self.weights: deque[float] = deque(maxlen=KEPT)
        self.drinks: list[Drink] = []
        self.received: dict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.recommendation: tuple[int, str] = (-1, "")  # (day, text): the text of one day is kept
        self._used: tuple[int, int] = (-1, 0)  # (day, requests that count against the daily limit)

    def add(self, dish: Dish) -> bool:
        """Keeps the dish; False when there already is one with its time, which stays."""
        return self._days.setdefault(dish.time // DAY_MS, {}).setdefault(dish.time, dish) is dish

    def find(self, time: int) -> Dish | None:
        return self._days.get(time // DAY_MS, {}).get(time)

    def dishes(self, day: int | None = None) -> list[Dish]:
        """All dishes, or those of one day (counted from 1970, UTC), by time."""
        days = self._days.values() if day is None else [self._days.get(day, {})]
        return sorted((dish for dishes in days for dish in dishes.values()), key=lambda dish: dish.time)

    def modify(self, time: int, percentage: int) -> None:
        """Multiplies the dish by percentage / 100, on top of earlier modifies; unknown times are ignored."""
        dish = self.find(time)
        if dish:
            dish.portion = min(dish.portion * max(percentage, 0) / 100, INT32_MAX)

    def delete(self, time: int) -> None:
        self._days.get(time // DAY_MS, {}).pop(time, None)

    def person_weight(self) -> float:
        return self.weights[-1] if self.weights else 0.0

    def drinks_between(self, first: str, last: str) -> list[Drink]:
        """Drinks from one date to another, both yyyy-mm-dd and included."""
        return [drink for drink in self.drinks if first <= drink.date <= last]

    def use(self, day: int) -> int:
        """Counts one more limited request and tells how many the day has seen."""
        self._used = (day, self._used[1] + 1 if self._used[0] == day else 1)
        return self._used[1]

    def seed(self, dishes: Iterable[Mapping[str, Any]], alcohol: Iterable[Mapping[str, Any]]) -> None:
        """Adds what was there before; TypeError or KeyError for entries that are not dishes or drinks."""
        new, drinks = [Dish.guessed(**dish) for dish in dishes], [Drink(**drink) for drink in alcohol]
        for dish in new:
            self.add(dish)
        self.drinks += drinks

    def summary(self) -> dict[str, Any]:
        return {
            "dishes": [dish.summary() for dish in self.dishes()],
            "weights": list(self.weights),
            "person_weight": self.person_weight(),
            "alcohol": [drink.summary() for drink in self.drinks],
            "received": {kind: list(sent) for kind, sent in self.received.items()},
        }


class Records:
    """The accounts by e-mail, each made when it is first named."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = defaultdict(Account)

    def note(self, email: str, kind: str, sent: Any) -> None:
        """Remembers that the account's user sent this, whatever comes of it."""
        self.accounts[email].received[kind].append(sent)
