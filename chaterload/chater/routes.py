"""Chater UI's endpoints, each declared once: how it is asked, and what a good answer holds.

Whoever asks, answers or counts them refers to these; `send(TODAY)` is a `TodayFood | None` for mypy.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from chaterload.chater.answers import Expected, json_object, message_of, not_empty
from chaterload.chater.kinds import FailureKind
from chaterload.chater.wire import GRPC, JSON, PROTOBUF, head_line
from proto.alcohol_pb2 import GetAlcoholLatestResponse, GetAlcoholRangeRequest, GetAlcoholRangeResponse
from proto.custom_date_food_pb2 import CustomDateFoodRequest, CustomDateFoodResponse
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.eater_photo_pb2 import PhotoMessage
from proto.feedback_pb2 import FeedbackRequest, FeedbackResponse
from proto.food_health_level_pb2 import FoodHealthLevelRequest, FoodHealthLevelResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightRequest, ManualWeightResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from proto.set_language_pb2 import SetLanguageRequest, SetLanguageResponse
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
    request: type[Message] | None = None
    """What is sent; None where it is no message."""

    @cached_property
    def fields(self) -> bytes:
        """The lines in the head of a request without a token."""
        return head_line("Content-Type", self.content_type) if self.content_type else b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def protobuf(path: str, request: type[Message] | None, answer: type[M], content_type: str = PROTOBUF) -> Route[M]:
    """A route that speaks protobuf both ways, under one content type; a GET where nothing is sent."""
    method, sent = ("POST", content_type) if request else ("GET", None)
    return Route(method, path, sent, Expected(content_type, message_of(answer)), request=request)


def grpc(path: str, request: type[Message] | None, answer: type[M]) -> Route[M]:
    """The same under gRPC's content type."""
    return protobuf(path, request, answer, GRPC)


PHOTO: Route[dict[str, Any]] = Route(
    "POST",
    "/eater_receive_photo",
    PROTOBUF,
    Expected(JSON, json_object("status", status="Success"), refusal=FailureKind.PHOTO_REFUSED),
    request=PhotoMessage,
)
TODAY = protobuf("/eater_get_today", None, TodayFood)
MODIFY = grpc("/modify_food_record", ModifyFoodRecordRequest, ModifyFoodRecordResponse)
WEIGHT = grpc("/manual_weight", ManualWeightRequest, ManualWeightResponse)
RECOMMENDATION = protobuf("/get_recommendation", RecommendationRequest, RecommendationResponse)
DELETE = grpc("/delete_food", DeleteFoodRequest, DeleteFoodResponse)
CUSTOM_DATE = protobuf("/get_food_custom_date", CustomDateFoodRequest, CustomDateFoodResponse)
LANGUAGE = grpc("/set_language", SetLanguageRequest, SetLanguageResponse)
ALCOHOL_LATEST = grpc("/alcohol_latest", None, GetAlcoholLatestResponse)
ALCOHOL_RANGE = grpc("/alcohol_range", GetAlcoholRangeRequest, GetAlcoholRangeResponse)
FEEDBACK = grpc("/feedback", FeedbackRequest, FeedbackResponse)
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
    "POST",
    "/food_health_level",
    PROTOBUF,
    Expected(PROTOBUF, not_empty(message_of(FoodHealthLevelResponse))),
    request=FoodHealthLevelRequest,
)
PHOTO_FILE: Route[bytes] = Route(
    "GET", "/get_photo", None, Expected("image/jpeg", not_empty(bytes), largest=32 << 20), needs_token=False
)
"""Of a listed dish: `?image_id=` names it."""
TOKEN_CHECK: Route[bytes] = Route("GET", "/eater_test", None, Expected("", bytes))

ROUTES: dict[str, Route[Any]] = {str(route): route for route in [*globals().values()] if isinstance(route, Route)}
"""All of them, by method and path."""
