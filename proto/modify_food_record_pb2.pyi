from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ModifyFoodRecordRequest(_message.Message):
    __slots__ = ("time", "user_email", "percentage")
    TIME_FIELD_NUMBER: _ClassVar[int]
    USER_EMAIL_FIELD_NUMBER: _ClassVar[int]
    PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    time: int
    user_email: str
    percentage: int
    def __init__(self, time: _Optional[int] = ..., user_email: _Optional[str] = ..., percentage: _Optional[int] = ...) -> None: ...

class ModifyFoodRecordResponse(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...
