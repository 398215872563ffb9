"""The gRPC listener: callers who leave, health, reflection, addresses, and how it ends."""

import asyncio
import os
import socket
import sys
import threading
from contextlib import ExitStack

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc.aio._server import Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from homegraph.errors import SettingsError
from homegraph.graph.model import Outcome
from homegraph.rpc import calls, probes
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.projects import KeySettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer
from support.rpc import ANYWHERE, API, BY_KEY, a_channel, a_stub, reason_of, refused
from support.served import KEY, WAIT_SECONDS, Served, an_integration, linked, settings_in
from support.stubs import described

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server that knows nobody."""
    with Served(settings_in(tmp_path_factory.mktemp("data"), grpc_listen=ANYWHERE)) as running:
        yield running


# --- deadlines ---------------------------------------------------------------------------------------------------------


async def is_recorded(house):
    """Whether a run of the user has ended."""
    return await house.store.runs("acme", "user-1", limit=1)


def newest_run(served):
    """The last run of the user."""
    (run,) = served.do(served.house.store.runs("acme", "user-1", limit=1))
    return run


@pytest.mark.parametrize("leaves_by", ["deadline", "cancel"])
def test_a_caller_who_leaves_ends_nothing_but_his_waiting(cloud, tmp_path, made, leaves_by):
    """The SYNC that he asked for goes on to its end, and is recorded."""
    held = threading.Event()
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    with linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served, a_stub(served) as stub:
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=held))
        if leaves_by == "deadline":
            # Long enough for the SYNC to be on its way, which is then waited for; nobody waits for the clock.
            call = stub.RequestSyncDevices.future(request, metadata=BY_KEY, timeout=1.0)
            cloud.wait_for(before + 1)
            with pytest.raises(grpc.RpcError) as caught:
                call.result(WAIT_SECONDS)
            assert caught.value.code() is Code.DEADLINE_EXCEEDED
        else:
            call = stub.RequestSyncDevices.future(request, metadata=BY_KEY)
            cloud.wait_for(before + 1)
            call.cancel()
        held.set()

        served.until(is_recorded)
        assert newest_run(served).outcome is Outcome.DONE


def test_who_leaves_while_his_call_is_recorded_has_called(cloud, tmp_path, made, monkeypatch):
    """The handler of a caller who is gone is cancelled, be it in the middle of recording his request; nothing else is."""
    recording, go_on = threading.Event(), asyncio.Event()
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1", **{"async": True})

    async def let_go():
        go_on.set()

    with linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served, a_channel(served) as channel:
        store = type(served.house.store)
        record = store.request_sync

        async def slowly(*args, **options):
            recording.set()
            await go_on.wait()
            return await record(*args, **options)

        monkeypatch.setattr(store, "request_sync", slowly)
        stub = made.grpc.HomeGraphApiServiceStub(channel)
        call = stub.RequestSyncDevices.future(request, metadata=BY_KEY)
        assert recording.wait(WAIT_SECONDS)
        call.cancel()
        for _ in range(3):  # on the same connection, so behind the news that he is gone
            refused(stub.Sync, made.pb.SyncRequest())
        served.do(let_go())

        served.until(is_recorded)


# --- health and reflection ---------------------------------------------------------------------------------------------


@pytest.fixture
def health(served):
    """A stub of the health service."""
    with a_channel(served) as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("service", ["", API])
def test_health(health, service):
    """The server as a whole and the API are asked for by name, without a credential."""
    answer = health.Check(health_pb2.HealthCheckRequest(service=service))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_others(health):
    """Of a service that is not here nothing is known; the list has those that are."""
    error = refused(health.Check, health_pb2.HealthCheckRequest(service="google.mail"))

    assert error.code() is Code.NOT_FOUND
    assert set(health.List(health_pb2.HealthListRequest()).statuses) == {"", API}


async def stop(house):
    """Tell the server to stop; its doors are still open."""
    house.loop.stop()


def test_health_while_the_server_stops(cloud, tmp_path):
    """It says what the readiness probe says."""
    with linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served, a_channel(served) as channel:
        served.do(stop(served.house))

        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert served.send("GET", "/readyz").status == 503
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_watchers_are_told_when_the_server_stops(cloud, tmp_path):
    """Their calls end with it, so that nobody waits for them."""
    request = health_pb2.HealthCheckRequest(service=API)
    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        served = server.enter_context(linked(tmp_path, cloud, grpc_listen=ANYWHERE))
        channel = stack.enter_context(a_channel(served))
        watch = health_pb2_grpc.HealthStub(channel).Watch(request)
        told = [next(watch).status]
        server.close()
        told += [answer.status for answer in watch]

    assert told == [
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    ]


def test_an_unknown_service_may_be_watched(health):
    """As the protocol has it: it might come."""
    watch = health.Watch(health_pb2.HealthCheckRequest(service="google.mail"))

    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_there_are_few_seats_for_watchers(cloud, tmp_path, monkeypatch):
    """Strangers cannot take all calls by watching; a seat is free again when its watcher leaves."""
    monkeypatch.setattr(probes, "SEATS_MAX", 1)
    request = health_pb2.HealthCheckRequest()
    with (
        linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served,
        a_channel(served) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        first = stub.Watch(request)
        next(first)

        second = stub.Watch(request)
        with pytest.raises(grpc.RpcError) as caught:
            next(second)
        assert (caught.value.code(), reason_of(caught.value)) == (Code.UNAVAILABLE, "SERVER_BUSY")
        assert stub.Check(request).status == health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def ask(served):
    """Ask one thing by reflection."""
    with a_channel(served) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)

        def one(**question):
            request = reflection_pb2.ServerReflectionRequest(**question)
            (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=WAIT_SECONDS)
            return answer

        yield one


def test_reflection_lists_the_services(ask):
    """Ours, health, and itself."""
    listed = ask(list_services="").list_services_response.service

    assert {service.name for service in listed} == {
        API,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_reflection_tells_what_the_files_say(ask):
    """A tool that has no .proto file gets the same descriptors, with everything that they import."""
    answer = ask(file_containing_symbol=API).file_descriptor_response
    told = {
        file.name: file
        for file in map(FileDescriptorProto.FromString, answer.file_descriptor_proto)
    }

    assert set(told) == {
        *described(),
        "google/protobuf/struct.proto",
        "google/protobuf/empty.proto",
    }
    assert {name: told[name] for name in described()} == described()


def test_nobody_keeps_reflection_for_long(served, monkeypatch):
    """A conversation has an end; its length is a bound of time, here none at all."""
    monkeypatch.setattr(probes, "REFLECTION_SECONDS_MAX", 0.0)
    silent = threading.Event()

    def questions():
        silent.wait(WAIT_SECONDS)
        yield from ()

    with a_channel(served) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.ServerReflectionInfo(questions()))
        silent.set()
    assert caught.value.code() is Code.DEADLINE_EXCEEDED


# --- calls without a message -------------------------------------------------------------------------------------------


HEALTH = "/grpc.health.v1.Health"


@pytest.fixture
def silent():
    """A message that is not sent before the end of the test."""
    over = threading.Event()

    def messages():
        over.wait(WAIT_SECONDS)
        yield from ()

    yield messages
    over.set()


def test_a_stranger_who_sends_no_message_is_refused_at_once(served, silent):
    """So he holds no place for calls."""
    with a_channel(served) as channel:
        call = channel.stream_unary(f"/{API}/RequestSyncDevices")
        with pytest.raises(grpc.RpcError) as caught:
            call(silent(), timeout=WAIT_SECONDS)
    assert (caught.value.code(), reason_of(caught.value)) == (
        Code.PERMISSION_DENIED,
        "CREDENTIAL_MISSING",
    )


@pytest.mark.parametrize(
    ("name", "metadata"),
    [(f"/{API}/RequestSyncDevices", BY_KEY), (f"{HEALTH}/Check", ()), (f"{HEALTH}/Watch", ())],
    ids=["call", "check", "watch"],
)
def test_a_message_is_not_waited_for_without_end(
    cloud, tmp_path, silent, monkeypatch, name, metadata
):
    """Its time is bounded as that of a body in HTTP; here there is none at all."""
    monkeypatch.setattr(calls, "MESSAGE_SECONDS_MAX", 0.0)
    with (
        linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served,
        a_channel(served) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.stream_unary(name)(silent(), metadata=metadata, timeout=WAIT_SECONDS)
    assert reason_of(caught.value) == "BODY_TOO_SLOW"


def test_there_are_few_seats_for_who_does_not_ask(cloud, tmp_path, silent, monkeypatch):
    """Strangers cannot take all calls by saying nothing to the services that need no credential."""
    monkeypatch.setattr(probes, "SEATS_MAX", 0)
    with (
        linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served,
        a_channel(served) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.stream_unary(f"{HEALTH}/Check")(silent(), timeout=WAIT_SECONDS)
    assert reason_of(caught.value) == "SERVER_BUSY"


# --- the listener ------------------------------------------------------------------------------------------------------


def test_a_caller_who_waits_is_answered_when_the_server_stops(cloud, tmp_path, made):
    """A run that outlasts the grace is handed back, and its caller hears of it."""
    held = threading.Event()
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    with ExitStack() as stack:
        stack.callback(held.set)
        server = stack.enter_context(ExitStack())
        served = server.enter_context(
            linked(tmp_path, cloud, grpc_listen=ANYWHERE, grace_seconds=0.0)
        )
        stub = stack.enter_context(a_stub(served))
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=held))
        call = stub.RequestSyncDevices.future(request, metadata=BY_KEY)
        cloud.wait_for(before + 1)
        server.close()

        with pytest.raises(grpc.RpcError) as caught:
            call.result(WAIT_SECONDS)
    assert (caught.value.code(), reason_of(caught.value)) == (Code.UNAVAILABLE, "SERVER_STOPPING")


def test_a_unix_socket(cloud, tmp_path, made):
    """Nobody else may speak to it; a key that is restricted to addresses is of no use there."""
    place = tmp_path / "rpc.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:  # by a server that was killed
        left_behind.bind(str(place))
    keys = (KeySettings(Secret(KEY)), KeySettings(Secret("here"), addresses=("127.0.0.0/8",)))
    settings = settings_in(
        tmp_path, an_integration(cloud, api_keys=keys), grpc_listen=ListenAddress(path=str(place))
    )
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    with Served(settings) as served:
        served.until_link(lambda link: link.agent_user_id == "user-1")
        assert served.server.grpc == f"unix:{place}"
        assert place.stat().st_mode & 0o777 == 0o600
        with a_stub(served) as stub:
            stub.RequestSyncDevices(request, metadata=BY_KEY)
            error = refused(
                stub.RequestSyncDevices, request, metadata=(("x-goog-api-key", "here"),)
            )
    assert reason_of(error) == "API_KEY_IP_REFUSED"


def test_a_unix_socket_is_nobody_elses_from_the_start(tmp_path, monkeypatch):
    """Whoever connects before its mode is set stays connected. A user may have no umask at all."""
    place = tmp_path / "rpc.sock"
    start, modes = Server.start, []

    async def watched(server):
        modes.append(place.stat().st_mode & 0o777)
        await start(server)

    monkeypatch.setattr(Server, "start", watched)
    usual = os.umask(0)
    try:
        with Served(settings_in(tmp_path, grpc_listen=ListenAddress(path=str(place)))):
            assert os.umask(0) == 0
    finally:
        os.umask(usual)
    assert modes == [0o600]


def test_without_the_setting_there_is_no_grpc(cloud, tmp_path):
    """Off is the default."""
    with linked(tmp_path, cloud) as served:
        assert served.server.grpc == ""


def test_an_address_in_use_is_said_before_anything_is_touched(tmp_path):
    """The mistake names the setting; no data folder is made."""
    folder = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(SettingsError) as caught,
            Served(settings_in(folder, grpc_listen=address)),
        ):
            pass
    assert str(caught.value).startswith(f"grpc_listen: cannot listen on {address}")
    assert "--grpc-listen" in caught.value.hint
    assert not folder.exists()


def test_a_start_that_fails_lets_go_of_the_address(tmp_path):
    """Whoever starts next can have it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = ListenAddress("127.0.0.1", free.getsockname()[1])
    database = f"sqlite:{tmp_path}/no/such/folder/home.db"
    with (
        pytest.raises(Exception, match=r"home\.db"),
        Served(settings_in(tmp_path, grpc_listen=address, database=database)),
    ):
        pass

    with Served(settings_in(tmp_path, grpc_listen=address)) as served:
        assert served.server.grpc == str(address)


def test_without_the_extra_its_name_is_told(tmp_path, monkeypatch):
    """Not a traceback about a module that nobody has heard of."""
    for name in [each for each in sys.modules if each.startswith("homegraph.rpc.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)

    with (
        pytest.raises(SettingsError) as caught,
        Served(settings_in(tmp_path, grpc_listen=ANYWHERE)),
    ):
        pass
    assert "(grpc)" in str(caught.value)
    assert "homegraph[grpc]" in caught.value.hint
