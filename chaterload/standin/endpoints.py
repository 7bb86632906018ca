"""Chater UI's twelve endpoints: what each makes of a body, for good and for bad."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, TypeVar

from flask import Response
from google.protobuf.message import DecodeError, Message

from chaterload.chater import routes
from chaterload.chater.routes import Route
from chaterload.chater.tokens import make_token
from chaterload.chater.weight import ServedWeight
from chaterload.chater.wire import DAY_MS, GRPC, JSON, PROTOBUF
from chaterload.standin import wire
from chaterload.standin.faults import Faults
from chaterload.standin.options import Options
from chaterload.standin.records import Dish, Records
from chaterload.standin.writes import Writes
from proto.alcohol_pb2 import (
    AlcoholDaySummary,
    AlcoholEvent,
    GetAlcoholLatestResponse,
    GetAlcoholRangeRequest,
    GetAlcoholRangeResponse,
)
from proto.custom_date_food_pb2 import CustomDateFoodRequest
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.eater_photo_pb2 import PhotoMessage
from proto.feedback_pb2 import FeedbackRequest, FeedbackResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.manual_weight_pb2 import ManualWeightResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse
from proto.set_language_pb2 import SetLanguageRequest, SetLanguageResponse

PHOTO_TYPES = ("default_prompt",)
PROVIDERS = ("google", "apple")
TOKEN_LIFETIME = timedelta(hours=24)
M = TypeVar("M", bound=Message)


class Refusal(Exception):
    """Ends a request with an answer that is not the good one."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def text(body: str, status: int = 200) -> Response:
    """A plain string as Flask sends it: text/html."""
    return Response(body, status, content_type="text/html; charset=utf-8")


def json_answer(body: Any, status: int = 200) -> Response:
    """`body` as JSON."""
    return Response(json.dumps(body), status, content_type=JSON)


def _message(message: Message, content_type: str) -> Response:
    return Response(message.SerializeToString(), content_type=content_type)


def _read(message_type: type[M], body: bytes, otherwise: Response) -> M:
    """The message in `body`; what is none is refused with the answer `otherwise`."""
    try:
        return message_type.FromString(body)
    except DecodeError:
        raise Refusal(otherwise) from None


def _read_grpc(message_type: type[M], body: bytes) -> M:
    if not body:
        raise Refusal(json_answer({"success": False, "error": "Invalid Protobuf data"}, 400))
    return _read(message_type, body, Response(status=500, content_type=GRPC))


def _now_ms() -> int:
    return int(time() * 1000)


class Chater:
    """The endpoints' state. Each method takes the token's e-mail and the body, and answers or refuses.

    `patience(seconds)` waits as Chater UI waits for a silent backend.
    """

    def __init__(
        self,
        options: Options,
        records: Records,
        faults: Faults,
        writes: Writes,
        patience: Callable[[float], None],
    ) -> None:
        self._options = options
        self._records = records
        self._faults = faults
        self._writes = writes
        self._patience = patience

    def receive_photo(self, email: str, body: bytes) -> Response:
        self._limit(email)
        photo = _read(PhotoMessage, body, json_answer({"error": "Invalid Protobuf data"}, 400))
        if not wire.is_image(photo.photo_data):
            raise Refusal(json_answer({"message": "Photo refused", "error": "not an image"}, 400))
        now = _now_ms()
        taken = wire.epoch_ms(photo.time, now)
        if taken > now + DAY_MS:
            raise Refusal(json_answer({"error": "The photo's time is more than 24 hours ahead"}, 400))
        if photo.photoType not in PHOTO_TYPES:
            raise Refusal(json_answer({"error": f"Unknown photoType: {photo.photoType}"}, 400))
        if self._faults.settings.silent_backend:
            self._patience(60)
            raise Refusal(text("Timeout", 408))
        sent = {
            "photo_type": photo.photoType,
            "photo_bytes": len(photo.photo_data),
            "photo_sha256": hashlib.sha256(photo.photo_data).hexdigest(),
        }
        self._records.note(email, "photos", {"time": taken, **sent})
        self._writes.photo(email, Dish.guessed(taken, **sent))
        return json_answer({"status": "Success", "user_email": email})

    def get_today(self, email: str, body: bytes) -> Response:
        if self._faults.settings.silent_backend:
            self._patience(20)
            raise Refusal(text("Service temporarily unavailable", 503))
        account = self._records.accounts[email]
        return _message(wire.today_food(account.dishes(_now_ms() // DAY_MS), account.person_weight()), PROTOBUF)

    def modify_food_record(self, email: str, body: bytes) -> Response:
        sent = _read_grpc(ModifyFoodRecordRequest, body)
        told = {"time": sent.time, "user_email": sent.user_email, "percentage": sent.percentage}
        self._records.note(email, "modifies", told)
        self._writes.modify(email, sent.time, sent.percentage)
        return _message(ModifyFoodRecordResponse(success=True), GRPC)

    def manual_weight(self, email: str, body: bytes) -> Response:
        sent = _read_grpc(ServedWeight, body)
        weight = sent.weight if math.isfinite(sent.weight) else 0.0
        self._records.note(sent.user_email or email, "weights", weight)
        if sent.user_email and weight:
            self._writes.weight(sent.user_email, weight, int(time()))
        return _message(ManualWeightResponse(success=True), GRPC)

    def get_recommendation(self, email: str, body: bytes) -> Response:
        self._limit(email)
        sent = _read(RecommendationRequest, body, text("Failed", 500))
        self._records.note(email, "recommendations", sent.days)
        if self._faults.settings.silent_backend:
            self._patience(20)
            raise Refusal(text("Failed", 500))
        account, today = self._records.accounts[email], _now_ms() // DAY_MS
        if account.recommendation[0] != today:
            eaten = sum(dish.calories_now for dish in account.dishes(today))
            account.recommendation = (today, f"You ate {eaten} kcal. Eat more greens for {sent.days} days.")
        return _message(RecommendationResponse(recommendation=account.recommendation[1]), PROTOBUF)

    def delete_food(self, email: str, body: bytes) -> Response:
        sent = _read_grpc(DeleteFoodRequest, body)
        self._records.note(email, "deletes", sent.time)
        self._writes.delete(email, sent.time)
        return _message(DeleteFoodResponse(success=True), GRPC)

    def get_food_custom_date(self, email: str, body: bytes) -> Response:
        sent = _read(CustomDateFoodRequest, body, text("Failed"))
        if not sent.date:
            raise Refusal(text("No date provided", 400))
        self._records.note(email, "custom_dates", sent.date)
        day = wire.day_of(sent.date)
        if not day:
            return _message(wire.custom_date_food([], 0), PROTOBUF)
        account, since_1970 = self._records.accounts[email], (day - datetime(1970, 1, 1).date()).days
        return _message(wire.custom_date_food(account.dishes(since_1970), account.person_weight()), PROTOBUF)

    def set_language(self, email: str, body: bytes) -> Response:
        sent = _read_grpc(SetLanguageRequest, body)
        told = {"user_email": sent.user_email, "language_code": sent.language_code}
        self._records.note(email, "languages", told)
        return _message(SetLanguageResponse(success=True), GRPC)

    def alcohol_latest(self, email: str, body: bytes) -> Response:
        today = datetime.now(UTC).date().isoformat()
        drinks = self._records.accounts[email].drinks_between(today, today)
        summary = AlcoholDaySummary(
            total_drinks=len(drinks),
            total_calories=sum(drink.calories for drink in drinks),
            drinks_of_day=[drink.drink_name for drink in drinks],
        )
        return _message(GetAlcoholLatestResponse(today_summary=summary), GRPC)

    def alcohol_range(self, email: str, body: bytes) -> Response:
        silence = Response(status=500, content_type=GRPC)
        sent = _read(GetAlcoholRangeRequest, body, silence)
        self._records.note(email, "alcohol_ranges", [sent.start_date, sent.end_date])
        if not sent.start_date:
            self._patience(30)
            raise Refusal(silence)
        first, last = wire.day_of(sent.start_date), wire.day_of(sent.end_date)
        drinks = []
        if first and last:
            drinks = self._records.accounts[email].drinks_between(first.isoformat(), last.isoformat())
        events = [AlcoholEvent(**drink.summary()) for drink in drinks]
        return _message(GetAlcoholRangeResponse(events=events), GRPC)

    def feedback(self, email: str, body: bytes) -> Response:
        sent = _read_grpc(FeedbackRequest, body)
        if not sent.feedback.strip():
            raise Refusal(Response(status=400, content_type=GRPC))
        told = {"time": sent.time, "userEmail": sent.userEmail, "feedback": sent.feedback}
        self._records.note(email, "feedback", told)
        return _message(FeedbackResponse(success=True), GRPC)

    def auth(self, _: str, body: bytes) -> Response:
        told = _auth_fields(body)
        if told["provider"] not in PROVIDERS:
            raise Refusal(_auth_error(400, "invalid_provider", "The provider must be google or apple"))
        if told.pop("idToken") in ("", "invalid"):
            raise Refusal(_auth_error(401, "invalid_token", "The idToken was not accepted"))
        self._records.note(told["email"], "auth", told)
        answer = {
            "token": make_token(self._options.secret, told["email"], TOKEN_LIFETIME),
            "expiresIn": int(TOKEN_LIFETIME.total_seconds()),
            "userEmail": told["email"],
            "userName": told["name"],
            "profilePictureURL": told["profilePictureURL"],
        }
        return json_answer(answer)

    def _limit(self, email: str) -> None:
        limit = self._options.daily_limit
        if limit and self._records.accounts[email].use(_now_ms() // DAY_MS) > limit:
            error = f"You have reached your daily limit of {limit} requests. Please try again tomorrow."
            raise Refusal(json_answer({"error": error}, 400))


def _auth_fields(body: bytes) -> dict[str, str]:
    """The five fields of a sign-in; all of them must be there, and the e-mail must not be empty."""
    try:
        told = json.loads(body)
        fields = {name: told[name] for name in ("provider", "idToken", "email", "name", "profilePictureURL")}
    except (ValueError, KeyError, TypeError):
        raise Refusal(_auth_error(400, "invalid_request", "A field is missing")) from None
    if not (fields["email"] and all(isinstance(value, str) for value in fields.values())):
        raise Refusal(_auth_error(400, "invalid_request", "A field is empty or no text"))
    return fields


def _auth_error(status: int, error: str, message: str) -> Response:
    return json_answer({"error": error, "message": message}, status)


@dataclass(frozen=True)
class Endpoint:
    """One of Chater UI's routes, and what answers it here."""

    route: Route[Any]
    handle: Callable[[Chater, str, bytes], Response]

    @property
    def method(self) -> str:
        return self.route.method

    @property
    def path(self) -> str:
        return self.route.path


ENDPOINTS = (
    Endpoint(routes.PHOTO, Chater.receive_photo),
    Endpoint(routes.TODAY, Chater.get_today),
    Endpoint(routes.MODIFY, Chater.modify_food_record),
    Endpoint(routes.WEIGHT, Chater.manual_weight),
    Endpoint(routes.RECOMMENDATION, Chater.get_recommendation),
    Endpoint(routes.DELETE, Chater.delete_food),
    Endpoint(routes.CUSTOM_DATE, Chater.get_food_custom_date),
    Endpoint(routes.LANGUAGE, Chater.set_language),
    Endpoint(routes.ALCOHOL_LATEST, Chater.alcohol_latest),
    Endpoint(routes.ALCOHOL_RANGE, Chater.alcohol_range),
    Endpoint(routes.FEEDBACK, Chater.feedback),
    Endpoint(routes.SIGN_IN, Chater.auth),
)
