"""The two .proto files of the service: which message stands where, and their text.

The files are Google's by name, package, messages and field numbers, so that stubs generated from either talk to us; the wording is
ours. All of it comes from the tables in ``wire``. A field without a public number does not exist here, nor does a message that
only such fields lead to.

``docs/reference/proto`` holds what ``render`` returns, and a test compares them. To write the files anew, there or anywhere::

    python -m homegraph.rpc.proto_files docs/reference/proto

The rule that is easily broken: a message's place in a file is part of its identity for generated code, so a new one goes where
Google has it. ``DEVICE_MESSAGES`` are those of device.proto; everything else stands in homegraph.proto.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homegraph.wire.api_v1 import METHODS, Method
from homegraph.wire.details import API
from homegraph.wire.messages import PACKAGE
from homegraph.wire.proto_json import Field, Message

__all__ = ["FILES", "SERVICE_DOC", "ProtoFile", "numbered", "render", "rpc_name"]

DEVICE_MESSAGES: Final = frozenset({"Device", "DeviceNames", "DeviceInfo", "AgentOtherDeviceId"})

STRUCT_FILE: Final = "google/protobuf/struct.proto"
EMPTY_FILE: Final = "google/protobuf/empty.proto"
EMPTY: Final = "google.protobuf.Empty"

SERVICE_DOC: Final = (
    "The Home Graph, from the side of a device cloud. Every method needs an access token in the metadata authorization; "
    "RequestSyncDevices also takes an API key in x-goog-api-key."
)

LINE_CHARS: Final = 100

_HEAD: Final = """\
// Made by `python -m homegraph.rpc.proto_files`; edit the tables in homegraph.wire, not this file.
// The wording is homegraph's; package, names and numbers are those of Google's HomeGraph API.
"""


@dataclass(frozen=True, slots=True)
class ProtoFile:
    """One file: its path for imports, those of the files that it imports, and what is in it, in this order."""

    path: str
    imports: tuple[str, ...]
    messages: tuple[Message, ...]
    methods: tuple[Method, ...] = ()


def numbered(message: Message) -> tuple[Field, ...]:
    """The fields that a message has in gRPC."""
    return tuple(field for field in message.fields if field.number)


def rpc_name(method: Method) -> str:
    """The method's name within the service."""
    return method.rpc.rpartition(".")[2]


def _reached() -> Iterator[Message]:
    """Every message of the package that has to be declared, each once, requests and answers before what is in them."""
    left = [shape for method in METHODS.values() for shape in (method.request, method.response)]
    seen: set[str] = set()
    while left:
        message = left.pop(0)
        if message.name not in seen and message.name != EMPTY:
            seen.add(message.name)
            yield message
            left += [field.message for field in numbered(message) if field.message is not None]


def _files() -> tuple[ProtoFile, ProtoFile]:
    folder = PACKAGE.replace(".", "/")
    reached = tuple(_reached())
    device = ProtoFile(
        f"{folder}/device.proto",
        (STRUCT_FILE,),
        tuple(each for each in reached if each.short in DEVICE_MESSAGES),
    )
    homegraph = ProtoFile(
        f"{folder}/homegraph.proto",
        (device.path, EMPTY_FILE, STRUCT_FILE),
        tuple(each for each in reached if each.short not in DEVICE_MESSAGES),
        tuple(METHODS.values()),
    )
    return device, homegraph


FILES: Final = _files()
"""device.proto and homegraph.proto; the second imports the first."""


# --- text ------------------------------------------------------------------------------------------------------------


def render(file: ProtoFile) -> str:
    """Return the text of a file."""
    parts = [
        _HEAD,
        'syntax = "proto3";\n',
        f"package {PACKAGE};\n",
        "".join(f'import "{path}";\n' for path in file.imports),
    ]
    if file.methods:
        parts.append(_service(file.methods))
    parts += [_message(message) for message in file.messages]
    return "\n".join(parts)


def _service(methods: tuple[Method, ...]) -> str:
    name = API.rpartition(".")[2]
    calls = [
        _comment(method.doc, "  ")
        + f"  rpc {rpc_name(method)}({method.request.short}) returns ({_type(method.response)}) {{}}\n"
        for method in methods
    ]
    return f"{_comment(SERVICE_DOC)}service {name} {{\n{_joined(calls)}}}\n"


def _message(message: Message) -> str:
    fields = [
        _comment(_said(field), "  ") + f"  {_declared(field)};\n" for field in numbered(message)
    ]
    body = f"{{\n{_joined(fields)}}}" if fields else "{}"
    return f"{_comment(message.doc)}message {message.short} {body}\n"


def _said(field: Field) -> str:
    return f"Required. {field.doc}" if field.required else field.doc


def _declared(field: Field) -> str:
    kind = _kind(field)
    if field.keyed:
        kind = f"map<string, {kind}>"
    elif field.repeated:
        kind = f"repeated {kind}"
    deprecated = " [deprecated = true]" if field.deprecated else ""
    return f"{kind} {field.name} = {field.number}{deprecated}"


def _kind(field: Field) -> str:
    if field.message is not None:
        return field.message.short
    return "google.protobuf.Struct" if field.kind == "struct" else field.kind


def _type(message: Message) -> str:
    return message.short if message.name.startswith(f"{PACKAGE}.") else message.name


def _comment(text: str, indent: str = "") -> str:
    lines = textwrap.wrap(text, LINE_CHARS, initial_indent=indent, subsequent_indent=indent)
    return "".join(f"{indent}// {line.removeprefix(indent)}\n" for line in lines)


def _joined(parts: list[str]) -> str:
    return "\n".join(parts)


def main(folder: Path) -> None:
    """Write the files below ``folder``, at the paths by which they import each other."""
    for file in FILES:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(render(file), encoding="utf-8")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]))
