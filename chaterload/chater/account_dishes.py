"""What this run may do to the dishes of one account, judged by the lists that the account shows. Pure.

Only what is known to be ours may be changed or deleted: a dish whose time the run chose, which no list showed before,
and which a list has shown since, at a moment when nobody else was seen using the account.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from chaterload.chater.dish_judge import DishJudge
from chaterload.chater.dishes import Dish, DishIndex, DishState, Leftover, Trace
from chaterload.chater.times import DishTimes, day_of
from chaterload.chater.writes import DayList, Writes, WriteState

PHOTO_LIMIT_S = 60.0
"""Chater UI works so long on a photo: one that was cut off may be stored as late as that."""


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
        self._judge = DishJudge(writes, patience, verify=verify, contested=lambda: self.contested)
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
        self._keep_open(dish)
        return dish

    def adopt(self, leftover: Leftover, now: float) -> None:
        """Take over what a run left: it is deleted only when a list shows it, and never when it was in doubt."""
        state = DishState.DOUBTFUL if leftover.trace is Trace.DOUBTFUL else DishState.UNCLEAR
        dish = Dish(leftover.email, leftover.time, now, state=state)
        self._days[dish.day].ours.add(dish.time_ms)
        self._answered(dish, now)
        self._keep_open(dish)

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
                    self._judge.shown(dish, listed)
                else:
                    self._judge.not_shown(dish, listed, final=final)
                if dish.state is not before:
                    self._place(dish)
                    reached.add(dish.state)
        for time_ms in day.gone.keys() & listed.calories.keys():
            if self._judge.returned(day.gone[time_ms], listed):
                dish = day.gone.pop(time_ms)
                self._keep_open(dish)
                reached.add(dish.state)
        return reached

    def _place(self, dish: Dish) -> None:
        """Keep a dish that came to a new state where that is looked for."""
        lost = self._days[dish.day].lost
        if dish.state is DishState.GONE:
            self._settle(dish)
        elif dish.state is DishState.LOST:
            lost[dish.time_ms] = self._open.pop(dish.time_ms)
            self._index.disown(dish)
        elif dish.time_ms in lost:
            self._open[dish.time_ms] = lost.pop(dish.time_ms)

    def _note_others(self, day: _Day, listed: DayList) -> None:
        """Notice dishes that are not ours; those that were not there before, and that no process of the run made."""
        new = [time for time in listed.calories if time not in day.ours and time not in day.others]
        day.others.update(new)
        if day.looked:
            self.strangers += (time for time in new if not self._times.may_be_ours(time))
            if self.strangers:
                self._index.strangers[self.email] = self.strangers
        day.looked = True

    def _answered(self, dish: Dish, now: float) -> None:
        dish.changed_at, dish.due_at = now, now + self._patience

    def _keep_open(self, dish: Dish) -> None:
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
