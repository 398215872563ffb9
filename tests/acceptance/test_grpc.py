"""gRPC against the command as a process: where it says that it is, Google's credentials, and a stop with a caller waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import google.auth.transport.urllib3
import grpc
import pytest
import urllib3
from google.auth.transport.grpc import AuthMetadataPlugin

from homegraph.testing.fulfillment import Answer, ScriptedFulfillment
from support.google import credentials, key_file
from support.homes import KEY, Setup
from support.server import WAIT_SECONDS, Server
from support.stubs import stubs

GRPC = {"grpc_listen": "127.0.0.1:0"}


@contextmanager
def a_stub(server: Server) -> Iterator[Any]:
    """A stub at the address in the banner, with a service account's credentials."""
    (line,) = [line for line in server.banner.splitlines() if line.split()[:1] == ["gRPC"]]
    with urllib3.PoolManager() as pool:
        plugin = AuthMetadataPlugin(
            credentials(key_file(server)), google.auth.transport.urllib3.Request(pool)
        )
        together = grpc.composite_channel_credentials(
            grpc.local_channel_credentials(), grpc.metadata_call_credentials(plugin)
        )
        with grpc.secure_channel(line.split()[1], together) as channel:
            yield stubs().grpc.HomeGraphApiServiceStub(channel)


def test_the_command_answers_grpc(cloud: ScriptedFulfillment, start: Callable[..., Server]) -> None:
    """A program with stubs and a key file: its report is what the command shows of the device cloud's home."""
    server = Setup.up(cloud, start, server=GRPC).server
    pb = stubs().pb
    with a_stub(server) as stub:
        before = len(cloud.intents())
        stub.RequestSyncDevices(pb.RequestSyncDevicesRequest(agent_user_id="user-1"))
        assert len(cloud.intents()) == before + 1
        listed = stub.Sync(pb.SyncRequest(agent_user_id="user-1")).payload.devices
    assert [device.id for device in listed] == server.device_ids("user-1") == ["lamp"]
    assert server.stop() == 0


def test_a_caller_who_waits_is_answered_at_the_stop(
    cloud: ScriptedFulfillment, start: Callable[..., Server]
) -> None:
    """SIGTERM lets him have his outcome; nobody who comes later is served."""
    server = Setup.up(cloud, start, server=GRPC).server
    held = threading.Event()
    request = stubs().pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    by_key = (("x-goog-api-key", KEY),)
    with a_stub(server) as stub:
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=held))
        call = stub.RequestSyncDevices.future(request)
        cloud.wait_for(before + 1)
        server.terminate()
        server.wait_for_line("stopping")

        held.set()
        assert call.result(WAIT_SECONDS) == stubs().pb.RequestSyncDevicesResponse()
        assert server.wait() == 0
        with pytest.raises(grpc.RpcError) as caught:
            stub.RequestSyncDevices(request, metadata=by_key, timeout=WAIT_SECONDS)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_address_in_use_ends_the_start(start: Callable[..., Server]) -> None:
    """The mistake is told in our words, with what to do, and as wrong usage."""
    first = start({"server": GRPC})
    (line,) = [line for line in first.banner.splitlines() if line.split()[:1] == ["gRPC"]]
    second = start({"server": {"grpc_listen": line.split()[1]}}, name="second", ready=False)
    second.spawn()

    assert second.wait() == 2
    assert f"grpc_listen: cannot listen on {line.split()[1]}" in second.errors
    assert "--grpc-listen takes another" in second.errors
