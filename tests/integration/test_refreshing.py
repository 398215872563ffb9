"""Tokens by real sockets: when they are refreshed, who asks, and what becomes of the link."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from homegraph.graph.model import LinkState
from homegraph.service.events import LinkChanged, TokenLost, TokenRefreshed
from homegraph.service.refreshing import Refreshing
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import EXECUTE, QUERY, SYNC, Answer, Home, ScriptedFulfillment
from support.served import Served, an_integration, settings_in
from support.server import until

LIFETIME = 3_600.0
INTENTS = 50


class Story:
    """A cloud whose tokens live for an hour, a server that is linked with it, and the time between them."""

    def __init__(self, cloud, served, clock):
        self.cloud, self.served, self.clock = cloud, served, clock
        self.events = []
        served.house.events.subscribe(self.events.append)

    def pass_time(self, seconds):
        """Let time pass."""

        async def advance():
            self.clock.advance(seconds)

        self.served.do(advance())

    def expire(self):
        """The access token has ended: the fulfillment does not know it any more, and the next one it does."""
        self.cloud.homes = {"token-2": self.cloud.homes.get("token-1", Home())}

    def execute(self):
        """Have the lamp turned on."""
        return self.served.admin(
            "POST",
            "execute",
            project="acme",
            agent_user="user-1",
            devices=["lamp"],
            params=["on=true"],
        )

    def command(self):
        """Have it turned on; what the device's result says of it."""
        (device,) = self.execute().json["devices"]
        return device

    @property
    def link(self):
        """The link as it is now."""
        return self.served.do(self.served.house.store.find_link("acme", "ann"))

    @property
    def refreshes(self):
        """The calls of the token endpoint."""
        return [call for call in self.cloud.calls if call.path == "/token"]

    def told(self, kind):
        """The events of this kind."""
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def story(tmp_path):
    """A linked user; refresh-1 buys token-2."""
    clock = ManualClock()
    grant = LinkSettings("ann", Secret("token-1"), Secret("refresh-1"), LIFETIME)
    with ScriptedFulfillment() as cloud:
        cloud.refresh_tokens["refresh-1"] = "token-2"
        settings = settings_in(tmp_path, an_integration(cloud, links=(grant,)))
        with Served(settings, clock) as served:
            served.until_link(lambda link: link.state is LinkState.LINKED)
            yield Story(cloud, served, clock)


def test_a_token_is_refreshed_before_it_ends(story):
    """A minute before, and no intent goes out with the old one; until then nobody asks."""
    story.pass_time(LIFETIME - 61)
    assert story.served.request_sync().status == 200
    assert story.refreshes == []
    story.expire()
    story.pass_time(1)

    assert story.served.request_sync().status == 200
    assert [call.token for call in story.cloud.intents(SYNC)[1:]] == ["token-1", "token-2"]
    assert len(story.refreshes) == 1
    assert story.told(TokenRefreshed) == [
        TokenRefreshed("acme", "ann", expires_in=3600, rotated=False, same=False)
    ]
    assert story.link.tokens.expires_at == story.clock.now() + 3600


def all_at_once(story):
    """A SYNC, and QUERYs and EXECUTEs that make 50 intents of it, all at the same time; whether each went well."""
    devices = {"project": "acme", "agent_user": "user-1", "devices": ["lamp"]}

    def synced():
        return story.served.request_sync().status == 200

    def queried():
        return story.served.admin("POST", "query", **devices).json["ok"]

    def executed():
        return story.execute().json["ok"]

    half = (INTENTS - 1) // 2
    calls = [synced] + [queried] * half + [executed] * (INTENTS - 1 - half)
    with ThreadPoolExecutor(INTENTS) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.mark.parametrize("rotating", [False, True])
def test_fifty_intents_on_a_token_that_was_refused(story, rotating):
    """Each meets a 401; one refresh, fifty successes, also if the refresh token is good for one time only."""
    story.cloud.rotating = rotating
    release = threading.Event()
    story.cloud.answer_token_next(Answer(hold=release))
    story.expire()

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(all_at_once, story)
        for count, intent in ((2, SYNC), (25, EXECUTE), (25, QUERY)):  # one QUERY after linking
            story.cloud.wait_for(count, intent)
        release.set()
        went_well = answers.result()

    assert went_well == [True] * INTENTS
    assert len(story.refreshes) == 1
    tokens = [call.token for call in story.cloud.calls if call.intent][2:]
    assert (tokens.count("token-1"), tokens.count("token-2")) == (INTENTS, INTENTS)
    assert len(story.told(TokenRefreshed)) == 1


def test_fifty_intents_on_a_token_whose_time_is_over(story):
    """None of them is sent with it; one refresh, fifty successes."""
    story.expire()
    story.pass_time(LIFETIME)

    assert all_at_once(story) == [True] * INTENTS
    assert len(story.refreshes) == 1
    assert {call.token for call in story.cloud.intents(EXECUTE)} == {"token-2"}


def test_two_processes_and_a_rotating_server(story):
    """The second one waits for the first and takes its tokens; a spent refresh token is never shown again."""
    story.cloud.rotating = True
    release = threading.Event()
    story.cloud.answer_token_next(Answer(hold=release))
    story.expire()
    house, link = story.served.house, story.link
    other = Refreshing(
        house.transport, house.store, house.vault, house.clock, house.ids, house.events
    )
    processes = [house.outbound, replace(house.outbound, refreshing=other)]

    async def both():
        (project,) = await house.store.projects()
        tasks = [asyncio.ensure_future(one.sync(project, link)) for one in processes]
        await asyncio.to_thread(story.cloud.wait_for, 3, SYNC)  # one of them is the linking's
        release.set()
        first, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        while not all(task.done() for task in tasks):
            story.clock.advance(1.0)  # the other one looks again
            await asyncio.wait(tasks, timeout=0.01)
        return len(first), [task.result() for task in tasks]

    _, heard = story.served.do(both())

    assert [one.error for one in heard] == [None, None]
    assert len(story.refreshes) == 1
    assert story.link.state is LinkState.LINKED


def test_a_refusal_in_execute_breaks_the_link(story):
    """The caller is told, everybody hears of it once, and no intent is sent any more: Request Sync is refused."""
    story.cloud.refresh_tokens.clear()
    story.expire()

    assert story.command()["reason"] == "TOKEN_REFUSED"
    assert (story.link.state, story.link.problem) == (LinkState.BROKEN, "TOKEN_REFUSED")
    assert [event.code for event in story.told(TokenLost)] == ["TOKEN_REFUSED"]
    assert [event.state for event in story.told(LinkChanged)] == [LinkState.BROKEN]
    calls = len(story.cloud.calls)
    answer = story.served.request_sync()
    assert (answer.status, answer.reason) == (403, "LINK_BROKEN")
    again = story.execute()
    assert (again.status, again.json["error"]["reason"]) == (403, "LINK_BROKEN")
    assert len(story.cloud.calls) == calls
    assert len(story.served.do(story.served.house.store.devices("acme", "user-1"))) == 1


def test_a_refusal_in_a_run_that_somebody_else_has_met(story):
    """A run that began before the link broke does not mend it, and tells its caller."""
    release = threading.Event()
    story.cloud.answer_next(Answer(401, b"{}", hold=release))
    story.cloud.refresh_tokens.clear()

    with ThreadPoolExecutor(1) as pool:
        syncing = pool.submit(story.served.request_sync)
        story.cloud.wait_for(2)
        story.expire()
        story.execute()
        release.set()
        answer = syncing.result()

    assert (answer.status, answer.reason) == (403, "LINK_BROKEN")
    assert (story.link.state, story.link.problem) == (LinkState.BROKEN, "TOKEN_REFUSED")
    assert len(story.refreshes) == 1


def test_a_refusal_in_the_first_query(tmp_path):
    """The SYNC has told whose devices these are, so they are here; the link is broken."""
    with ScriptedFulfillment() as cloud:
        cloud.answer_query_next(Answer(401, b"{}"))
        with Served(settings_in(tmp_path, an_integration(cloud))) as served:
            served.until_link(lambda link: link.agent_user_id)
            link = served.do(served.house.store.find_link("acme", "ann"))
            devices = served.do(served.house.store.devices("acme", "user-1"))

    assert (link.state, link.problem) == (LinkState.BROKEN, "TOKEN_REFUSED")
    assert [device.id for device in devices] == ["lamp"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"oops"),
        Answer(401, b'{"error":"invalid_client"}'),
        Answer(200, b"<html>"),
        Answer(400, b'{"error":"invalid_request"}'),
    ],
    ids=["503", "401", "not JSON", "400"],
)
def test_an_endpoint_that_fails_is_asked_later(story, answer):
    """The link stays; until it is asked again everybody is told at once what is wrong; then all is well."""
    story.cloud.answer_token_next(answer)
    story.expire()

    first, again = story.command(), story.command()
    calls = len(story.refreshes)
    story.pass_time(1.25)

    assert [one["reason"] for one in (first, again)] == ["TOKEN_ENDPOINT_FAILED"] * 2
    assert first["message"] in again["message"]
    assert "It is asked again at 1970-01-12T" in again["message"]
    assert (calls, story.link.state) == (1, LinkState.LINKED)
    assert story.command()["ok"]


def test_a_run_waits_for_the_endpoint(story):
    """It comes back when the endpoint is asked again, and not before."""
    story.cloud.answer_token_next(*[Answer(503, b"")] * 4)
    story.expire()
    for _ in range(4):
        story.execute()
        story.pass_time(20)
    story.cloud.answer_token_next(Answer(503, b""))
    story.served.request_sync(**{"async": True})

    async def retrying(house):
        ((_, work),) = await house.store.works() or [(None, None)]
        return work is not None and work.attempts == 1 and not work.taken

    story.served.until(retrying)
    ((_, work),) = story.served.do(story.served.house.store.works())
    assert work.due_at == story.link.refresh.due_at > story.clock.now() + 11
    story.pass_time(20)
    story.served.until(idle)
    assert story.cloud.intents(SYNC)[-1].token == "token-2"


def released(served, release):
    """Let go when the server has handed its runs back, and would have closed the database long ago."""
    runs, loop = served.house.runs, served.house.loop
    until(lambda: loop.stopping and not runs.leases, "the end of the runs")
    try:
        for _ in range(200):
            served.do(served.house.store.counts())
    finally:
        release.set()


async def idle(house):
    """Whether nothing is to do."""
    return not await house.store.works()


def test_a_token_that_is_good_for_a_moment_yet(story):
    """The endpoint fails a minute before the end: the intent goes out with the old token."""
    story.cloud.answer_token_next(Answer(503, b""))
    story.pass_time(LIFETIME - 30)

    assert story.command()["ok"]
    assert story.command()["ok"]
    assert len(story.refreshes) == 1
    assert [event.code for event in story.told(TokenLost)] == ["TOKEN_ENDPOINT_FAILED"]


def test_an_endpoint_that_repeats_the_token(story):
    """What it says of an error is told without it."""
    said = {"error": "invalid_grant", "error_description": "unknown: refresh-1"}
    story.cloud.answer_token_next(Answer(400, json.dumps(said).encode()))
    story.expire()

    message = story.command()["message"]

    assert message.endswith("invalid_grant (unknown: ***).")
    assert [event.message for event in story.told(TokenLost)] == [message]


def test_a_server_that_stops_waits_for_a_refresh(tmp_path):
    """What comes of it may be the only valid tokens: it is stored before the database is closed."""
    with ScriptedFulfillment() as cloud:
        cloud.rotating = True
        cloud.refresh_tokens["refresh-1"] = "token-2"
        release = threading.Event()
        settings = settings_in(
            tmp_path, an_integration(cloud), database=str(tmp_path / "home.db"), grace_seconds=0.0
        )
        with ThreadPoolExecutor(1) as pool, Served(settings) as served:
            served.until_link(lambda link: link.state is LinkState.LINKED)
            cloud.homes = {"token-2": Home()}
            cloud.answer_token_next(Answer(hold=release))
            served.request_sync(**{"async": True})
            until(lambda: any(call.path == "/token" for call in cloud.calls), "a refresh")
            waiting = pool.submit(released, served, release)
        waiting.result()
        with Served(settings) as served:
            assert served.request_sync().status == 200
        assert {call.token for call in cloud.intents(SYNC)[2:]} == {"token-2"}


# --- by hand ---------------------------------------------------------------------------------------------------------


def by_hand(story, what):
    """Call the admin API; the answer."""
    return story.served.admin("POST", f"links/{what}", project="acme", user="ann")


def test_refreshing_by_hand(story):
    """It tells what came, and what is wrong with it."""
    story.cloud.rotating = True

    came = by_hand(story, "refresh").json

    assert (came["refreshed"], came["expires_in"], came["rotated"]) == (True, 3600, True)
    assert (came["same_access_token"], came["findings"]) == (False, [])
    assert came["token"]["expires_at"] == "1970-01-12T14:46:40.000Z"
    assert len(story.refreshes) == 1
    story.cloud.refresh_tokens = {"refresh-1-next": "token-2"}
    story.cloud.rotating = False
    again = by_hand(story, "refresh").json
    assert (again["rotated"], again["same_access_token"]) == (False, True)
    assert [one["rule"] for one in again["findings"]] == ["token-not-renewed"]
    assert "token-2" not in json.dumps(again)


def test_the_same_token_is_a_finding_of_the_run(story):
    """Who refreshes on the way to a SYNC is told there."""
    story.cloud.refresh_tokens["refresh-1"] = "token-1"
    story.pass_time(LIFETIME)

    assert story.served.request_sync().status == 200
    (run, *_) = story.served.do(story.served.house.store.runs())
    assert [finding.rule for finding in run.findings] == ["token-not-renewed"]
    assert [event.same for event in story.told(TokenRefreshed)] == [True]


def test_refreshing_by_hand_does_not_wait_for_a_back_off(story):
    """And what fails is told with its reason; the link shows it until it is over."""
    story.cloud.answer_token_next(Answer(503, b""))
    refused = by_hand(story, "refresh")
    link = story.served.admin("GET", "link?project=acme&user=ann").json
    assert (refused.status, refused.json["error"]["reason"]) == (403, "TOKEN_ENDPOINT_FAILED")
    assert (link["token"]["failures"], link["state"]) == (1, "linked")
    assert link["token"]["error"] == "The token endpoint answered HTTP 503."
    assert link["token"]["retry_at"].startswith("1970-01-12T13:46:4")

    came = by_hand(story, "refresh").json
    assert came["refreshed"]
    assert came["token"]["failures"] == 0


def test_a_token_that_was_made_to_expire(story):
    """Nothing is sent, and the next intent refreshes first."""
    link = by_hand(story, "expire").json
    assert (link["state"], story.refreshes) == ("linked", [])
    story.expire()

    assert story.command()["ok"]
    assert [call.token for call in story.cloud.intents(EXECUTE)] == ["token-2"]


def test_a_grant_that_was_made_to_be_refused(story):
    """Nothing is sent, nobody is asked any more, and a refresh brings the link back, with a SYNC."""
    link = by_hand(story, "revoke").json
    again = by_hand(story, "revoke").json
    calls = len(story.cloud.calls)

    assert (link["state"], link["problem"]) == ("broken", "TOKEN_REFUSED")
    assert again["state"] == "broken"
    assert [event.state for event in story.told(LinkChanged)] == [LinkState.BROKEN]
    answer = story.served.request_sync()
    assert (answer.status, answer.reason, len(story.cloud.calls)) == (403, "LINK_BROKEN", calls)
    story.expire()
    assert by_hand(story, "refresh").json["state"] == "linked"
    story.served.until(idle)
    assert story.cloud.intents(SYNC)[-1].token == "token-2"


@pytest.mark.parametrize("what", ["refresh", "expire", "revoke"])
def test_there_is_no_such_link(story, what):
    """None of the three makes one, or brings one back that has ended."""
    nobody = story.served.admin("POST", f"links/{what}", project="acme", user="ben")
    story.served.admin("POST", "links/unlink", project="acme", user="ann")
    ended = by_hand(story, what)

    assert (nobody.status, ended.status) == (404, 404)


@pytest.mark.parametrize("what", ["refresh", "expire"])
def test_there_is_nothing_to_refresh_with(tmp_path, what):
    """Without a refresh token both are refused: the token lasts until a 401."""
    with ScriptedFulfillment() as cloud:
        grant = LinkSettings("ann", Secret("token-1"))
        settings = settings_in(tmp_path, an_integration(cloud, links=(grant,)))
        with Served(settings) as served:
            refused = served.admin("POST", f"links/{what}", project="acme", user="ann")

    assert (refused.status, refused.json["error"]["reason"]) == (403, "NOT_ALLOWED")
    assert "There is no refresh token" in refused.json["error"]["message"]
