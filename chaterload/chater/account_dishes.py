"""What this run may do to the dishes of one account, judged by the lists that the account shows. Pure.

Only what is known to be ours may be changed or deleted: a dish whose time the run chose, which no list showed before,
and which a list has shown since, at a moment when nobody else was seen using the account.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from chaterload.chater.dishes import Dish, DishIndex, DishState
from chaterload.chater.times import DishTimes, day_of
from chaterload.chater.writes import DayList, Writes, WriteState

PHOTO_LIMIT_S = 60.0
"""Chater UI works so long on a photo: one that was cut off may be stored as late as that."""

LAST_LOOK = 5
"""What did not show in so many times the patience either is lost, and not late."""


@dataclass
class _Day:
    """What is known of the account's dishes of one day."""

    looked: bool = False
    """A list of it was seen."""
    others: set[int] = field(default_factory=set)
    """Times of dishes that are not this process's."""
    ours: set[int] = field(default_factory=set)
    lost: dict[int, Dish] = field(default_factory=dict)
    """Those that did not show in time, and may still come."""
    gone: dict[int, Dish] = field(default_factory=dict)
    """Dishes of ours that a list may show again."""


# longer than the house allows, because what may be done to an account follows from all of its rules together
class AccountDishes:
    """The dishes of this process on one account. Memory: about 300 bytes for each flow of the day.

    `patience` is how many seconds an acknowledged write may take to show. With `verify=False` writes are believed.
    """

    def __init__(
        self,
        index: DishIndex,
        times: DishTimes,
        writes: Writes,
        patience: float,
        *,
        verify: bool = True,
    ) -> None:
        self.email = ""
        """The account's, which names it in what is left."""
        self.strangers: list[int] = []
        """Times of dishes that appeared during the run and that nobody of the run made."""
        self._index = index
        self._times = times
        self._writes = writes
        self._patience = patience
        self._verify = verify
        self._open: dict[int, Dish] = {}
        self._days: dict[int, _Day] = defaultdict(_Day)

    @property
    def contested(self) -> bool:
        """Whether somebody else uses the account: no new dish is made on it, and what is in doubt is left alone."""
        return bool(self.strangers)

    def knows(self, day: int) -> bool:
        """Whether a list of that day was seen, without which no dish of it may be made."""
        return self._days[day].looked

    def may_vanish(self, time_ms: int, owner: object) -> bool:
        """Whether another user of the run may have made the dish of this time, and remove it at any moment."""
        dish = self._open.get(time_ms)
        return self._times.may_be_ours(time_ms) if dish is None else dish.owner is not owner

    def begin(self, now_ms: int, now: float, owner: object) -> Dish | None:
        """A dish to be, with a time of its own; None when none may be made now."""
        day = day_of(now_ms)
        for old in [known for known, of in self._days.items() if known < day - 1 and not of.lost]:
            del self._days[old]
        if self.contested or not self.knows(day):
            return None
        time_ms = self._times.next(now_ms, self._days[day].others)
        if time_ms is None:
            return None
        dish = Dish(self.email, time_ms, now, owner)
        self._days[day].ours.add(time_ms)
        self._reopen(dish)
        return dish

    def stored(self, dish: Dish, now: float) -> None:
        """The photo was answered with success."""
        dish.state, dish.acknowledged_at = DishState.STORED, now
        self._answered(dish, now)
        self._writes.dishes.acknowledged += 1

    def refused(self, dish: Dish) -> None:
        """The server refused the photo, or never got it: whatever a list shows at its time is not ours."""
        self._days[dish.day].ours.discard(dish.time_ms)
        self._close(dish)

    def unclear(self, dish: Dish, now: float) -> None:
        """The photo failed in a way that does not tell whether it was stored."""
        dish.state = DishState.UNCLEAR
        self._answered(dish, now)

    def delete_sent(self, dish: Dish) -> None:
        """A delete is on the way."""
        dish.state, dish.changed_at = DishState.DELETING, float("inf")

    def delete_failed(self, dish: Dish, now: float) -> None:
        """No answer told that the delete was done."""
        self._answered(dish, now)

    def deleted(self, dish: Dish, now: float) -> None:
        """The delete was answered with success. Only the first one of an acknowledged dish is counted."""
        dish.state, dish.unseen_ms = DishState.DELETED, None
        self._answered(dish, now)
        if dish.deleted_at is not None:
            dish.delete_write = WriteState.UNDECIDABLE
        elif dish.acknowledged_at:
            dish.delete_write = WriteState.PENDING
            self._writes.deletes.acknowledged += 1
        dish.deleted_at = now
        if not self._verify:
            self._settle(dish)

    def release(self, owner: object, now: float) -> None:
        """`owner` has stopped: what it did not settle is for the clean-up."""
        for dish in self._index.orphan(owner):
            if dish.state is DishState.SENT:
                self.unclear(dish, now)
                dish.due_at = max(dish.due_at, dish.sent_at + PHOTO_LIMIT_S + self._patience)
            elif dish.state is DishState.DELETING:
                self.delete_failed(dish, now)

    def reconcile(self, listed: DayList, *, final: bool = False) -> Collection[DishState]:
        """Judge the dishes of a day by a list of it; the states that some have newly come to.

        A `final` look tells of what did not show in time whether it is lost.
        """
        day = self._days[listed.day]
        self._note_others(day, listed)
        reached = set()
        watched = day.lost if final else day.lost.keys() & listed.calories.keys()
        for dish in [*self._open.values(), *[day.lost[time_ms] for time_ms in watched]]:
            if dish.day == listed.day and listed.asked >= dish.changed_at:
                before = dish.state
                if dish.time_ms in listed.calories:
                    self._shown(dish, listed)
                else:
                    self._not_shown(dish, listed, final)
                if dish.state is not before:
                    reached.add(dish.state)
        for time_ms in day.gone.keys() & listed.calories.keys():
            if self._returned(day.gone[time_ms], listed):
                reached.add(day.gone.pop(time_ms).state)
        return reached

    def _note_others(self, day: _Day, listed: DayList) -> None:
        """Notice dishes that are not ours; those that were not there before, and that no process of the run made."""
        new = [time for time in listed.calories if time not in day.ours and time not in day.others]
        day.others.update(new)
        if day.looked:
            self.strangers += (time for time in new if not self._times.may_be_ours(time))
            if self.strangers:
                self._index.strangers[self.email] = self.strangers
        day.looked = True

    def _shown(self, dish: Dish, listed: DayList) -> None:
        match dish.state:
            case DishState.STORED:
                if self._verify:
                    self._writes.dishes.confirm(dish.unseen_ms, _after_ms(dish, listed))
                self._found(dish, listed)
            case DishState.LOST:
                self._open[dish.time_ms] = self._days[dish.day].lost.pop(dish.time_ms)
                self._writes.dishes.show_overdue(dish.unseen_ms or 0.0, _after_ms(dish, listed))
                self._found(dish, listed)
            case DishState.UNCLEAR:
                self._found(dish, listed)
            case DishState.LISTED | DishState.DELETING:
                changed = listed.calories[dish.time_ms] not in (dish.calories, 2 * dish.calories)
                dish.state = DishState.DOUBTFUL if self.contested and changed else DishState.LISTED
            case DishState.DELETED:
                dish.unseen_ms = _after_ms(dish, listed)
                if listed.asked >= dish.due_at:
                    self._haunts(dish)

    def _found(self, dish: Dish, listed: DayList) -> None:
        """A list shows the dish for the first time."""
        dish.state = DishState.DOUBTFUL if self.contested else DishState.LISTED
        dish.calories, dish.due_at = listed.calories[dish.time_ms], listed.asked + self._patience

    def _haunts(self, dish: Dish) -> None:
        """The dish is listed although its delete had its time."""
        if self.contested:
            dish.state, dish.delete_write = DishState.DOUBTFUL, WriteState.UNDECIDABLE
            return
        dish.state = DishState.GHOST
        if dish.delete_write is WriteState.PENDING:
            dish.delete_write = WriteState.LOST
            self._writes.deletes.miss(dish.unseen_ms or 0.0)

    def _not_shown(self, dish: Dish, listed: DayList, final: bool) -> None:
        is_due, after_ms = listed.asked >= dish.due_at, _after_ms(dish, listed)
        match dish.state:
            case DishState.STORED if self._verify:
                dish.unseen_ms = after_ms
                if is_due:
                    dish.state, dish.due_at = DishState.LOST, dish.acknowledged_at + LAST_LOOK * self._patience
                    self._writes.dishes.miss(after_ms)
                    self._open.pop(dish.time_ms)
                    self._days[dish.day].lost[dish.time_ms] = dish
                    self._index.disown(dish)
            case DishState.LOST:
                dish.unseen_ms = after_ms
                if final and is_due:
                    dish.given_up = True
                    self._writes.dishes.lose(after_ms)
                    self._settle(dish)
            case DishState.DELETED | DishState.GHOST:
                self._delete_showed(dish, after_ms)
                self._settle(dish)
            case DishState.DELETING | DishState.DOUBTFUL:
                self._settle(dish)
            case _ if is_due and (dish.owner is None or dish.state is DishState.UNCLEAR):
                self._settle(dish)

    def _delete_showed(self, dish: Dish, after_ms: float) -> None:
        """A list shows that a dish is gone, so long after its delete was acknowledged."""
        if dish.delete_write is WriteState.PENDING:
            dish.delete_write = WriteState.SEEN
            self._writes.deletes.confirm(dish.unseen_ms, after_ms)
        elif dish.delete_write is WriteState.LOST:
            dish.delete_write = WriteState.UNDECIDABLE
            self._writes.deletes.show_overdue(dish.unseen_ms or 0.0, after_ms)

    def _returned(self, dish: Dish, listed: DayList) -> bool:
        """A list shows a dish that was taken for gone. Whether it is open again."""
        is_deleted = dish.deleted_at is not None
        if listed.asked < (dish.due_at if is_deleted else dish.changed_at) or (is_deleted and not self._verify):
            return False
        if not is_deleted:
            if dish.given_up:
                dish.given_up = False
                self._writes.dishes.lost -= 1
                self._writes.dishes.show_overdue(dish.unseen_ms or 0.0, _after_ms(dish, listed))
            self._found(dish, listed)
        else:
            if dish.delete_write is WriteState.SEEN and not self.contested:
                self._writes.deletes.withdraw(late=dish.unseen_ms is not None)
                dish.delete_write = WriteState.PENDING
            dish.unseen_ms = _after_ms(dish, listed)
            self._haunts(dish)
        self._reopen(dish)
        return True

    def _answered(self, dish: Dish, now: float) -> None:
        dish.changed_at, dish.due_at = now, now + self._patience

    def _reopen(self, dish: Dish) -> None:
        self._open[dish.time_ms] = dish
        self._index.add(dish)

    def _close(self, dish: Dish) -> None:
        dish.state = DishState.GONE
        self._open.pop(dish.time_ms, None)
        self._days[dish.day].lost.pop(dish.time_ms, None)
        self._index.discard(dish)

    def _settle(self, dish: Dish) -> None:
        """The dish is not there; a later list may show that it is."""
        self._close(dish)
        dish.owner = None
        self._days[dish.day].gone[dish.time_ms] = dish


def _after_ms(dish: Dish, listed: DayList) -> float:
    """From the acknowledgement of its upload, or of its delete, to a look."""
    return (listed.asked - (dish.acknowledged_at if dish.deleted_at is None else dish.deleted_at)) * 1000
