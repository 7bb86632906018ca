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
from chaterload.chater.dishes import Dish, State, tells_today
from chaterload.chater.routes import ALCOHOL_LATEST, ALCOHOL_RANGE, CUSTOM_DATE, DELETE, FEEDBACK
from chaterload.chater.routes import HEALTH_LEVEL, LANGUAGE, MODIFY, PHOTO, PHOTO_FILE
from chaterload.chater.routes import RECOMMENDATION, SIGN_IN, TODAY, WEIGHT
from chaterload.chater.user import ProtobufUser
from chaterload.chater.weight import plausible_weight, weight_body
from chaterload.chater.writes import Claim
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


class ChaterUser(ProtobufUser):
    """One person with the app open, tapping every second or so."""

    wait_time = between(0.5, 1.5)
    last_weight = 0.0

    @tag("full_flow")
    @task(1)
    @calls(PHOTO, TODAY, MODIFY, WEIGHT, RECOMMENDATION, DELETE)
    def full_flow(self) -> None:
        """A meal: photographed and found in today's list, doubled, weighed, asked about, listed and deleted."""
        dish = self.upload_photo()
        if dish is None or not self.find(dish):
            return
        claims = [self.double(dish), self.weigh()]
        self.send(RECOMMENDATION, RecommendationRequest(days=self.shared.settings.recommendation_days))
        self.look(*(claim for claim in claims if claim))
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
        others = {dish.time for dish in self.account.dishes.left() if dish.owner not in (None, self)}
        listed = (dish for dish in food.dishes_today if dish.time not in others)
        return max(listed, key=lambda dish: dish.time, default=None)

    def eat(self) -> bool:
        """Upload a photo. Whether its dish is in today's list; it is removed when this user stops."""
        dish = self.upload_photo()
        return dish is not None and self.find(dish)

    def upload_photo(self) -> Dish | None:
        """A dish of ours, known by the time that is sent with its photo; None when the upload failed."""
        dish = self.start_dish()
        stored = self.send(PHOTO, self.shared.photo.body(dish.time))
        if stored is None:
            dish.since = time.monotonic()
            return None
        self.account.dishes.stored(dish, time.monotonic())
        return dish

    def find(self, dish: Dish) -> bool:
        """Look for the dish in today's list. False when it was acknowledged and is lost."""
        claim = Claim(
            self.shared.writes.dishes,
            time.monotonic(),
            shows=lambda today: dish.time in today.calories,
            can_tell=lambda: tells_today(dish.time, now_ms()),
        )
        today = self.look(claim)
        if today is not None:
            dish.calories = today.calories.get(dish.time)
        if claim.lost:
            dish.state = State.LOST
        return not claim.lost

    def double(self, dish: Dish) -> Claim | None:
        """Set the dish to 200 %. The claim that its calories show it, where they were seen before."""
        request = ModifyFoodRecordRequest(time=dish.time, user_email=self.account.email, percentage=200)
        if not self.send(MODIFY, request):
            return None
        self.shared.writes.modifies.acknowledged += 1
        before = dish.calories
        if not before:
            return None
        return Claim(
            self.shared.writes.modifies,
            time.monotonic(),
            shows=lambda today: today.calories.get(dish.time) == 2 * before,
            can_tell=lambda: tells_today(dish.time, now_ms()),
        )

    def weigh(self) -> Claim | None:
        """Report a weight. The claim that the account shows it, where no other user writes to the account."""
        weight = self.last_weight = plausible_weight(other_than=self.last_weight)
        if not self.send(WEIGHT, weight_body(self.account.email, weight)):
            return None
        self.shared.writes.weights.acknowledged += 1
        return Claim(
            self.shared.writes.weights,
            time.monotonic(),
            shows=lambda today: today.weight == weight,
            can_tell=lambda: not self.account.shared,
        )
