"""What the stand-in knows about each account: dishes, weights, drinks, and all that was sent."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from chaterload.chater.wire import DAY_MS

INT32 = range(-(2**31), 2**31)
KEPT = 100_000  # entries of each list of what was sent: a run of two hours must not fill the memory
KEPT_PHOTOS = 20

_MEALS = (
    ("Oatmeal with berries", ["oats", "milk", "berries"]),
    ("Chicken with rice", ["chicken", "rice", "broccoli"]),
    ("Lentil soup", ["lentils", "carrots", "onion"]),
    ("Greek salad", ["tomatoes", "cucumber", "feta"]),
    ("Pasta with pesto", ["pasta", "basil", "parmesan"]),
)
# Grams of carbohydrates, fats, proteins and sugar for each kcal, so that the totals look like food.
_NUTRIENTS = {"carbohydrates": 0.12, "fats": 0.035, "proteins": 0.05, "sugar": 0.03}


@dataclass
class StoredDish:
    """A meal. `time` (epoch ms) is its identity; calories and weight are what all modifies have made of them."""

    time: int
    calories: int
    weight: int
    name: str
    ingredients: list[str]
    nutrients: dict[str, Any]
    """In grams; no modify changes them."""
    photo_type: str = ""
    photo_bytes: int = 0
    photo_sha256: str = ""

    @classmethod
    def guessed(cls, time: int, **known: Any) -> StoredDish:
        """A plausible dish, the same for the same time, except for what is known about it."""
        name, ingredients = _MEALS[time % len(_MEALS)]
        guess: dict[str, Any] = {
            "calories": 150 + time % 601,
            "weight": 100 + time % 401,
            "name": name,
            "ingredients": ingredients,
        }
        guess.update(known)
        nutrients = {name: guess["calories"] * share for name, share in _NUTRIENTS.items()}
        return cls(**{"time": time, "nutrients": nutrients, **guess})

    @property
    def image_id(self) -> str:
        return self.photo_sha256[:16]

    def modify(self, percentage: int) -> None:
        """Multiplies calories and weight, truncated; a product that no int32 holds is not done."""
        changed = [int(value * percentage / 100) for value in (self.calories, self.weight)]
        if all(value in INT32 for value in changed):
            self.calories, self.weight = changed


@dataclass(frozen=True)
class Drink:
    """One alcohol event; `time` in epoch ms, `quantity` in g or ml."""

    time: int
    drink_name: str = "Beer"
    calories: int = 150
    quantity: int = 330

    @property
    def date(self) -> str:
        return datetime.fromtimestamp(self.time / 1000, UTC).date().isoformat()

    def event(self) -> dict[str, Any]:
        """The drink as AlcoholEvent has it, whose time is in seconds."""
        return {**asdict(self), "time": self.time // 1000, "date": self.date}


class Account:
    """One account. Dishes are kept until they are deleted; lists of what was sent keep the last 100,000."""

    def __init__(self) -> None:
        self._days: dict[int, dict[int, StoredDish]] = {}
        self.weights: deque[float] = deque(maxlen=KEPT)
        self._weight_of: dict[int, float] = {}  # the latest of each day
        self.drinks: deque[Drink] = deque(maxlen=KEPT)
        self.received: dict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.recommendation: tuple[int, str] = (-1, "")  # (day, text): the text of one day is kept
        self._used: tuple[int, int] = (-1, 0)  # (day, requests that count against the daily limit)

    def add(self, dish: StoredDish) -> bool:
        """Keeps the dish; False when there already is one with its time, which stays."""
        return self._days.setdefault(dish.time // DAY_MS, {}).setdefault(dish.time, dish) is dish

    def find(self, time: int) -> StoredDish | None:
        return self._days.get(time // DAY_MS, {}).get(time)

    def dishes(self, day: int | None = None) -> list[StoredDish]:
        """All dishes, or those of one day (counted from 1970, UTC), by time."""
        days = self._days.values() if day is None else [self._days.get(day, {})]
        return sorted((dish for dishes in days for dish in dishes.values()), key=lambda dish: dish.time)

    def modify(self, time: int, percentage: int) -> None:
        """Multiplies the dish by percentage / 100, on top of earlier modifies; unknown times are ignored."""
        dish = self.find(time)
        if dish:
            dish.modify(percentage)

    def delete(self, time: int) -> None:
        self._days.get(time // DAY_MS, {}).pop(time, None)

    def weigh(self, weight: float, day: int) -> None:
        """Keeps a weight of that day."""
        self.weights.append(weight)
        self._weight_of[day] = weight

    def person_weight(self) -> float:
        """The latest weight; 0 when there is none."""
        return self.weights[-1] if self.weights else 0.0

    def weight_near(self, day: int) -> float:
        """The weight of the nearest day that has one, of two the later; 0 when there is none."""
        nearest = min(self._weight_of, key=lambda other: (abs(other - day), -other), default=None)
        return 0.0 if nearest is None else self._weight_of[nearest]

    def drinks_between(self, first: str, last: str) -> list[Drink]:
        """Drinks from one date to another, both yyyy-mm-dd and included."""
        return [drink for drink in self.drinks if first <= drink.date <= last]

    def use(self, day: int) -> int:
        """Counts one more limited request and tells how many the day has seen."""
        self._used = (day, self._used[1] + 1 if self._used[0] == day else 1)
        return self._used[1]

    def seed(self, dishes: Iterable[Mapping[str, Any]], alcohol: Iterable[Mapping[str, Any]]) -> None:
        """Adds what was there before; TypeError or KeyError for entries that are not dishes or drinks."""
        new, drinks = [StoredDish.guessed(**dish) for dish in dishes], [Drink(**drink) for drink in alcohol]
        for dish in new:
            self.add(dish)
        self.drinks += drinks

    def summary(self) -> dict[str, Any]:
        return {
            "dishes": [asdict(dish) for dish in self.dishes()],
            "weights": list(self.weights),
            "person_weight": self.person_weight(),
            "alcohol": [drink.event() for drink in self.drinks],
            "received": {kind: list(sent) for kind, sent in self.received.items()},
        }


class Records:
    """The accounts by e-mail, each made when it is first named, and the latest different photos by their id."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = defaultdict(Account)
        self._photos: OrderedDict[str, bytes] = OrderedDict()

    def note(self, email: str, kind: str, sent: Any) -> None:
        """Remembers that the account's user sent this, whatever comes of it."""
        self.accounts[email].received[kind].append(sent)

    def keep_photo(self, image_id: str, data: bytes) -> None:
        self._photos[image_id] = data
        self._photos.move_to_end(image_id)
        if len(self._photos) > KEPT_PHOTOS:
            self._photos.popitem(last=False)

    def photo(self, image_id: str) -> bytes | None:
        return self._photos.get(image_id)
