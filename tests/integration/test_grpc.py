"""The methods over gRPC as a device cloud meets them: stubs that protoc made of our files, and Google's credentials."""

import logging
import threading

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from homegraph.service import states
from homegraph.service.events import Refused
from homegraph.settings.projects import KeySettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer
from support.rpc import (
    ANYWHERE,
    API,
    BY_KEY,
    a_channel,
    a_stub,
    a_stub_of_google,
    bearer,
    details_of,
    reason_of,
    refused,
    token_of,
)
from support.served import JSON, KEY, WAIT_SECONDS, Served, an_integration, linked, settings_in
from support.stubs import stubs

NOWHERE = "http://127.0.0.1:9/smarthome"
BODY_MAX = 16 * 1024

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with a linked user, and projects and keys in which one thing each is wrong."""
    projects = (
        an_integration(
            cloud,
            api_keys=(
                KeySettings(Secret(KEY)),
                KeySettings(Secret("here-key"), addresses=("127.0.0.0/8",)),
                KeySettings(Secret("elsewhere-key"), addresses=("192.0.2.0/24",)),
            ),
        ),
        ProjectSettings(
            "off", NOWHERE, api_keys=(KeySettings(Secret("off-key")),), api_enabled=False
        ),
        ProjectSettings("other", NOWHERE, api_keys=(KeySettings(Secret("other-key")),)),
    )
    folder = tmp_path_factory.mktemp("data")
    settings = settings_in(folder, *projects, grpc_listen=ANYWHERE, body_max_bytes=BODY_MAX)
    with Served(settings) as running:
        running.until_link(lambda link: link.agent_user_id == "user-1")
        yield running


@pytest.fixture(scope="module")
def token(served):
    """An access token of the project."""
    return token_of(served)


@pytest.fixture
def stub(served):
    """A stub without credentials."""
    with a_stub(served) as one:
        yield one


def a_report(user="user-1", **devices):
    """A report of states."""
    request = stubs().pb.ReportStateAndNotificationRequest(request_id="r1", agent_user_id=user)
    json_format.ParseDict({"states": devices}, request.payload.devices)
    return request


def a_question(*device_ids, user="user-1"):
    """A query."""
    devices = [{"id": device_id} for device_id in device_ids]
    return stubs().pb.QueryRequest(
        request_id="r2", agent_user_id=user, inputs=[{"payload": {"devices": devices}}]
    )


# --- the methods -------------------------------------------------------------------------------------------------------


def test_all_methods_with_google_credentials(cloud, tmp_path, made):
    """A service account's program: request a sync, report, ask for states and devices, unlink."""
    pb = made.pb
    with (
        linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served,
        a_stub_of_google(served) as stub,
    ):
        before = len(cloud.intents())
        stub.RequestSyncDevices(pb.RequestSyncDevicesRequest(agent_user_id="user-1"))
        assert len(cloud.intents()) == before + 1

        answer = stub.ReportStateAndNotification(a_report(lamp={"online": True, "on": True}))
        assert answer == pb.ReportStateAndNotificationResponse(request_id="r1")

        states_of = stub.Query(a_question("lamp"))
        assert states_of.request_id == "r2"
        assert json_format.MessageToDict(states_of.payload) == {
            "devices": {"lamp": {"on": True, "online": True}}
        }

        listed = stub.Sync(pb.SyncRequest(request_id="r3", agent_user_id="user-1"))
        assert (listed.request_id, listed.payload.agent_user_id) == ("r3", "user-1")
        (device,) = listed.payload.devices
        assert isinstance(device, made.device.Device)
        assert (device.id, device.name.name, list(device.traits)) == (
            "lamp",
            "lamp",
            ["action.devices.traits.OnOff"],
        )

        gone = pb.DeleteAgentUserRequest(request_id="r4", agent_user_id="agentUsers/user-1")
        stub.DeleteAgentUser(gone)
        error = refused(stub.Sync, pb.SyncRequest(agent_user_id="user-1"))
        assert (error.code(), reason_of(error)) == (Code.NOT_FOUND, "AGENT_USER_UNLINKED")


def test_request_sync_with_a_key(cloud, served, stub, made):
    """As REST: the key is enough, and the SYNC is over when the answer comes."""
    before = len(cloud.intents())
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")

    answer = stub.RequestSyncDevices(request, metadata=BY_KEY)
    assert answer == made.pb.RequestSyncDevicesResponse()
    assert len(cloud.intents()) == before + 1


def test_async_is_answered_before_the_sync(cloud, tmp_path, made):
    """The request is recorded; the fulfillment may take its time."""
    held = threading.Event()
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1", **{"async": True})
    with linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served, a_stub(served) as stub:
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=held))

        stub.RequestSyncDevices(request, metadata=BY_KEY, timeout=WAIT_SECONDS)
        cloud.wait_for(before + 1)
        held.set()


def test_both_doors_lead_to_the_same_states(served, stub, token):
    """What one stores the other tells, and whole numbers are spelled alike."""
    states_sent = {"online": True, "on": False}
    stub.ReportStateAndNotification(a_report(lamp=states_sent), metadata=bearer(token))
    question = b'{"agentUserId":"user-1","inputs":[{"payload":{"devices":[{"id":"lamp"}]}}]}'
    headers = {**JSON, "Authorization": f"Bearer {token}"}

    by_rest = served.send("POST", "/v1/devices:query", headers=headers, body=question)
    by_grpc = stub.Query(a_question("lamp"), metadata=bearer(token))
    assert by_rest.json["payload"]["devices"] == {"lamp": states_sent}
    assert json_format.MessageToDict(by_grpc.payload)["devices"] == {"lamp": states_sent}


@pytest.mark.parametrize("value", ["Bearer  {}", "bearer {} ", "BEARER {}"])
def test_how_a_token_may_be_spelled(stub, made, token, value):
    """As tolerant as HTTP."""
    request = made.pb.SyncRequest(agent_user_id="user-1")

    assert stub.Sync(request, metadata=(("authorization", value.format(token)),)).payload.devices


# --- refusals ----------------------------------------------------------------------------------------------------------


def test_mistakes_of_callers_have_their_codes(served, stub, made, token):
    """3, 5, 7 and 16 for the conditions that REST answers 400, 404, 403 and 401, with the same reasons."""
    pb, by_token = made.pb, bearer(token)
    sync_of, request_of = pb.SyncRequest, pb.RequestSyncDevicesRequest
    both = (*by_token, ("x-goog-api-key", "other-key"))
    calls = [
        # 3
        (stub.Sync, sync_of(), by_token, 3, "FIELD_REQUIRED"),
        (stub.Sync, sync_of(agent_user_id="u" * 1_025), by_token, 3, "FIELD_TOO_LONG"),
        (stub.RequestSyncDevices, request_of(), BY_KEY, 3, "FIELD_REQUIRED"),
        (stub.Query, a_question(), by_token, 3, "FIELD_REQUIRED"),
        (
            stub.ReportStateAndNotification,
            pb.ReportStateAndNotificationRequest(agent_user_id="user-1"),
            by_token,
            3,
            "PAYLOAD_REQUIRED",
        ),
        (stub.ReportStateAndNotification, a_report(lamp=1), by_token, 3, "STATE_NOT_OBJECT"),
        (stub.ReportStateAndNotification, a_report(lamp={"on": None}), by_token, 3, "STATE_NULL"),
        (
            stub.DeleteAgentUser,
            pb.DeleteAgentUserRequest(agent_user_id="user-1"),
            by_token,
            3,
            "AGENT_USER_PREFIX_MISSING",
        ),
        (
            stub.RequestSyncDevices,
            request_of(agent_user_id="x"),
            (("x-goog-api-key", "nobodys"),),
            3,
            "API_KEY_UNKNOWN",
        ),
        (stub.Sync, sync_of(agent_user_id="user-1"), both, 3, "CREDENTIALS_DISAGREE"),
        # 5
        (stub.Sync, sync_of(agent_user_id="nobody"), by_token, 5, "AGENT_USER_NEVER_LINKED"),
        (
            stub.RequestSyncDevices,
            request_of(agent_user_id="user-1"),
            (("x-goog-api-key", "other-key"),),
            5,
            "AGENT_USER_OF_OTHER_PROJECT",
        ),
        (stub.Query, a_question("lamp", "gone"), by_token, 5, "DEVICE_NOT_FOUND"),
        (stub.ReportStateAndNotification, a_report(gone={}), by_token, 5, "DEVICE_UNKNOWN"),
        (
            stub.DeleteAgentUser,
            pb.DeleteAgentUserRequest(agent_user_id="agentUsers/nobody"),
            by_token,
            5,
            "AGENT_USER_NEVER_LINKED",
        ),
        # 7
        (stub.RequestSyncDevices, request_of(agent_user_id="x"), (), 7, "CREDENTIAL_MISSING"),
        (
            stub.RequestSyncDevices,
            request_of(agent_user_id="x"),
            (("x-goog-api-key", "off-key"),),
            7,
            "API_DISABLED",
        ),
        (
            stub.RequestSyncDevices,
            request_of(agent_user_id="x"),
            (("x-goog-api-key", "elsewhere-key"),),
            7,
            "API_KEY_IP_REFUSED",
        ),
        # 16
        (stub.Sync, sync_of(agent_user_id="user-1"), (), 16, "ACCESS_TOKEN_MISSING"),
        (stub.Sync, sync_of(agent_user_id="user-1"), BY_KEY, 16, "API_KEY_NOT_ACCEPTED"),
        (stub.Sync, sync_of(agent_user_id="x"), bearer("ya29.no"), 16, "ACCESS_TOKEN_UNKNOWN"),
        (
            stub.Sync,
            sync_of(agent_user_id="x"),
            (("authorization", "Basic dXNlcg=="),),
            16,
            "ACCESS_TOKEN_UNKNOWN",
        ),
    ]
    seen = [
        (error.code().value[0], reason_of(error))
        for call, request, metadata, _, _ in calls
        for error in [refused(call, request, metadata=metadata)]
    ]

    assert seen == [(code, reason) for *_, code, reason in calls]


def test_details_are_those_of_rest(served, stub, made):
    """The same types with the same content: Google's own, and our explanation with its page."""
    error = refused(stub.Sync, made.pb.SyncRequest(agent_user_id="user-1"), metadata=BY_KEY)
    body = b'{"agentUserId": "user-1"}'
    by_rest = served.send("POST", f"/v1/devices:sync?key={KEY}", headers=JSON, body=body)

    status = rpc_status.from_call(error)
    assert error.details() == status.message == by_rest.json["error"]["message"]
    told = [json_format.MessageToDict(packed) for packed in status.details]
    shown = [
        {name: value for name, value in detail.items() if value != {}}
        for detail in by_rest.json["error"]["details"]
    ]
    assert told == shown
    assert [type(detail).__name__ for detail in details_of(error)] == [
        "ErrorInfo",
        "ErrorInfo",
        "Help",
    ]


def test_wrong_fields_are_named(stub, token):
    """Where Google keeps silent: every mistake of a report with its path."""
    report = a_report(lamp={"on": None, "brightness": None})
    error = refused(stub.ReportStateAndNotification, report, metadata=bearer(token))

    (bad,) = [d for d in details_of(error) if isinstance(d, error_details_pb2.BadRequest)]
    assert {each.field for each in bad.field_violations} == {
        'payload.devices.states["lamp"].on',
        'payload.devices.states["lamp"].brightness',
    }


def test_a_key_that_is_restricted_to_addresses(stub, made):
    """The caller's address is known here, too."""
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")

    stub.RequestSyncDevices(request, metadata=(("x-goog-api-key", "here-key"),))


def test_a_refusal_is_announced(served, stub, made):
    """Whoever listens hears of it, with the method's name."""
    heard = []
    served.house.events.subscribe(heard.append)

    refused(stub.Sync, made.pb.SyncRequest(agent_user_id="user-1"))
    refused(stub.RequestSyncDevices, made.pb.RequestSyncDevicesRequest(), metadata=BY_KEY)
    assert [event for event in heard if isinstance(event, Refused)] == [
        Refused("devices.sync", "", "ACCESS_TOKEN_MISSING"),
        Refused("devices.requestSync", "acme", "FIELD_REQUIRED"),
    ]


def test_credentials_come_before_the_message(served):
    """Garbage from a stranger is no mistake in the message; from a caller who may come in it is."""
    with a_channel(served) as channel:
        call = channel.unary_unary(f"/{API}/RequestSyncDevices")  # bytes, as they are

        stranger = refused(call, b"\xff\xff")
        known = refused(call, b"\xff\xff", metadata=BY_KEY)
        nothing = refused(call, b"", metadata=BY_KEY)
    assert (stranger.code(), reason_of(stranger)) == (Code.PERMISSION_DENIED, "CREDENTIAL_MISSING")
    assert (known.code(), reason_of(known)) == (Code.INVALID_ARGUMENT, "MESSAGE_UNREADABLE")
    assert reason_of(nothing) == "FIELD_REQUIRED"


def test_what_is_not_offered(served):
    """An unknown method, and a message beyond the bound of bodies."""
    with a_channel(served) as channel:
        unknown = refused(channel.unary_unary(f"/{API}/Execute"), b"", metadata=BY_KEY)
        known = channel.unary_unary(f"/{API}/RequestSyncDevices")
        large = refused(known, b"x" * (BODY_MAX + 1), metadata=BY_KEY)
    assert (unknown.code(), large.code()) == (Code.UNIMPLEMENTED, Code.RESOURCE_EXHAUSTED)


def test_two_callers_who_wait(cloud, served, made):
    """The second sync-mode call for an agent user is refused at once with 8, as by REST."""
    held = threading.Event()
    request = made.pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    with a_stub(served) as stub:
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=held))
        first = stub.RequestSyncDevices.future(request, metadata=BY_KEY)
        cloud.wait_for(before + 1)

        error = refused(stub.RequestSyncDevices, request, metadata=BY_KEY)
        by_rest = served.request_sync()
        held.set()
        assert first.result(WAIT_SECONDS) == made.pb.RequestSyncDevicesResponse()
    assert (error.code(), reason_of(error)) == (Code.RESOURCE_EXHAUSTED, "SYNC_IN_FLIGHT")
    assert (by_rest.status, by_rest.reason) == (429, "SYNC_IN_FLIGHT")


def test_the_quota_is_one_for_both_doors(cloud, tmp_path, made):
    """Calls over gRPC are counted with those over HTTP; who waits for a sync is not counted."""
    pb = made.pb
    waiting = pb.RequestSyncDevicesRequest(agent_user_id="user-1")
    queued = pb.RequestSyncDevicesRequest(agent_user_id="user-1", **{"async": True})
    question = pb.SyncRequest(agent_user_id="user-1")
    with (
        linked(tmp_path, cloud, grpc_listen=ANYWHERE, quota_per_minute=3) as served,
        a_stub(served) as stub,
    ):
        by_token = bearer(token_of(served))
        assert served.request_sync(**{"async": True}).status == 200
        stub.RequestSyncDevices(queued, metadata=BY_KEY)
        stub.Sync(question, metadata=by_token)

        errors = (
            refused(stub.RequestSyncDevices, queued, metadata=BY_KEY),
            refused(stub.Sync, question, metadata=by_token),
        )
        assert served.request_sync(**{"async": True}).status == 429
        stub.RequestSyncDevices(waiting, metadata=BY_KEY)
    told = {(error.code(), reason_of(error)) for error in errors}
    assert told == {(Code.RESOURCE_EXHAUSTED, "QUOTA_EXHAUSTED")}


def test_a_bug_is_answered_with_an_id(served, stub, made, token, monkeypatch, caplog):
    """What happened stands in the log, and nowhere else."""

    async def fall_over(*_):
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(states, "sync", fall_over)
    with caplog.at_level(logging.ERROR, "homegraph.rpc"):
        error = refused(
            stub.Sync, made.pb.SyncRequest(agent_user_id="user-1"), metadata=bearer(token)
        )

    assert (error.code(), error.details()) == (Code.INTERNAL, "Internal error encountered.")
    (info,) = [d for d in details_of(error) if isinstance(d, error_details_pb2.ErrorInfo)]
    assert info.metadata["requestId"] in caplog.text
    assert "secret" not in str(details_of(error))
    assert "the secret of the house" in caplog.text
