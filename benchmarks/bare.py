"""Locust's floor: the same requests, byte for byte, in a FastHttpUser that looks at no answer."""

import os
import time
from pathlib import Path

from locust import FastHttpUser, constant

from chaterload.chater.answers import GRPC, JSON, PROTOBUF
from chaterload.chater.photo import Photo
from chaterload.chater.shared import sign_in_body
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
TYPED = {kind: {"Content-Type": kind, **BEARER} for kind in (PROTOBUF, GRPC)}

FLOW = (
    ("POST", "/eater_receive_photo", PHOTO, TYPED[PROTOBUF]),
    ("GET", "/eater_get_today", None, BEARER),
    (
        "POST",
        "/modify_food_record",
        ModifyFoodRecordRequest(time=TIME, user_email=EMAIL, percentage=200).SerializeToString(),
        TYPED[GRPC],
    ),
    ("POST", "/manual_weight", weight_body(EMAIL, 70.5), TYPED[GRPC]),
    ("POST", "/get_recommendation", RecommendationRequest(days=1).SerializeToString(), TYPED[PROTOBUF]),
    ("GET", "/eater_get_today", None, BEARER),
    ("POST", "/delete_food", DeleteFoodRequest(time=TIME).SerializeToString(), TYPED[GRPC]),
)
OTHERS = (
    (
        "POST",
        "/get_food_custom_date",
        CustomDateFoodRequest(date=SETTINGS.custom_date).SerializeToString(),
        TYPED[PROTOBUF],
    ),
    (
        "POST",
        "/set_language",
        SetLanguageRequest(user_email=EMAIL, language_code="en").SerializeToString(),
        TYPED[GRPC],
    ),
    ("GET", "/alcohol_latest", None, BEARER),
    (
        "POST",
        "/alcohol_range",
        GetAlcoholRangeRequest(start_date=SETTINGS.alcohol_start, end_date=SETTINGS.alcohol_end).SerializeToString(),
        TYPED[GRPC],
    ),
    (
        "POST",
        "/feedback",
        FeedbackRequest(time=str(TIME), userEmail=EMAIL, feedback=SETTINGS.feedback_text).SerializeToString(),
        TYPED[GRPC],
    ),
    ("POST", "/eater_auth", sign_in_body(SETTINGS, EMAIL), {"Content-Type": JSON}),
)


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
