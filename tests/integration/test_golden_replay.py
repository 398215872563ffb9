"""The golden pairs against a real server: in the state that the pair names, its request gets its answer to the byte.

``GIVEN`` says for each word of tests/wire/README.md how that state is brought about, by the doors that a developer or his
cloud has: what homegraph.toml says, the admin API, and how the fulfillment behaves.
"""

import json
import re
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from homegraph.graph.model import AccessToken, LinkState
from homegraph.service import requesting
from homegraph.service.vault import digest
from homegraph.settings.projects import KeySettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer, ScriptedFulfillment, lamp
from homegraph.wire.details import SCOPE
from support.served import JSON, KEY, Served, an_integration, settings_in

GOLDEN = Path(__file__).parents[1] / "wire"
PAIRS = {
    f"{path.parent.name}/{path.stem}": json.loads(path.read_text())
    for path in sorted(GOLDEN.glob("*/*.json"))
}
"""By folder and case."""

NEVER = "never"
"""No state of ours brings this answer about."""

REPORTING = "/v1/devices:reportStateAndNotification"

DEVICES, STATES = map(
    json.loads, re.findall(r"```json\n(.*?)```", (GOLDEN / "README.md").read_text(), re.DOTALL)
)
"""Of ``reported``, as the page beside the pairs has them."""

MIB = 2**20

ONE_LAMP = json.dumps(
    {"requestId": "1", "payload": {"agentUserId": "user-1", "devices": [lamp("lamp")]}}
).encode()


@pytest.fixture
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


OTHERS = ProjectSettings(
    "others", "http://127.0.0.1:9/smarthome", api_keys=(KeySettings(Secret("AIzaSyOTHERS")),)
)


@contextmanager
def started(folder, cloud, *, project=None, token=True, **members):
    """A server whose user is linked, with Google's bytes alone, and a strange project beside; TOKEN is good."""
    mine = an_integration(cloud, **(project or {}))
    with Served(settings_in(folder, mine, OTHERS, explain=False, **members)) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED)
        if token:
            issue(served)
        yield served


def project_with(folder, cloud, **members):
    """A server whose project is said to have these members; its user is linked."""
    return started(folder, cloud, project=members)


def issue(served, *texts, scope=SCOPE, seconds=3599.0):
    """Have TOKEN, or these texts, be access tokens of the project; an assertion brings another text each time."""
    made = served.admin("POST", "service-accounts", project="acme").json
    now = served.house.clock.now()
    for text in texts or ("TOKEN",):
        token = AccessToken(
            digest(text), "acme", made["email"], made["id"], (scope,), now, now + seconds
        )
        served.do(served.house.store.add_token(token))


@contextmanager
def reported(folder, cloud, _):
    """Two devices, whose states the device cloud has reported."""
    cloud.home.devices = DEVICES
    with started(folder, cloud) as served:
        report = {"agentUserId": "user-1", "payload": {"devices": {"states": STATES}}}
        answer = served.send(
            "POST",
            REPORTING,
            headers={**JSON, "Authorization": "Bearer TOKEN"},
            body=json.dumps(report).encode(),
        )
        assert answer.status == 200
        yield served


@contextmanager
def settling(folder, cloud, _):
    """The same devices, and for an hour from the first SYNC on no report is taken."""
    cloud.home.devices = DEVICES
    with started(folder, cloud, settle_seconds=3600.0) as served:
        yield served


def key_with(**members):
    """The key with restrictions."""
    return lambda folder, cloud, _: project_with(
        folder, cloud, api_keys=(KeySettings(Secret(KEY), **members),)
    )


def project_is(**members):
    """The project as homegraph.toml can describe it."""
    return lambda folder, cloud, _: project_with(folder, cloud, **members)


def next_answer(*answers, **settings):
    """Linked; then the fulfillment answers as told."""

    @contextmanager
    def state(folder, cloud, _):
        with started(folder, cloud, **settings) as served:
            cloud.answer_next(*(answer() for answer in answers))
            yield served

    return state


@contextmanager
def key_revoked(folder, cloud, _):
    """The operator revokes the key."""
    with started(folder, cloud) as served:
        (key,) = served.admin("GET", "keys?project=acme").json["keys"]
        assert served.admin("POST", "keys/revoke", project="acme", id=key["id"]).status == 200
        yield served


@contextmanager
def unlinked(folder, cloud, _):
    """The user ends the link."""
    with started(folder, cloud) as served:
        assert served.admin("POST", "links/unlink", project="acme", user="ann").status == 200
        yield served


@contextmanager
def other_project(folder, cloud, _):
    """The key's project has no link; another one has."""
    mine = replace(an_integration(cloud), links=())
    other = an_integration(cloud, id="other", api_keys=())
    with Served(settings_in(folder, mine, other, explain=False)) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED, project="other")
        yield served


@contextmanager
def first_sync_failed(folder, cloud, _):
    """The token of the adopted grant opens no home."""
    cloud.homes.clear()
    settings = settings_in(folder, an_integration(cloud), explain=False)
    with Served(settings) as served:
        served.until_link(lambda link: link.problem)
        yield served


@contextmanager
def link_broken(folder, cloud, _):
    """A sync has found out that the grant is gone."""
    with started(folder, cloud) as served:
        cloud.homes.clear()
        assert served.request_sync(**{"async": True}).status == 200
        served.until_link(lambda link: link.state is LinkState.BROKEN)
        yield served


@contextmanager
def token_refused(folder, cloud, _):
    """The access token has expired, and the refresh token is unknown."""
    with started(folder, cloud) as served:
        cloud.homes.clear()
        yield served


@contextmanager
def token_endpoint_500(folder, cloud, _):
    """The access token has expired, and the token endpoint fails."""
    with started(folder, cloud) as served:
        cloud.homes.clear()
        cloud.answer_token_next(Answer(500))
        yield served


@contextmanager
def fulfillment_401(folder, cloud, _):
    """The token is refreshed, and the new one is refused like the old one."""
    with started(folder, cloud) as served:
        cloud.homes.clear()
        cloud.refresh_tokens["refresh-1"] = "token-2"
        yield served


@contextmanager
def fulfillment_down(folder, cloud, _):
    """A cloud that goes away after the link was made."""
    with ExitStack() as stack:
        short_lived = stack.enter_context(ScriptedFulfillment())
        # No connection may outlive it, neither the one of the first SYNC nor that of the QUERY after it.
        close = (("Connection", "close"),)
        short_lived.answer_next(Answer(200, ONE_LAMP, close), Answer(500, headers=close))
        with project_with(folder, cloud, fulfillment_url=short_lived.url) as served:
            stack.close()
            yield served


@contextmanager
def fulfillment_hangs(folder, cloud, _):
    """The SYNC is held; the server waits a quarter of a second for it."""
    held = threading.Event()
    with started(folder, cloud, sync_timeout_seconds=0.25) as served:
        cloud.answer_next(Answer(hold=held))
        yield served
        held.set()


@contextmanager
def in_flight(folder, cloud, _):
    """Somebody waits for a SYNC that is held."""
    held = threading.Event()
    with started(folder, cloud) as served:
        cloud.answer_next(Answer(hold=held))
        waiting = threading.Thread(target=served.request_sync)
        waiting.start()
        cloud.wait_for(2)
        yield served
        held.set()
        waiting.join()


@contextmanager
def sync_deadline(folder, cloud, monkeypatch):
    """The SYNC is held for longer than the call may take, which is not a minute here."""
    monkeypatch.setattr(requesting, "SYNC_CALL_SECONDS", 0.25)
    held = threading.Event()
    with started(folder, cloud) as served:
        cloud.answer_next(Answer(hold=held))
        yield served
        held.set()


@contextmanager
def stopping(folder, cloud, _):
    """The server has been told to stop, and its door is still open."""

    async def stop():
        served.house.loop.stop()

    with started(folder, cloud) as served:
        served.do(stop())
        yield served


def token_is(*texts, **members):
    """TOKEN, but for these members; or these texts."""

    @contextmanager
    def state(folder, cloud, _):
        with started(folder, cloud, token=False) as served:
            issue(served, *texts, **members)
            yield served

    return state


@contextmanager
def quota_used_up(folder, cloud, _):
    """The project has one call a minute, and has made it."""
    number = {"number": "627021166709"}
    with started(folder, cloud, project=number, quota_per_minute=1) as served:
        assert served.request_sync(**{"async": True}).status == 200
        yield served


GIVEN = {
    "linked": lambda folder, cloud, _: started(folder, cloud),
    "reported": reported,
    "settling": settling,
    "key-revoked": key_revoked,
    "key-expired": key_with(expires=1.0),
    "key-restricted": key_with(methods=("devices.query",)),
    "key-other-ip": key_with(addresses=("192.0.2.1/32",)),
    "api-disabled": project_is(api_enabled=False),
    "suspended": project_is(suspended=True),
    "unlinked": unlinked,
    "other-project": other_project,
    "first-sync-failed": first_sync_failed,
    "link-broken": link_broken,
    "token-refused": token_refused,
    "token-endpoint-500": token_endpoint_500,
    "fulfillment-401": fulfillment_401,
    "fulfillment-404": next_answer(lambda: Answer(404)),
    "fulfillment-500": next_answer(lambda: Answer(500)),
    "fulfillment-hangs": fulfillment_hangs,
    "fulfillment-down": fulfillment_down,
    "fulfillment-html": next_answer(
        lambda: Answer(200, b"<html>hello</html>", (("Content-Type", "text/html"),))
    ),
    "fulfillment-20mib": next_answer(lambda: Answer(200, b" " * 20 * MIB)),
    "fulfillment-error-payload": next_answer(
        lambda: Answer(200, b'{"requestId": "1", "payload": {"errorCode": "deviceOffline"}}')
    ),
    "in-flight": in_flight,
    "sync-deadline": sync_deadline,
    "stopping": stopping,
    "keys-refused": lambda folder, cloud, _: started(folder, cloud, accept_api_keys=False),
    "token-expired": token_is("TOKEN", "nobodys", seconds=-1.0),
    "token-other-scope": token_is(scope="https://www.googleapis.com/auth/cloud-platform"),
    "quota-used-up": quota_used_up,
}


def replay(served, pair):
    """Send the pair's request as it stands there, and compare what comes back."""
    request = pair["request"]
    target = request["path"] + ("?" + request["query"] if request["query"] else "")
    answer = served.send(
        request["method"], target, headers=request["headers"], body=request["body"].encode()
    )

    assert pair["response"]["body"] == answer.body.decode()
    assert pair["response"]["status"] == answer.status
    assert pair["response"]["headers"] == {
        name: answer.headers.get(name) for name in pair["response"]["headers"]
    }


def is_quiet(pair):
    """Whether the pair's call changes nothing that another pair of its state could see."""
    stores = pair["request"]["path"].startswith(REPORTING) or pair["request"]["method"] == "DELETE"
    return pair["given"] == "linked" or (
        pair["given"] == "reported" and not (stores and pair["response"]["status"] == 200)
    )


QUIET_PAIRS = [pytest.param(p["given"], p, id=i) for i, p in PAIRS.items() if is_quiet(p)]
OTHER_PAIRS = [
    pytest.param(p, id=i) for i, p in PAIRS.items() if not is_quiet(p) and p["given"] != NEVER
]


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory, request):
    """One server in a state for all pairs that leave it as it is."""
    with (
        ScriptedFulfillment() as scripted,
        GIVEN[request.param](tmp_path_factory.mktemp("data"), scripted, None) as served,
    ):
        yield served


@pytest.mark.parametrize(("quiet_server", "pair"), QUIET_PAIRS, indirect=["quiet_server"])
def test_a_pair_that_changes_nothing(quiet_server, pair):
    """Where all is well with user and devices, the request decides."""
    replay(quiet_server, pair)


@pytest.mark.parametrize("pair", OTHER_PAIRS)
def test_a_pair_in_its_state(tmp_path, cloud, monkeypatch, pair):
    """The state of key, project, link or fulfillment decides; or the call changes what is stored."""
    with GIVEN[pair["given"]](tmp_path, cloud, monkeypatch) as served:
        replay(served, pair)


def test_every_state_is_made():
    """No pair is left out but those that nothing here can bring about."""
    assert {pair["given"] for pair in PAIRS.values()} - set(GIVEN) == {NEVER}
    assert [name for name, pair in PAIRS.items() if pair["given"] == NEVER] == [
        "requestSync/precondition-v1"
    ]
    assert len(QUIET_PAIRS) + len(OTHER_PAIRS) + 1 == len(PAIRS)
