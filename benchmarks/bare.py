"""Locust's floor: the same requests, byte for byte, in a FastHttpUser that looks at no answer."""

import os
import time
from pathlib import Path

from locust import FastHttpUser, constant

from chaterload.chater import routes
from chaterload.chater.photo import Photo
from chaterload.chater.load_context import sign_in_body
from chaterload.chater.settings import Settings
from chaterload.chater.weight import weight_body
from proto.alcohol_pb2 import GetAlcoholRangeRequest
from proto.custom_date_food_pb2 import CustomDateFoodRequest
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.feedback_pb2 import FeedbackRequest
from proto.get_recomendation_pb2 import RecommendationRequest
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.set_language_pb2 import SetLanguageRequest

SETTINGS = Settings()
EMAIL = SETTINGS.user_email or ""
TOKEN = os.environ["TEST_USER_TOKEN"]
TIME = int(time.time() * 1000)
PHOTO = Photo.load(Path(SETTINGS.photo_path), SETTINGS.photo_type).body(TIME)
BEARER = {"Authorization": f"Bearer {TOKEN}"}

FLOW = (
    (routes.PHOTO, PHOTO),
    (routes.TODAY, None),
    (routes.MODIFY, ModifyFoodRecordRequest(time=TIME, user_email=EMAIL, percentage=200).SerializeToString()),
    (routes.WEIGHT, weight_body(EMAIL, 70.5)),
    (routes.RECOMMENDATION, RecommendationRequest(days=1).SerializeToString()),
    (routes.TODAY, None),
    (routes.DELETE, DeleteFoodRequest(time=TIME).SerializeToString()),
)
OTHERS = (
    (routes.CUSTOM_DATE, CustomDateFoodRequest(date=SETTINGS.custom_date).SerializeToString()),
    (routes.LANGUAGE, SetLanguageRequest(user_email=EMAIL, language_code="en").SerializeToString()),
    (routes.ALCOHOL_LATEST, None),
    (
        routes.ALCOHOL_RANGE,
        GetAlcoholRangeRequest(start_date=SETTINGS.alcohol_start, end_date=SETTINGS.alcohol_end).SerializeToString(),
    ),
    (
        routes.FEEDBACK,
        FeedbackRequest(time=str(TIME), userEmail=EMAIL, feedback=SETTINGS.feedback_text).SerializeToString(),
    ),
    (routes.SIGN_IN, sign_in_body(SETTINGS, EMAIL)),
)


def request_of(route, body):
    """What Locust's client takes, made once."""
    kind = {"Content-Type": route.content_type} if route.content_type else {}
    return route.method, route.path, body, {**kind, **(BEARER if route.needs_token else {})}


FLOW = [request_of(*pair) for pair in FLOW]
OTHERS = [request_of(*pair) for pair in OTHERS]


def send_one(number):
    """A task that sends one of the single requests."""
    method, path, body, headers = OTHERS[number]

    def single(user):
        user.client.request(method, path, data=body, headers=headers)

    return single


def full_flow(user):
    """The seven requests of the flow, one after the other."""
    for method, path, body, headers in FLOW:
        user.client.request(method, path, data=body, headers=headers)


class Bare(FastHttpUser):
    """Each task as often as ours."""

    wait_time = constant(0)
    tasks = [full_flow, *(send_one(number) for number in range(len(OTHERS)))]
