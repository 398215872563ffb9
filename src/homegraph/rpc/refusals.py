"""Errors as gRPC tells them: a code, Google's message, and the details as a ``google.rpc.Status`` in the trailers.

Everything that is said comes from the tables behind REST, so that the same mistake is told in the same words through either door.
What is made here are only the bytes.

The rule that is easily broken: trailers are headers of HTTP/2, and a client whose bound on them is exceeded sees a broken call
instead of the error. So details are bounded; the largest are left out first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import (  # type: ignore[import-untyped]  # its .pyi files come without the marker
    error_details_pb2,
    status_pb2,
)

from homegraph.errors import HomegraphError
from homegraph.service.explaining import told_of
from homegraph.service.house import House
from homegraph.wire.details import TYPE, Detail
from homegraph.wire.status import status_of

__all__ = ["DETAILS_BYTES_MAX", "DETAILS_KEY", "Refusal", "refusal_of"]

DETAILS_KEY: Final = "grpc-status-details-bin"
"""The trailer in which gRPC's libraries look for details."""

DETAILS_BYTES_MAX: Final = 4_096
"""Of the whole status. Base64 makes it a third longer, and clients by default take 8 KiB of trailers."""

WRONG_FIELDS_TOLD_MAX: Final = 10
"""Mistakes in one request that are named; REST has room for more."""

_CODES: Final[Mapping[int, grpc.StatusCode]] = MappingProxyType(
    {code.value[0]: code for code in grpc.StatusCode}
)

_DETAIL_TYPES: Final = MappingProxyType(
    {
        f"{TYPE}{kind.DESCRIPTOR.name}": kind
        for kind in (
            error_details_pb2.BadRequest,
            error_details_pb2.ErrorInfo,
            error_details_pb2.Help,
            error_details_pb2.LocalizedMessage,
        )
    }
)


class Refusal(NamedTuple):
    """What a call is ended with; the arguments of ``ServicerContext.abort``."""

    code: grpc.StatusCode
    message: str
    trailers: tuple[tuple[str, bytes], ...] = ()


def refusal_of(house: House, error: HomegraphError, help_base: str) -> Refusal:
    """Word an error for a caller. ``help_base`` is what a reason's page has before its code."""
    code, facts, explain = told_of(house, error, help_base)
    told: dict[str, Any] = dict(facts)
    told["wrong_fields"] = tuple(told.get("wrong_fields", ()))[:WRONG_FIELDS_TOLD_MAX]
    status = status_of(code, told, explain=explain)
    whole = status_pb2.Status(
        code=status.row.grpc, message=status.message, details=map(_packed, status.details)
    )
    while whole.details and whole.ByteSize() > DETAILS_BYTES_MAX:
        del whole.details[_largest(whole)]
    trailers = ((DETAILS_KEY, whole.SerializeToString()),) if whole.details else ()
    return Refusal(_CODES[status.row.grpc], status.message, trailers)


def _packed(detail: Detail) -> AnyMessage:
    message = _DETAIL_TYPES[detail["@type"]]()
    members = {name: value for name, value in detail.items() if name != "@type"}
    packed = AnyMessage()
    packed.Pack(json_format.ParseDict(members, message))
    return packed


def _largest(status: status_pb2.Status) -> int:
    sizes = [detail.ByteSize() for detail in status.details]
    return sizes.index(max(sizes))
