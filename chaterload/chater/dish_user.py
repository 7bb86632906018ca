"""DishUser: makes dishes, looks for what was acknowledged, and deletes only what is known to be its own."""

import time

import gevent
from locust.exception import StopUser

from chaterload.chater.accounts import now_ms
from chaterload.chater.day_list import Food, read_list, request_for
from chaterload.chater.dishes import REMOVABLE, UNSETTLED, Dish, DishState
from chaterload.chater.kinds import FailureKind, Trait
from chaterload.chater.routes import DELETE, PHOTO
from chaterload.chater.times import day_of
from chaterload.chater.user import ProtobufUser
from chaterload.chater.writes import ExpectedWrite, next_look
from proto.delete_food_pb2 import DeleteFoodRequest


class DishUser(ProtobufUser):
    """Keeps account of its dishes. What it does not remove before it stops is left to the clean-up."""

    abstract = True

    def on_stop(self) -> None:
        """Hand over what this user made, however it was stopped."""
        if hasattr(self, "account"):
            self.account.dishes.release(self, time.monotonic())
            self.shared.cleanup.begin()
        super().on_stop()

    def begin_dish(self) -> Dish | None:
        """A dish to be, named by a time that no list has shown; None when none may be made now.

        What became of an earlier one is looked for first, and what a list shows of it is removed.
        """
        dishes, today = self.account.dishes, day_of(now_ms())
        days = {dish.day for dish in self.shared.index.of(self) if dish.state in UNSETTLED}
        for day in days if dishes.knows(today) else days | {today}:
            if not self._look(day):
                return None
        for earlier in self.shared.index.of(self):
            self.delete(earlier)
        return dishes.begin(now_ms(), time.monotonic(), self)

    def upload(self, dish: Dish) -> bool:
        """Send the photo that makes the dish. Whether it was acknowledged."""
        dishes = self.account.dishes
        try:
            answer = self.send(PHOTO, self.shared.photo.body(dish.time_ms))
        except StopUser:
            dishes.refused(dish)  # it was not sent
            raise
        if answer is not None:
            dishes.stored(dish, time.monotonic())
        elif self.failure and Trait.STORED_NOTHING in self.failure.traits:
            dishes.refused(dish)
        else:
            dishes.unclear(dish, time.monotonic())
        return answer is not None

    def delete(self, dish: Dish) -> None:
        """Delete a dish that a list has shown to be ours; leave any other alone."""
        if dish.state not in REMOVABLE:
            return
        dishes = self.account.dishes
        dishes.delete_sent(dish)
        answer = self.send(DELETE, DeleteFoodRequest(time=dish.time_ms))
        if answer is not None:
            dishes.deleted(dish, time.monotonic())
        else:
            dishes.delete_failed(dish, time.monotonic())

    def verify_writes(self, *awaited: ExpectedWrite | Dish, day: int) -> None:
        """Look at the list of a day until it shows what is awaited, or until TEST_VERIFY_SECONDS are over.

        Deletes are judged by it too. With TEST_VERIFY_WRITES=false it is asked for once.
        """
        settings = self.shared.settings
        while self._look(day, *awaited) and settings.verify_writes:
            now = time.monotonic()
            since = [write.acknowledged_at for write in awaited if write.pending]
            if not since:
                return
            gevent.sleep(max(0.0, min(next_look(at, now, settings.verify_seconds) for at in since) - now))

    def _look(self, day: int, *awaited: ExpectedWrite | Dish) -> bool:
        """Ask once for the list of a day, and judge by it. Whether there was an answer."""

        def check(food: Food) -> FailureKind | None:
            listed = read_list(food, day, asked, now_ms())
            if listed is None:
                return None
            reached = self.account.dishes.reconcile(listed)
            if not settings.verify_writes:
                return None
            missed = [w for w in awaited if isinstance(w, ExpectedWrite) and w.judge(listed, settings.verify_seconds)]
            if missed or DishState.LOST in reached:
                return FailureKind.LOST_WRITE
            return FailureKind.GHOST_WRITE if DishState.GHOST in reached else None

        settings, asked = self.shared.settings, time.monotonic()
        route, message = request_for(day, now_ms())
        self.send(route, message, check)
        return self.failure in (None, FailureKind.LOST_WRITE, FailureKind.GHOST_WRITE)
