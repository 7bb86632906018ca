"""The same mix as most people would write it: HttpUser, everything built anew for each request, status codes alone."""

import os
import random
import time

from locust import HttpUser, constant, task

from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.eater_photo_pb2 import PhotoMessage
from proto.feedback_pb2 import FeedbackRequest, FeedbackResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightRequest, ManualWeightResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from proto.set_language_pb2 import SetLanguageRequest, SetLanguageResponse
from proto.today_food_pb2 import TodayFood

EMAIL = os.environ["TEST_USER_EMAIL"]


class ClassicUser(HttpUser):
    """Reads the photo from disk for each upload, as a first version does."""

    wait_time = constant(0)

    def send(self, path, message, response_class, content_type="application/protobuf"):
        """Post one message and decode the answer."""
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {os.environ['TEST_USER_TOKEN']}"}
        with self.client.post(path, data=message.SerializeToString(), headers=headers, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return None
            result = response_class.FromString(answer.content) if response_class else answer.json()
            answer.success()
            return result

    def fetch(self, path, response_class):
        """Get and decode one answer."""
        headers = {"Authorization": f"Bearer {os.environ['TEST_USER_TOKEN']}"}
        with self.client.get(path, headers=headers, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return None
            answer.success()
            return response_class.FromString(answer.content)

    @task
    def full_flow(self):
        """The seven requests of the flow."""
        grpc = "application/grpc+proto"
        now = int(time.time() * 1000)
        with open("image.png", "rb") as file:
            photo = PhotoMessage(time=str(now), photo_data=file.read(), photoType="default_prompt")
        self.send("/eater_receive_photo", photo, None)
        today = self.fetch("/eater_get_today", TodayFood)
        if today is None or not today.dishes_today:
            return
        self.send(
            "/modify_food_record",
            ModifyFoodRecordRequest(time=now, user_email=EMAIL, percentage=200),
            ModifyFoodRecordResponse,
            grpc,
        )
        weight = ManualWeightRequest(user_email=EMAIL, weight=random.uniform(40, 150))
        self.send("/manual_weight", weight, ManualWeightResponse, grpc)
        self.send("/get_recommendation", RecommendationRequest(days=1), RecommendationResponse)
        self.fetch("/eater_get_today", TodayFood)
        self.send("/delete_food", DeleteFoodRequest(time=now), DeleteFoodResponse, grpc)

    @task
    def custom_date(self):
        """What was eaten on one past day."""
        day = time.strftime("%d-%m-%Y", time.gmtime(time.time() - 86400))
        self.send("/get_food_custom_date", CustomDateFoodRequest(date=day), CustomDateFoodResponse)

    @task
    def language(self):
        """The language of the answers."""
        message = SetLanguageRequest(user_email=EMAIL, language_code="en")
        self.send("/set_language", message, SetLanguageResponse, "application/grpc+proto")

    @task
    def alcohol_latest(self):
        """Today's drinks."""
        self.fetch("/alcohol_latest", GetAlcoholLatestResponse)

    @task
    def alcohol_range(self):
        """The last week's drinks."""
        start = time.strftime("%d-%m-%Y", time.gmtime(time.time() - 7 * 86400))
        message = GetAlcoholRangeRequest(start_date=start, end_date=time.strftime("%d-%m-%Y"))
        self.send("/alcohol_range", message, GetAlcoholRangeResponse, "application/grpc+proto")

    @task
    def feedback(self):
        """A word to the makers."""
        message = FeedbackRequest(time=str(int(time.time())), userEmail=EMAIL, feedback="Load test feedback message")
        self.send("/feedback", message, FeedbackResponse, "application/grpc+proto")

    @task
    def auth(self):
        """Sign in."""
        body = {
            "provider": "google",
            "idToken": os.environ["TEST_AUTH_TOKEN"],
            "email": EMAIL,
            "name": "Locust Tester",
            "profilePictureURL": "https://example.com/locust-tester.png",
        }
        self.client.post("/eater_auth", json=body)
