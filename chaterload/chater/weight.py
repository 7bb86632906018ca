"""Weights as Chater UI reads them, whichever way round it numbers the fields."""

import random
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from proto.manual_weight_pb2 import ManualWeightRequest

LIGHTEST_KG, HEAVIEST_KG = 40, 150


def plausible_weight(other_than: float = 0.0) -> float:
    """A person's weight in kg, to 100 g, as the server's 32-bit float will hold it, and not `other_than`."""
    while True:
        weight = ManualWeightRequest(weight=random.randint(LIGHTEST_KG * 10, HEAVIEST_KG * 10) / 10).weight
        if weight != other_than:
            return weight


def _served_weight() -> Any:
    """ManualWeightRequest as the running server numbers it: weight=1, user_email=2."""
    file = FileDescriptorProto(name="served_weight.proto", syntax="proto3")
    message = file.message_type.add(name="ServedWeight")
    optional = FieldDescriptorProto.LABEL_OPTIONAL
    message.field.add(name="weight", number=1, type=FieldDescriptorProto.TYPE_FLOAT, label=optional)
    message.field.add(name="user_email", number=2, type=FieldDescriptorProto.TYPE_STRING, label=optional)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("ServedWeight"))


ServedWeight: Any = _served_weight()


def weight_body(email: str, weight: float) -> bytes:
    """A serialised weight that arrives at a server of either numbering.

    The documentation numbers user_email=1, weight=2; the running server reads them swapped and loses what it
    cannot read, with success: true. A parser skips a field of the wrong wire type, so both can stand in one body.
    """
    documented = ManualWeightRequest(user_email=email, weight=weight).SerializeToString()
    served: bytes = ServedWeight(user_email=email, weight=weight).SerializeToString()
    return documented + served
