"""Chater UI's endpoints, each declared once: how it is asked, and what a good answer holds.

Whoever asks, answers or counts them refers to these; `send(TODAY)` is a `TodayFood | None` for mypy.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chaterload.chater.answers import Expected, FailureKind, json_object, message_of, not_empty
from chaterload.chater.wire import GRPC, JSON, PROTOBUF, head_line
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodResponse
from proto.feedback_pb2 import FeedbackResponse
from proto.food_health_level_pb2 import FoodHealthLevelResponse
from proto.get_recomendation_pb2 import RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordResponse
from proto.set_language_pb2 import SetLanguageResponse
from proto.today_food_pb2 import TodayFood

T = TypeVar("T")
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Route(Generic[T]):
    """An endpoint of Chater UI. `T` is what its good answer is decoded to."""

    method: str
    path: str
    content_type: str | None
    """Of what is sent; None where nothing is."""
    expected: Expected[T]
    needs_token: bool = True

    @cached_property
    def fields(self) -> bytes:
        """The lines in the head of a request without a token."""
        return head_line("Content-Type", self.content_type) if self.content_type else b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def protobuf(method: str, path: str, answer: type[M], content_type: str = PROTOBUF) -> Route[M]:
    """A route that speaks protobuf both ways, under one content type."""
    sent = None if method == "GET" else content_type
    return Route(method, path, sent, Expected(content_type, message_of(answer)))


def grpc(method: str, path: str, answer: type[M]) -> Route[M]:
    """The same under gRPC's content type."""
    return protobuf(method, path, answer, GRPC)


PHOTO: Route[dict[str, Any]] = Route(
    "POST",
    "/eater_receive_photo",
    PROTOBUF,
    Expected(JSON, json_object("status", status="Success"), refusal=FailureKind.PHOTO_REFUSED),
)
TODAY = protobuf("GET", "/eater_get_today", TodayFood)
MODIFY = grpc("POST", "/modify_food_record", ModifyFoodRecordResponse)
WEIGHT = grpc("POST", "/manual_weight", ManualWeightResponse)
RECOMMENDATION = protobuf("POST", "/get_recommendation", RecommendationResponse)
DELETE = grpc("POST", "/delete_food", DeleteFoodResponse)
CUSTOM_DATE = protobuf("POST", "/get_food_custom_date", CustomDateFoodResponse)
LANGUAGE = grpc("POST", "/set_language", SetLanguageResponse)
ALCOHOL_LATEST = grpc("GET", "/alcohol_latest", GetAlcoholLatestResponse)
ALCOHOL_RANGE = grpc("POST", "/alcohol_range", GetAlcoholRangeResponse)
FEEDBACK = grpc("POST", "/feedback", FeedbackResponse)
SIGN_IN: Route[dict[str, Any]] = Route(
    "POST",
    "/eater_auth",
    JSON,
    Expected(
        JSON,
        json_object("token", "expiresIn", "userEmail", "userName", "profilePictureURL"),
        refusal=FailureKind.SIGN_IN_REFUSED,
    ),
    needs_token=False,
)
HEALTH_LEVEL: Route[FoodHealthLevelResponse] = Route(
    "POST", "/food_health_level", PROTOBUF, Expected(PROTOBUF, not_empty(message_of(FoodHealthLevelResponse)))
)
PHOTO_FILE: Route[bytes] = Route(
    "GET", "/get_photo", None, Expected("image/jpeg", not_empty(bytes), largest=32 << 20), needs_token=False
)
"""Of a listed dish: `?image_id=` names it."""
TOKEN_CHECK: Route[bytes] = Route("GET", "/eater_test", None, Expected("", bytes))
