"""What a list tells of a dish of ours, and what of it is counted as confirmed, late, overdue or lost. Pure."""

from collections.abc import Callable

from chaterload.chater.dishes import Dish, DishState
from chaterload.chater.writes import DayList, Writes, WriteState

LAST_LOOK = 5
"""What did not show in so many times the patience either is lost, and not late."""


class DishJudge:
    """Brings dishes to their states by what lists show of them.

    `contested` tells whether somebody else uses the account: then what shows for the first time may be theirs.
    """

    def __init__(self, writes: Writes, patience: float, *, verify: bool, contested: Callable[[], bool]) -> None:
        self._writes = writes
        self._patience = patience
        self._verify = verify
        self._contested = contested

    def shown(self, dish: Dish, listed: DayList) -> None:
        """A list shows the dish."""
        match dish.state:
            case DishState.STORED:
                if self._verify:
                    self._writes.dishes.confirm(dish.unseen_ms, _after_ms(dish, listed))
                self._found(dish, listed)
            case DishState.LOST:
                self._writes.dishes.show_overdue(dish.unseen_ms or 0.0, _after_ms(dish, listed))
                self._found(dish, listed)
            case DishState.UNCLEAR:
                self._found(dish, listed)
            case DishState.LISTED | DishState.DELETING:
                changed = listed.calories[dish.time_ms] not in (dish.calories, 2 * dish.calories)
                dish.state = DishState.DOUBTFUL if self._contested() and changed else DishState.LISTED
            case DishState.DELETED:
                dish.unseen_ms = _after_ms(dish, listed)
                if listed.asked >= dish.due_at:
                    self._shown_after_delete(dish)

    def _found(self, dish: Dish, listed: DayList) -> None:
        """A list shows the dish for the first time."""
        dish.state = DishState.DOUBTFUL if self._contested() else DishState.LISTED
        dish.calories, dish.due_at = listed.calories[dish.time_ms], listed.asked + self._patience

    def _shown_after_delete(self, dish: Dish) -> None:
        """The dish is listed although its delete had its time."""
        if self._contested():
            dish.state, dish.delete_write = DishState.DOUBTFUL, WriteState.UNDECIDABLE
            return
        dish.state = DishState.GHOST
        if dish.delete_write is WriteState.PENDING:
            dish.delete_write = WriteState.LOST
            self._writes.deletes.miss(dish.unseen_ms or 0.0)

    def not_shown(self, dish: Dish, listed: DayList, *, final: bool) -> None:
        """A list does not show the dish."""
        is_due, after_ms = listed.asked >= dish.due_at, _after_ms(dish, listed)
        match dish.state:
            case DishState.STORED if self._verify:
                dish.unseen_ms = after_ms
                if is_due:
                    dish.state, dish.due_at = DishState.LOST, dish.acknowledged_at + LAST_LOOK * self._patience
                    self._writes.dishes.miss(after_ms)
            case DishState.LOST:
                dish.unseen_ms = after_ms
                if final and is_due:
                    dish.given_up = True
                    self._writes.dishes.lose(after_ms)
                    dish.state = DishState.GONE
            case DishState.DELETED | DishState.GHOST:
                self._delete_showed(dish, after_ms)
                dish.state = DishState.GONE
            case DishState.DELETING | DishState.DOUBTFUL:
                dish.state = DishState.GONE
            case _ if is_due and (dish.owner is None or dish.state is DishState.UNCLEAR):
                dish.state = DishState.GONE

    def _delete_showed(self, dish: Dish, after_ms: float) -> None:
        """A list shows that a dish is gone, so long after its delete was acknowledged."""
        if dish.delete_write is WriteState.PENDING:
            dish.delete_write = WriteState.SEEN
            self._writes.deletes.confirm(dish.unseen_ms, after_ms)
        elif dish.delete_write is WriteState.LOST:
            dish.delete_write = WriteState.UNDECIDABLE
            self._writes.deletes.show_overdue(dish.unseen_ms or 0.0, after_ms)

    def returned(self, dish: Dish, listed: DayList) -> bool:
        """A list shows a dish that was taken for gone. Whether it tells."""
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
            if dish.delete_write is WriteState.SEEN and not self._contested():
                self._writes.deletes.withdraw(late=dish.unseen_ms is not None)
                dish.delete_write = WriteState.PENDING
            dish.unseen_ms = _after_ms(dish, listed)
            self._shown_after_delete(dish)
        return True


def _after_ms(dish: Dish, listed: DayList) -> float:
    """From the acknowledgement of its upload, or of its delete, to a look."""
    return (listed.asked - (dish.acknowledged_at if dish.deleted_at is None else dish.deleted_at)) * 1000
