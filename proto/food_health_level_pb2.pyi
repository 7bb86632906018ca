from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class FoodHealthLevelRequest(_message.Message):
    __slots__ = ("time", "food_name")
    TIME_FIELD_NUMBER: _ClassVar[int]
    FOOD_NAME_FIELD_NUMBER: _ClassVar[int]
    time: int
    food_name: str
    def __init__(self, time: _Optional[int] = ..., food_name: _Optional[str] = ...) -> None: ...

class FoodHealthLevelResponse(_message.Message):
    __slots__ = ("title", "description", "health_summary")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    HEALTH_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    health_summary: str
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ..., health_summary: _Optional[str] = ...) -> None: ...
