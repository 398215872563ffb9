"""Descriptors of the service, made from the tables, and the message classes that protobuf makes from them.

They live in a pool of their own: a process may hold Google's generated modules besides, and one pool cannot hold two
definitions of a name. The pool also has the files of the health and reflection services, for whoever asks by reflection.

The rule that is easily broken: a descriptor made here must be what protoc makes of the .proto file, member for member, or
reflection tells callers something else than the file does. A test lets protoc compile the files and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection_pb2  # type: ignore[import-untyped]

from homegraph.rpc.proto_files import FILES, ProtoFile, numbered, rpc_name
from homegraph.wire.api_v1 import METHODS
from homegraph.wire.details import API
from homegraph.wire.proto_json import Field, Message

__all__ = ["CLASSES", "POOL", "file_descriptor"]

_STRUCT: Final = struct_pb2.Struct.DESCRIPTOR.full_name

_SCALARS: Final[Mapping[str, FieldDescriptorProto.Type.ValueType]] = MappingProxyType(
    {"string": FieldDescriptorProto.TYPE_STRING, "bool": FieldDescriptorProto.TYPE_BOOL}
)
"""The scalars that numbered fields have. Another kind has to be put here before a table may use it with a number."""


def file_descriptor(file: ProtoFile) -> FileDescriptorProto:
    """Describe a file as protoc would."""
    services = []
    if file.methods:
        methods = [
            MethodDescriptorProto(
                name=rpc_name(method),
                input_type=f".{method.request.name}",
                output_type=f".{method.response.name}",
                options=MethodOptions(),
            )
            for method in file.methods
        ]
        services = [ServiceDescriptorProto(name=API.rpartition(".")[2], method=methods)]
    return FileDescriptorProto(
        name=file.path,
        package=API.rpartition(".")[0],
        dependency=file.imports,
        message_type=[_message(message) for message in file.messages],
        service=services,
        syntax="proto3",
    )


def _message(message: Message) -> DescriptorProto:
    described = DescriptorProto(name=message.short)
    for each in numbered(message):
        field = described.field.add(
            name=each.name,
            number=each.number,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
            json_name=each.json_name,
        )
        if each.keyed:
            entry = _entry(each)
            described.nested_type.append(entry)
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{message.name}.{entry.name}"
        else:
            _give_type(field, each)
        if each.keyed or each.repeated:
            field.label = FieldDescriptorProto.LABEL_REPEATED
        if each.deprecated:
            field.options.deprecated = True
    return described


def _entry(field: Field) -> DescriptorProto:
    """The message that one pair of a map is, as protoc names it."""
    entry = DescriptorProto(name=f"{field.json_name[0].upper()}{field.json_name[1:]}Entry")
    entry.options.map_entry = True
    for number, name in enumerate(("key", "value"), start=1):
        entry.field.add(
            name=name,
            number=number,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
            type=FieldDescriptorProto.TYPE_STRING,
            json_name=name,
        )
    _give_type(entry.field[1], field)
    return entry


def _give_type(described: FieldDescriptorProto, field: Field) -> None:
    if field.message is None and field.kind != "struct":
        described.type = _SCALARS[field.kind]
        return
    described.type = FieldDescriptorProto.TYPE_MESSAGE
    described.type_name = f".{_STRUCT if field.message is None else field.message.name}"


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for module in (struct_pb2, empty_pb2, health_pb2, reflection_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for file in FILES:
        pool.AddSerializedFile(file_descriptor(file).SerializeToString())
    return pool


POOL: Final = _pool()
"""Everything that this server speaks, for reflection."""

CLASSES: Final[Mapping[str, type[ProtoMessage]]] = MappingProxyType(
    {
        shape.name: GetMessageClass(POOL.FindMessageTypeByName(shape.name))
        for method in METHODS.values()
        for shape in (method.request, method.response)
    }
)
"""The classes of requests and answers by full name."""
