"""What a caller of gRPC generates for himself: the modules that protoc makes of our .proto files."""

import importlib
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PROTO = Path(__file__).parents[2] / "docs/reference/proto"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
FILES = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))


@dataclass(frozen=True)
class Stubs:
    """``pb`` has the messages of calls, ``device`` those of device.proto, ``grpc`` the stub."""

    pb: ModuleType
    device: ModuleType
    grpc: ModuleType


def compiled(*options):
    """Let protoc compile the files."""
    code = protoc.main(["protoc", f"-I{WELL_KNOWN}", f"-I{PROTO}", *options, *FILES])
    assert code == 0


@cache
def stubs():
    """The modules, imported. They stay for the rest of the process, as protobuf's own pool does."""
    folder = tempfile.mkdtemp(prefix="stubs-")
    compiled(f"--python_out={folder}", f"--grpc_python_out={folder}")
    sys.path.append(folder)  # the package google has other folders, too
    home = "google.home.graph.v1"
    return Stubs(
        *(
            importlib.import_module(f"{home}.{name}")
            for name in ("homegraph_pb2", "device_pb2", "homegraph_pb2_grpc")
        )
    )


def described():
    """What protoc says of the files, by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "set"
        compiled(f"--descriptor_set_out={place}")
        return {each.name: each for each in FileDescriptorSet.FromString(place.read_bytes()).file}
