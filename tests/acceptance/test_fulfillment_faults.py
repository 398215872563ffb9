"""A fulfillment that misbehaves: the stored list stays, the caller gets Google's answer, the run tells why.

Tokens are watched as well: they are refreshed once, a rotated one survives a kill, and no token is ever seen in the clear.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from support.homes import Setup, configuration
from support.server import Done, Reply, Server, until
from support.users import link_of

MIB: Final = 1024 * 1024
HUGE: Final = b'{"requestId": "1", "payload": {"agentUserId": "user-1", "devices": [' + b" " * (
    20 * MIB
)
JSON_HEADERS: Final = (("Content-Type", "application/json"),)

DEVICES: Final = [lamp("lamp"), lamp("second")]
LONG: Final = "".join(f"{number:x}" for number in range(1_000))
"""2,728 bytes: more than an index of PostgreSQL takes."""


def payload(**members: Any) -> bytes:
    """A SYNC reply with these members in its payload."""
    return json.dumps({"requestId": "1", "payload": {"agentUserId": "user-1", **members}}).encode()


FAULTS: Final = {
    "http-500": (Answer(500, b"oops"), "FULFILLMENT_FAILED"),
    "http-503": (Answer(503, b""), "FULFILLMENT_FAILED"),
    "http-429": (Answer(429, b"slow down"), "FULFILLMENT_FAILED"),
    "http-404": (Answer(404, b"not here"), "FULFILLMENT_REFUSED"),
    "redirect": (
        Answer(302, b"", headers=(("Location", "http://127.0.0.1:9/elsewhere"),)),
        "FULFILLMENT_REFUSED",
    ),
    "html": (
        Answer(200, b"<html>Sign in</html>", headers=(("Content-Type", "text/html"),)),
        "REPLY_UNUSABLE",
    ),
    "empty": (Answer(200, b""), "REPLY_UNUSABLE"),
    "list": (Answer(200, b"[]"), "REPLY_UNUSABLE"),
    "truncated": (Answer(200, payload(devices=DEVICES)[:-20]), "REPLY_UNUSABLE"),
    "not-utf-8": (Answer(200, b'{"payload": "\xff"}'), "REPLY_UNUSABLE"),
    "no-payload": (Answer(200, b'{"requestId": "1"}'), "REPLY_UNUSABLE"),
    "no-devices": (Answer(200, payload()), "REPLY_UNUSABLE"),
    "20-mib": (Answer(200, HUGE), "REPLY_TOO_LARGE"),
    "gzip-bomb": (
        Answer(200, gzip.compress(HUGE), headers=(*JSON_HEADERS, ("Content-Encoding", "gzip"))),
        "REPLY_TOO_LARGE",
    ),
    "not-gzip": (
        Answer(200, b"plain text", headers=(*JSON_HEADERS, ("Content-Encoding", "gzip"))),
        "REPLY_GARBLED",
    ),
    "error-payload": (
        Answer(200, payload(errorCode="deviceOffline", debugString="asleep", devices=[])),
        "REPLY_ERROR_PAYLOAD",
    ),
    "device-without-id": (
        Answer(200, payload(devices=[lamp("lamp"), {"type": "action.devices.types.LIGHT"}])),
        "REPLY_UNUSABLE",
    ),
    "device-id-too-long": (
        Answer(200, payload(devices=[*DEVICES, lamp(LONG)])),
        "REPLY_UNUSABLE",
    ),
    "agent-user-id-too-long": (Answer(200, payload(agentUserId=LONG)), "REPLY_UNUSABLE"),
    "device-not-utf-8": (
        Answer(200, payload(devices=[*DEVICES, lamp("??")]).replace(b"??", b"\xff")),
        "REPLY_UNUSABLE",
    ),
    "attributes-a-list": (
        Answer(200, payload(devices=[lamp("lamp"), lamp("new", attributes=[])])),
        "REPLY_UNUSABLE",
    ),
}
"""What the fulfillment answers, and the reason that this has here."""


@pytest.fixture(scope="module")
def house(shared_cloud: ScriptedFulfillment, shared_start: Any) -> Setup:
    """A server that has taken over two lamps; nothing in this module may change that."""
    shared_cloud.home.devices = list(DEVICES)
    house = Setup.up(shared_cloud, shared_start, server={"sync_timeout_seconds": 1})
    house.server.cli("devices", "place", "--agent-user", "user-1", "lamp", "--room", "Kitchen")
    return house


@pytest.fixture
def unharmed(house: Setup) -> Iterator[None]:
    """Whatever happens in a test, devices, placement and link stay, and the next sync works."""
    before = _known(house)
    yield
    assert _known(house) == before
    reply = house.request_sync()
    assert (reply.status, reply.text) == (200, "{}\n")
    assert _known(house) == before


def _known(house: Setup) -> Any:
    devices = house.server.admin("devices", project="acme", agent_user="user-1")["devices"]
    links = [link["state"] for link in house.server.admin("links")["links"]]
    assert links == ["linked"]
    assert [device["id"] for device in devices] == ["lamp", "second"]
    assert devices[0]["placement"]["room"] == "Kitchen"
    return devices


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_answer(house: Setup, fault: str) -> None:
    """Google's 500 for the caller, the reason in its details, the whole story in the run."""
    answer, reason = FAULTS[fault]
    before = len(house.cloud.intents())
    house.cloud.answer_next(answer)

    reply = house.request_sync()

    _internal(reply, reason)
    run = house.newest_run()
    assert (run["outcome"], run["reason"]) == ("failed", reason)
    assert run["results"] == [{"user_id": "me", "error": reason, "message": run["message"]}]
    assert (run["added"], run["changed"], run["removed"]) == (0, 0, 0)
    assert run["explanation"]["fix"]
    (exchange,) = run["exchanges"]
    assert exchange["status"] in (0, answer.status)
    assert exchange["status"] or exchange["error"]
    # A waiting caller is told; nothing is repeated behind his back.
    assert len(house.cloud.intents()) == before + 1


@pytest.mark.usefixtures("unharmed")
def test_no_answer(house: Setup) -> None:
    """The fulfillment hangs: after the time that it is given the caller gets Google's 500."""
    hold = threading.Event()
    house.cloud.answer_next(Answer(hold=hold))

    reply = house.request_sync()
    hold.set()

    _internal(reply, "FULFILLMENT_TIMEOUT")
    run = house.newest_run()
    assert run["message"] == "No complete answer within 1 s."
    assert 0.9 < run["exchanges"][0]["took"] < 3


@pytest.mark.usefixtures("unharmed")
def test_an_empty_list_is_kept_out_and_told_loudly(house: Setup) -> None:
    """Success for the caller, but an empty list is more likely a mistake than a wish: nothing goes, and a finding says so."""
    house.cloud.answer_next(Answer(200, payload(devices=[])))

    reply = house.request_sync()

    assert (reply.status, reply.text) == (200, "{}\n")
    run = house.newest_run()
    assert (run["outcome"], run["removed"]) == ("done", 0)
    assert [finding["rule"] for finding in run["findings"]] != []
    assert all(f["what"] and f["why"] and f["fix"] for f in run["findings"])
    assert "empty" in json.dumps(run["findings"]).lower()


@pytest.mark.usefixtures("unharmed")
def test_the_run_is_explained_in_words(house: Setup) -> None:
    """The text form has the story as a time line: what was sent, what came, why that is no good, what to do."""
    house.cloud.answer_next(FAULTS["html"][0])
    house.request_sync()
    run_id = house.newest_run()["id"]

    shown = house.server.cli("runs", "show", run_id)

    assert shown.code == 0
    assert "--> SYNC" in shown.out
    assert "<-- 200" in shown.out
    assert "REPLY_UNUSABLE" in shown.out
    assert "fix:" in shown.out
    assert FAULTS["html"][0].body.decode().splitlines()[0] in shown.out


@pytest.mark.usefixtures("unharmed")
def test_a_redirect_says_where_it_leads(house: Setup) -> None:
    """Mostly to a login page; what its query holds is nobody's business."""
    house.cloud.answer_next(Answer(302, b"", headers=(("Location", "/login?next=secret"),)))
    house.request_sync()

    run = house.newest_run()

    assert run["message"] == "The fulfillment answered HTTP 302, a redirect to /login."


def test_nobody_at_home(setup: Setup) -> None:
    """The fulfillment is down: 500, and the devices stay."""
    port_of_nobody = "http://127.0.0.1:1/smarthome"
    _move_fulfillment(setup, port_of_nobody)

    reply = setup.request_sync()

    _internal(reply, "FULFILLMENT_UNREACHABLE")
    assert setup.server.device_ids("user-1") == ["lamp"]


def test_an_empty_list_may_mean_unlinked(cloud: ScriptedFulfillment, start: Any) -> None:
    """With empty_sync = "unlink" the link ends as it did at Google in 2019, and the next call says so."""
    setup = Setup.up(cloud, start, project={"empty_sync": "unlink"})
    cloud.home.devices.clear()

    assert setup.request_sync().status == 200

    reply = setup.request_sync()
    assert (reply.status, reply.reasons[0]) == (404, "AGENT_USER_UNLINKED")


def test_async_runs_are_repeated_and_recover_alone(cloud: ScriptedFulfillment, start: Any) -> None:
    """An async request meets a fulfillment that is down for a moment; it is asked again until it works."""
    setup = Setup.up(cloud, start, server={"retry_first_seconds": 0.05})
    cloud.home.devices.append(lamp("new"))
    cloud.answer_next(*[Answer(503, b"")] * 3)

    assert setup.request_sync(is_async=True).status == 200

    until(lambda: "new" in setup.server.device_ids("user-1"), "the new lamp has arrived")
    runs = setup.server.admin("runs", limit="4")["runs"]
    assert [(run["attempt"], run["outcome"]) for run in runs] == [
        (4, "done"),
        (3, "retrying"),
        (2, "retrying"),
        (1, "retrying"),
    ]
    assert all(run["next_at"] for run in runs[1:])


def test_async_runs_are_given_up_visibly(cloud: ScriptedFulfillment, start: Any) -> None:
    """After as many attempts as are allowed the run says that it was given up; a later request starts anew."""
    limits = {"retry_first_seconds": 0.02, "retry_attempts_max": 3}
    setup = Setup.up(cloud, start, server=limits)
    cloud.answer_next(*[Answer(500, b"")] * 3)

    setup.request_sync(is_async=True)
    setup.server.wait_until_idle()

    newest = setup.newest_run()
    assert (newest["attempt"], newest["outcome"], newest["next_at"]) == (3, "gave_up", None)
    assert setup.request_sync(is_async=True).status == 200
    setup.server.wait_until_idle()
    assert setup.newest_run()["outcome"] == "done"


# --- tokens ------------------------------------------------------------------------------------------------------


ACCESS: Final = "access-one-51fd7b"
REFRESH: Final = "refresh-one-94c1aa"
NEXT_ACCESS: Final = "access-two-7f02de"
NEXT_REFRESH: Final = "refresh-two-c01d5e"
CLIENT_SECRET: Final = "client/secret+8b6d10=&x"


@pytest.fixture
def refreshing(cloud: ScriptedFulfillment, start: Any) -> Setup:
    """A link with a refresh token whose access token has ended just now."""
    cloud.homes = {ACCESS: Home()}
    link = {"user": "me", "access_token": ACCESS, "refresh_token": REFRESH}
    oauth = {"client_id": "hg", "client_secret": CLIENT_SECRET, "token_url": cloud.token_url}
    setup = Setup.up(cloud, start, project={"links": [link], "oauth": oauth})
    cloud.homes = {NEXT_ACCESS: Home(devices=[lamp("lamp"), lamp("new")])}
    return setup


def _rotate(setup: Setup) -> None:
    """The token endpoint gives new tokens once; the old refresh token is good for nothing from then on."""
    tokens = {
        "token_type": "Bearer",
        "access_token": NEXT_ACCESS,
        "refresh_token": NEXT_REFRESH,
        "expires_in": 3600,
    }
    setup.cloud.answer_token_next(Answer(200, json.dumps(tokens).encode()))


def test_a_401_is_cured_by_a_refresh(refreshing: Setup) -> None:
    """The token is refreshed once with our client's credentials, and the intent sent again."""
    _rotate(refreshing)
    before = len(refreshing.cloud.calls)

    reply = refreshing.request_sync()

    assert (reply.status, reply.text) == (200, "{}\n")
    assert refreshing.server.device_ids("user-1") == ["lamp", "new"]
    first, token, second = refreshing.cloud.calls[before:]
    assert (first.token, token.path, second.token) == (ACCESS, "/token", NEXT_ACCESS)
    assert token.body == {
        "grant_type": ["refresh_token"],
        "refresh_token": [REFRESH],
        "client_id": ["hg"],
        "client_secret": [CLIENT_SECRET],
    }
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_rotated_token_survives_a_kill(refreshing: Setup) -> None:
    """Kill -9 while the SYNC with the new token is under way: after the restart the new tokens are used, not the file's."""
    _rotate(refreshing)
    hold = threading.Event()
    unauthorized = Answer(401, b"{}")
    refreshing.cloud.answer_next(unauthorized, Answer(hold=hold))
    before = len(refreshing.cloud.intents())
    refreshing.request_sync(is_async=True)
    refreshing.cloud.wait_for(before + 2)

    refreshing.server.kill()
    hold.set()
    refreshing.server.restart()
    refreshing.cloud.wait_for(before + 3)
    refreshing.server.wait_until_idle()

    assert refreshing.cloud.intents()[-1].token == NEXT_ACCESS
    assert refreshing.server.device_ids("user-1") == ["lamp", "new"]
    refreshing.cloud.homes = {"access-three": Home()}
    refreshing.cloud.refresh_tokens = {NEXT_REFRESH: "access-three"}
    assert refreshing.request_sync().status == 200


def test_a_refused_refresh_token_breaks_the_link(refreshing: Setup) -> None:
    """invalid_grant: 403 for the caller, the link is broken and says what to do, the devices stay, nobody is asked again."""
    reply = refreshing.request_sync()

    _forbidden(reply, "TOKEN_REFUSED")
    link = link_of(refreshing.server, "me")
    assert (link["state"], link["problem"]) == ("broken", "TOKEN_REFUSED")
    assert link["explanation"]["fix"]
    assert refreshing.server.device_ids("user-1") == ["lamp"]
    calls = len(refreshing.cloud.calls)
    _forbidden(refreshing.request_sync(), "LINK_BROKEN")
    assert len(refreshing.cloud.calls) == calls


def test_a_token_endpoint_that_fails(refreshing: Setup) -> None:
    """500 from the token endpoint: 403 for the caller, but the link is not broken and recovers when it is asked again."""
    refreshing.cloud.answer_token_next(Answer(500, b"oops"))

    _forbidden(refreshing.request_sync(), "TOKEN_ENDPOINT_FAILED")

    assert link_of(refreshing.server, "me")["state"] == "linked"
    assert refreshing.server.device_ids("user-1") == ["lamp"]
    _rotate(refreshing)
    until(lambda: refreshing.request_sync().status == 200, "the endpoint is asked again")


def test_a_new_token_that_is_refused_too(refreshing: Setup) -> None:
    """401 before and after the refresh: the token is refreshed once, not for ever."""
    _rotate(refreshing)
    refreshing.cloud.homes = {}

    _forbidden(refreshing.request_sync(), "TOKEN_REJECTED")

    token_calls = [call for call in refreshing.cloud.calls if call.path == "/token"]
    assert len(token_calls) == 1


def test_no_secret_is_seen_in_the_clear(refreshing: Setup) -> None:
    """Tokens, client secret and API key are in no output, no log line and no file but the ones the user wrote."""
    _rotate(refreshing)
    refreshing.request_sync()
    # Servers that repeat what they were sent:
    refreshing.cloud.answer_next(Answer(500, f"bearer {NEXT_ACCESS}".encode()))
    refreshing.request_sync()
    refreshing.cloud.homes = {}
    secret = quote(CLIENT_SECRET, safe="")
    for told in (f"{NEXT_REFRESH} {CLIENT_SECRET}", f"{NEXT_REFRESH}&client_secret={secret}"):
        refreshing.cloud.answer_token_next(Answer(500, told.encode()))
        refreshing.request_sync()
    server = refreshing.server
    made = server.show("keys", "create")
    runs = server.show("runs", "list")["runs"]
    outputs = [
        *(server.cli("runs", "show", run["id"], "--json") for run in runs),
        *(server.cli("runs", "show", run["id"]) for run in runs),
        server.cli("links", "list", "--json"),
        server.cli("links", "show", "me", "--json"),
        server.cli("projects", "show", "acme", "--json"),
        server.cli("keys", "list", "--json"),
        server.cli("status", "--settings"),
        server.cli("status", "--json"),
        server.cli("doctor", "--json"),
        Done(0, server.banner, server.errors),
    ]
    assert server.stop() == 0

    secrets = [ACCESS, REFRESH, NEXT_ACCESS, NEXT_REFRESH, CLIENT_SECRET, secret, made["key"]]
    for output in outputs:
        assert [one for one in secrets if one in output.out + output.err] == [], output
    for path in _files(server.folder):
        content = path.read_bytes()
        assert [one for one in secrets if one.encode() in content] == [], path
    modes = {path.name: path.stat().st_mode & 0o077 for path in server.data_dir.iterdir()}
    assert set(modes.values()) == {0}, modes


def test_a_start_does_not_say_what_may_be_secret_in_an_address(
    tmp_path: Path, cloud: ScriptedFulfillment
) -> None:
    """A fulfillment's own password often stands in the query; the banner goes into the journal of the machine."""
    url = f"{cloud.url}?password=of-its-own"
    server = Server(tmp_path, configuration(cloud, project={"fulfillment_url": url}))
    server.start()
    assert server.stop() == 0

    assert f"-> {cloud.url}?***\n" in server.banner
    assert "of-its-own" not in server.banner + server.errors


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml"]


def _internal(reply: Reply, reason: str) -> None:
    assert reply.status == 500
    error = reply.json["error"]
    assert (error["code"], error["status"]) == (500, "INTERNAL")
    assert error["message"] == "Internal error encountered."
    assert reply.reasons[0] == reason


def _forbidden(reply: Reply, reason: str) -> None:
    assert reply.status == 403
    error = reply.json["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"] == "The caller does not have permission"
    assert reply.reasons[0] == reason


def _move_fulfillment(setup: Setup, url: str) -> None:
    """Change the fulfillment's address in the file, and start again."""
    text = setup.server.config_file.read_text(encoding="utf-8")
    setup.server.config_file.write_text(text.replace(setup.cloud.url, url), encoding="utf-8")
    assert setup.server.stop() == 0
    setup.server.restart()
