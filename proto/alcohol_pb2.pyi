from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetAlcoholRangeRequest(_message.Message):
    __slots__ = ("start_date", "end_date")
    START_DATE_FIELD_NUMBER: _ClassVar[int]
    END_DATE_FIELD_NUMBER: _ClassVar[int]
    start_date: str
    end_date: str
    def __init__(self, start_date: _Optional[str] = ..., end_date: _Optional[str] = ...) -> None: ...

class AlcoholEvent(_message.Message):
    __slots__ = ("time", "date", "drink_name", "calories", "quantity")
    TIME_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    DRINK_NAME_FIELD_NUMBER: _ClassVar[int]
    CALORIES_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    time: int
    date: str
    drink_name: str
    calories: int
    quantity: int
    def __init__(self, time: _Optional[int] = ..., date: _Optional[str] = ..., drink_name: _Optional[str] = ..., calories: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

class GetAlcoholRangeResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[AlcoholEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[AlcoholEvent, _Mapping]]] = ...) -> None: ...

class GetAlcoholLatestRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AlcoholDaySummary(_message.Message):
    __slots__ = ("total_drinks", "total_calories", "drinks_of_day")
    TOTAL_DRINKS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CALORIES_FIELD_NUMBER: _ClassVar[int]
    DRINKS_OF_DAY_FIELD_NUMBER: _ClassVar[int]
    total_drinks: int
    total_calories: int
    drinks_of_day: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, total_drinks: _Optional[int] = ..., total_calories: _Optional[int] = ..., drinks_of_day: _Optional[_Iterable[str]] = ...) -> None: ...

class GetAlcoholLatestResponse(_message.Message):
    __slots__ = ("today_summary",)
    TODAY_SUMMARY_FIELD_NUMBER: _ClassVar[int]
    today_summary: AlcoholDaySummary
    def __init__(self, today_summary: _Optional[_Union[AlcoholDaySummary, _Mapping]] = ...) -> None: ...
