from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ManualWeightRequest(_message.Message):
    __slots__ = ("user_email", "weight")
    USER_EMAIL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    user_email: str
    weight: float
    def __init__(self, user_email: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class ManualWeightResponse(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...
