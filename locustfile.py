"""What a user of Chater does, as tagged and weighted Locust tasks. Everything else is in chaterload/."""

from locust import between, tag, task  # first: Locust patches sockets for gevent  # isort: skip

import time

from chaterload import wiring  # noqa: F401  # registers options and event listeners
from chaterload.chater.accounts import now_ms
from chaterload.chater.answers import GRPC, PHOTO_STORED, SIGNED_IN
from chaterload.chater.dishes import Dish, State, tells_today
from chaterload.load.scenario import calls
from chaterload.chater.user import ProtobufUser
from chaterload.chater.weight import plausible_weight, weight_body
from chaterload.chater.writes import Claim
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.feedback_pb2 import FeedbackRequest, FeedbackResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from proto.set_language_pb2 import SetLanguageRequest, SetLanguageResponse


class ChaterUser(ProtobufUser):
    """One person with the app open, tapping every second or so."""

    wait_time = between(0.5, 1.5)
    last_weight = 0.0

    @tag("full_flow")
    @task(1)
    @calls(
        "POST /eater_receive_photo",
        "GET /eater_get_today",
        "POST /modify_food_record",
        "POST /manual_weight",
        "POST /get_recommendation",
        "POST /delete_food",
    )
    def full_flow(self) -> None:
        """A meal: photographed and found in today's list, doubled, weighed, asked about, listed and deleted."""
        dish = self.upload_photo()
        if dish is None or not self.find(dish):
            return
        claims = [self.double(dish), self.weigh()]
        self.post(
            "/get_recommendation",
            RecommendationRequest(days=self.shared.settings.recommendation_days),
            RecommendationResponse,
        )
        self.look(*(claim for claim in claims if claim))
        self.delete(dish)

    @tag("custom_date")
    @task(1)
    @calls("POST /get_food_custom_date")
    def custom_date_query(self) -> None:
        """What the account ate on one past day."""
        request = CustomDateFoodRequest(date=self.shared.settings.custom_date)
        self.post("/get_food_custom_date", request, CustomDateFoodResponse)

    @tag("language")
    @task(1)
    @calls("POST /set_language")
    def set_language(self) -> None:
        """The language of the answers."""
        request = SetLanguageRequest(user_email=self.account.email, language_code=self.shared.settings.language_code)
        self.post("/set_language", request, SetLanguageResponse, GRPC)

    @tag("alcohol")
    @task(1)
    @calls("GET /alcohol_latest")
    def alcohol_latest(self) -> None:
        """What the account drank today."""
        self.get("/alcohol_latest", GetAlcoholLatestResponse, GRPC)

    @tag("alcohol")
    @task(1)
    @calls("POST /alcohol_range")
    def alcohol_range(self) -> None:
        """What the account drank between two days."""
        settings = self.shared.settings
        request = GetAlcoholRangeRequest(start_date=settings.alcohol_start, end_date=settings.alcohol_end)
        self.post("/alcohol_range", request, GetAlcoholRangeResponse, GRPC)

    @tag("feedback")
    @task(1)
    @calls("POST /feedback")
    def submit_feedback(self) -> None:
        """A word to the makers."""
        request = FeedbackRequest(
            time=str(now_ms()), userEmail=self.account.email, feedback=self.shared.settings.feedback_text
        )
        self.post("/feedback", request, FeedbackResponse, GRPC)

    @tag("auth")
    @task(1)
    @calls("POST /eater_auth")
    def eater_auth(self) -> None:
        """Sign in with a provider's ID token."""
        self.post_json("/eater_auth", self.shared.sign_in, SIGNED_IN)

    def upload_photo(self) -> Dish | None:
        """A dish of ours, known by the time that is sent with its photo; None when the upload failed."""
        dish = self.start_dish()
        stored = self.post("/eater_receive_photo", self.shared.photo.body(dish.time), PHOTO_STORED)
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
        if not self.post("/modify_food_record", request, ModifyFoodRecordResponse, GRPC):
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
        if not self.post("/manual_weight", weight_body(self.account.email, weight), ManualWeightResponse, GRPC):
            return None
        self.shared.writes.weights.acknowledged += 1
        return Claim(
            self.shared.writes.weights,
            time.monotonic(),
            shows=lambda today: today.weight == weight,
            can_tell=lambda: not self.account.shared,
        )
