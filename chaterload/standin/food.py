"""The endpoints about what was eaten: photos, the day's list, changes, advice."""

from __future__ import annotations

import hashlib
import math
from datetime import date

from flask import Response

from chaterload.chater.wire import DAY_MS, GRPC, PROTOBUF
from chaterload.standin import wire
from chaterload.standin.chater import Call, now_ms
from chaterload.standin.photos import DRINK, NO_FOOD, SCALES_KG, epoch_ms, is_image
from chaterload.standin.records import StoredDish
from chaterload.standin.wire import GaveUp, Refusal, json_answer, message, read, read_grpc, text
from proto.custom_date_food_pb2 import CustomDateFoodRequest
from proto.delete_food_pb2 import DeleteFoodRequest, DeleteFoodResponse
from proto.eater_photo_pb2 import PhotoMessage
from proto.food_health_level_pb2 import FoodHealthLevelRequest, FoodHealthLevelResponse
from proto.get_recomendation_pb2 import RecommendationRequest, RecommendationResponse
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
FOOD, SCALES, ADVICE = "default_prompt", "weight_prompt", "get_recommendation"


def receive_photo(call: Call) -> Response:
    """Makes a dish of a photo, or of one of scales a weight."""
    if call.subject is None:
        raise Refusal(json_answer({"message": "Authentication required"}, 401))
    call.chater.count_against_limit(call.email)
    photo = read(PhotoMessage, b"" if call.media_type in FORMS else call.body, _bad_photo("Invalid Protobuf data"))
    if not is_image(photo.photo_data):
        raise Refusal(json_answer({"message": "Photo refused", "error": "not an image"}, 400))
    taken = epoch_ms(photo.time, now_ms())
    if taken > now_ms() + DAY_MS:
        raise Refusal(_bad_photo("The photo's time is more than 24 hours ahead"))
    if photo.photoType not in (FOOD, SCALES, ADVICE):
        raise Refusal(_bad_photo(f"Unknown photoType: {photo.photoType}"))
    call.chater.ask_backend()
    if photo.photoType == SCALES:
        call.chater.writes.weight(call.email, SCALES_KG, now_ms())
    elif photo.photoType == FOOD:
        _eat(call, int(taken), photo)
    return json_answer({"status": "Success", "user_email": call.email})


def _bad_photo(error: str) -> Response:
    return json_answer({"error": error}, 400)


def _eat(call: Call, taken: int, photo: PhotoMessage) -> None:
    data = photo.photo_data
    if NO_FOOD in data:
        raise Refusal(_bad_photo("There is no food in the photo"))
    sha256 = hashlib.sha256(data).hexdigest()
    sent = {"photo_type": photo.photoType, "photo_bytes": len(data), "photo_sha256": sha256}
    dish = StoredDish.guessed(taken, **sent)
    call.note("photos", {"time": taken, **sent})
    call.chater.records.keep_photo(dish.image_id, data)
    call.chater.writes.photo(call.email, dish, is_drink=DRINK in data)


def get_today(call: Call) -> Response:
    """Today's dishes and totals. An account that nobody named is one that the backend never answers for."""
    if call.subject is None:
        raise GaveUp
    call.chater.ask_backend()
    account = call.account
    if not math.isfinite(account.person_weight()):
        return text("Internal Server Error", 500)
    return message(wire.today_food(account.dishes(now_ms() // DAY_MS), account.person_weight()), PROTOBUF)


def modify_food_record(call: Call) -> Response:
    """Multiplies a dish's calories and weight."""
    sent = read_grpc(ModifyFoodRecordRequest, call.body)
    call.note("modifies", {"time": sent.time, "user_email": sent.user_email, "percentage": sent.percentage})
    call.chater.ask_backend()
    call.chater.writes.modify(call.email, sent.time, sent.percentage)
    return message(ModifyFoodRecordResponse(success=True), GRPC)


def delete_food(call: Call) -> Response:
    """Removes a dish."""
    sent = read_grpc(DeleteFoodRequest, call.body)
    call.note("deletes", sent.time)
    call.chater.ask_backend()
    call.chater.writes.delete(call.email, sent.time)
    return message(DeleteFoodResponse(success=True), GRPC)


def get_recommendation(call: Call) -> Response:
    """The day's advice: the first one of a day is kept, and then nobody reads the request."""
    call.chater.count_against_limit(call.email)
    account, today = call.account, now_ms() // DAY_MS
    if account.recommendation[0] != today:
        sent = read(RecommendationRequest, call.body, text("Failed", 500))
        call.note("recommendations", sent.days)
        call.chater.ask_backend()
        eaten = sum(dish.calories for dish in account.dishes(today))
        account.recommendation = (today, f"You ate {eaten} kcal. Eat more greens for {sent.days} days.")
    call.chater.ask_backend()
    return message(RecommendationResponse(recommendation=account.recommendation[1]), PROTOBUF)


def get_food_custom_date(call: Call) -> Response:
    """The dishes of a day, and the weight of the day nearest to it."""
    sent = read(CustomDateFoodRequest, call.body, text("Failed"))
    if not sent.date:
        raise Refusal(text("No date provided", 400))
    call.note("custom_dates", sent.date)
    call.chater.ask_backend()
    day = wire.day_of(sent.date)
    if not day:
        return message(wire.custom_date_food([], 0), PROTOBUF)
    since_1970 = (day - date(1970, 1, 1)).days
    return message(
        wire.custom_date_food(call.account.dishes(since_1970), call.account.weight_near(since_1970)), PROTOBUF
    )


def food_health_level(call: Call) -> Response:
    """What a listed dish means for one's health; 0 bytes for one that is not listed."""
    sent = read(FoodHealthLevelRequest, call.body, Response(status=500, content_type=PROTOBUF))
    call.note("health_levels", {"time": sent.time, "food_name": sent.food_name})
    call.chater.ask_backend()
    dish = call.account.find(sent.time)
    if not dish or dish.name != sent.food_name:
        return message(FoodHealthLevelResponse(), PROTOBUF)
    summary = f"{dish.calories} kcal of {', '.join(dish.ingredients)}."
    answer = FoodHealthLevelResponse(title=dish.name, description="Good for most people.", health_summary=summary)
    return message(answer, PROTOBUF)


def get_photo(call: Call) -> Response:
    """A dish's photo, for whoever knows its id."""
    image_id = call.query.get("image_id")
    if not image_id:
        raise Refusal(json_answer({"error": "image_id is required"}, 400))
    data = call.chater.records.photo(image_id)
    if data is None:
        raise Refusal(json_answer({"error": "not found"}, 404))
    return Response(data, content_type="image/jpeg")
