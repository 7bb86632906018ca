"""What a user of Chater does, as tagged and weighted Locust tasks. Everything else is in chaterload/."""

from locust import between, tag, task  # first: Locust patches sockets for gevent  # isort: skip

import sys
import time

try:
    from chaterload import wiring  # noqa: F401  # registers options and event listeners
except ModuleNotFoundError as missing:
    sys.stderr.write(
        f"There is no module {missing.name!r}. {__file__} needs chaterload/ and proto/ beside it, or in PYTHONPATH, "
        "and what requirements.txt lists.\n"
    )
    sys.exit(2)
from chaterload.chater.accounts import now_ms
from chaterload.chater.dish_user import DishUser
from chaterload.chater.dishes import Dish, DishState
from chaterload.chater.routes import ALCOHOL_LATEST, ALCOHOL_RANGE, CUSTOM_DATE, DELETE, FEEDBACK
from chaterload.chater.routes import HEALTH_LEVEL, LANGUAGE, MODIFY, PHOTO, PHOTO_FILE
from chaterload.chater.routes import RECOMMENDATION, SIGN_IN, TODAY, WEIGHT
from chaterload.chater.times import told_today
from chaterload.chater.weight import plausible_weight, weight_body
from chaterload.chater.writes import ExpectedWrite
from chaterload.load.scenario import calls
from proto.alcohol_pb2 import GetAlcoholRangeRequest
from proto.custom_date_food_pb2 import CustomDateFoodRequest
from proto.feedback_pb2 import FeedbackRequest
from proto.food_health_level_pb2 import FoodHealthLevelRequest
from proto.get_recomendation_pb2 import RecommendationRequest
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.set_language_pb2 import SetLanguageRequest
from proto.today_food_pb2 import Dish as ListedDish
from proto.today_food_pb2 import TodayFood


class ChaterUser(DishUser):
    """One person with the app open, tapping every second or so."""

    wait_time = between(0.5, 1.5)
    last_weight = 0.0

    @tag("full_flow")
    @task(1)
    @calls(TODAY, PHOTO, TODAY, MODIFY, WEIGHT, RECOMMENDATION, DELETE)  # no dish is begun on a list nobody has seen
    def full_flow(self) -> None:
        """A meal: photographed and found in today's list, doubled, weighed, asked about, listed and deleted."""
        dish = self.upload_photo()
        if dish is None or not self.find(dish):
            return
        writes = [self.double(dish), self.weigh()]
        self.send(RECOMMENDATION, RecommendationRequest(days=self.shared.settings.recommendation_days))
        self.verify_writes(*(write for write in writes if write), day=dish.day)
        self.delete(dish)

    @tag("custom_date")
    @task(1)
    @calls(CUSTOM_DATE)
    def custom_date_query(self) -> None:
        """What the account ate on one past day."""
        request = CustomDateFoodRequest(date=self.shared.settings.custom_date)
        self.send(CUSTOM_DATE, request)

    @tag("language")
    @task(1)
    @calls(LANGUAGE)
    def set_language(self) -> None:
        """The language of the answers."""
        request = SetLanguageRequest(user_email=self.account.email, language_code=self.shared.settings.language_code)
        self.send(LANGUAGE, request)

    @tag("alcohol")
    @task(1)
    @calls(ALCOHOL_LATEST)
    def alcohol_latest(self) -> None:
        """What the account drank today."""
        self.send(ALCOHOL_LATEST)

    @tag("alcohol")
    @task(1)
    @calls(ALCOHOL_RANGE)
    def alcohol_range(self) -> None:
        """What the account drank between two days."""
        settings = self.shared.settings
        request = GetAlcoholRangeRequest(start_date=settings.alcohol_start, end_date=settings.alcohol_end)
        self.send(ALCOHOL_RANGE, request)

    @tag("feedback")
    @task(1)
    @calls(FEEDBACK)
    def submit_feedback(self) -> None:
        """A word to the makers."""
        request = FeedbackRequest(
            time=str(now_ms()), userEmail=self.account.email, feedback=self.shared.settings.feedback_text
        )
        self.send(FEEDBACK, request)

    @tag("auth")
    @task(1)
    @calls(SIGN_IN)
    def eater_auth(self) -> None:
        """Sign in with a provider's ID token."""
        self.send(SIGN_IN, self.shared.sign_in)

    @tag("health_level")
    @task(1)
    @calls(TODAY, HEALTH_LEVEL, PHOTO_FILE)
    def health_level(self) -> None:
        """How healthy the newest dish of today is, and its photo; a dish of one's own where none is listed."""
        food = self.send(TODAY)
        if food is not None and self.newest_dish(food) is None:
            food = self.send(TODAY) if self.eat() else None
        dish = None if food is None else self.newest_dish(food)
        if dish is None:
            return
        self.send(HEALTH_LEVEL, FoodHealthLevelRequest(time=dish.time, food_name=dish.dish_name))
        if dish.image_id:
            self.send(PHOTO_FILE, image_id=dish.image_id)

    def newest_dish(self, food: TodayFood) -> ListedDish | None:
        """The newest listed dish, anybody's but another simulated user's: that one may be gone in a moment."""
        listed = (dish for dish in food.dishes_today if not self.account.dishes.may_vanish(dish.time, self))
        return max(listed, key=lambda dish: dish.time, default=None)

    def eat(self) -> bool:
        """Upload a photo. Whether its dish is in today's list; it is removed when this user stops."""
        dish = self.upload_photo()
        return dish is not None and self.find(dish)

    def upload_photo(self) -> Dish | None:
        """A dish of ours, known by the time that is sent with its photo; None when there was no good upload."""
        dish = self.begin_dish()
        return dish if dish and self.upload(dish) else None

    def find(self, dish: Dish) -> bool:
        """Look for the dish in its day's list. False when the list does not show it as ours."""
        self.verify_writes(dish, day=dish.day)
        return dish.state is DishState.LISTED

    def double(self, dish: Dish) -> ExpectedWrite | None:
        """Set the dish to 200 %, which its calories must show. None when that was not acknowledged."""
        request = ModifyFoodRecordRequest(time=dish.time_ms, user_email=self.account.email, percentage=200)
        if not self.send(MODIFY, request):
            return None
        self.shared.writes.modifies.acknowledged += 1
        return ExpectedWrite(
            self.shared.writes.modifies,
            time.monotonic(),
            visible_in=lambda listed: listed.calories.get(dish.time_ms) == 2 * dish.calories,
            verifiable=lambda _: dish.calories > 0 and not self.account.dishes.contested,
        )

    def weigh(self) -> ExpectedWrite | None:
        """Report a weight, which the account must show where no other user writes to it. None when it failed."""
        weight = self.last_weight = plausible_weight(other_than=self.last_weight)
        if not self.send(WEIGHT, weight_body(self.account.email, weight)):
            return None
        self.shared.writes.weights.acknowledged += 1
        if told_today(now_ms()) is None:
            return None  # only today's list tells the latest weight
        return ExpectedWrite(
            self.shared.writes.weights,
            time.monotonic(),
            visible_in=lambda listed: listed.weight == weight,
            verifiable=lambda listed: (
                listed.weight is not None and not self.account.shared and not self.account.dishes.contested
            ),
        )
