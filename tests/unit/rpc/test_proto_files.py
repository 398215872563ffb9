"""The .proto files and the descriptors: both are made of the tables, and they are the same."""

import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool

from homegraph.rpc.descriptors import CLASSES, POOL, file_descriptor
from homegraph.rpc.proto_files import FILES, main, render
from homegraph.wire.api_v1 import METHODS
from homegraph.wire.messages import messages_in
from support.stubs import PROTO, described

WITHOUT_GRPC = """
import sys
for name in ("grpc", "google.protobuf", "grpc_health", "grpc_reflection"):
    sys.modules[name] = None
import homegraph.server, homegraph.rpc.proto_files, homegraph.cli
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_the_files_are_what_the_tables_say(file):
    """When this fails, make them anew: their first line says how."""
    assert (PROTO / file.path).read_text() == render(file)


def test_there_are_no_other_files(tmp_path):
    """What the command writes is all that the reference has."""
    main(tmp_path)

    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.proto")}
    assert written == {path.relative_to(PROTO) for path in PROTO.rglob("*.proto")}


def test_protoc_makes_the_descriptors_that_the_server_has():
    """Member for member, so reflection, the files and the messages on the wire cannot differ."""
    made = {file.path: file_descriptor(file) for file in FILES}

    assert described() == made
    assert all(POOL.FindFileByName(path).serialized_pb for path in made)


def test_a_message_is_declared_once_and_only_with_numbers():
    """Every classic message stands in one file; those of 2025, without numbers, in none."""
    declared = [message.short for file in FILES for message in file.messages]
    known = messages_in(*(shape for m in METHODS.values() for shape in (m.request, m.response)))

    assert len(declared) == len(set(declared)) == 20
    assert set(known) - set(declared) >= {"Component", "DeviceMetadata", "Empty", "HomeEvents"}
    fields = {f.name for file in described().values() for m in file.message_type for f in m.field}
    assert "home_traits" not in fields
    assert "device_view" not in fields


def test_the_pool_is_our_own():
    """Google's generated modules may be in the same process: nothing of ours is in the pool that they use."""
    name = "google.home.graph.v1.SyncRequest"

    assert CLASSES[name].DESCRIPTOR.file.pool is POOL
    assert POOL is not descriptor_pool.Default()


def test_without_the_extra_everything_else_works():
    """Server, commands and the .proto files need none of its libraries."""
    subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT_GRPC], check=True)
