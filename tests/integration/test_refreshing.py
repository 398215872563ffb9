"""Tokens by real sockets: when they are refreshed, who asks, and what becomes of the link."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from homegraph.errors import StoreUnavailable
from homegraph.graph.model import LinkState
from homegraph.service.events import LinkChanged, TokenLost, TokenRefreshed
from homegraph.service.outbound import Heard
from homegraph.service.refreshing import OFFER_AGAIN_SECONDS, REFRESH, Refreshing
from homegraph.testing.fulfillment import EXECUTE, QUERY, SYNC, Answer, Home, ScriptedFulfillment
from support.served import WAIT_SECONDS, Served, an_integration, settings_in
from support.server import until
from support.stories import LIFETIME, idle, told

INTENTS = 50


@pytest.fixture
def story(tmp_path):
    """A linked user; refresh-1 buys token-2."""
    with told(tmp_path) as story:
        yield story


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


def test_a_token_that_is_good_for_ever_is_told_of(story):
    """Some servers say so by a number beyond all years; the link is shown all the same."""
    story.pass_time(LIFETIME)
    story.expire()
    reply = {"access_token": "token-2", "token_type": "Bearer", "expires_in": 1e300}
    story.cloud.answer_token_next(Answer(200, json.dumps(reply).encode()))

    assert story.served.request_sync().status == 200
    shown = story.served.admin("GET", "link?project=acme&user=ann").json
    assert shown["token"]["expires_at"] == "9999-12-31T23:59:59.000Z"


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
    """None of them is sent with it; one refresh, fifty successes, and one journal that has it."""
    story.expire()
    story.pass_time(LIFETIME)

    assert all_at_once(story) == [True] * INTENTS
    assert len(story.refreshes) == 1
    assert {call.token for call in story.cloud.intents(EXECUTE)} == {"token-2"}
    assert story.served.do(recorded(story.served.house.store)).count(REFRESH) == 1


async def recorded(store):
    """What was sent, as all the journals of runs and errands have it."""
    runs = [await store.find_run(run.id) for run in await store.runs()]
    errands = [await store.find_errand(errand.id) for errand in await store.errands()]
    return [exchange.intent for *_, exchanges in (*runs, *errands) for exchange in exchanges]


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
        heard = [Heard("", link) for _ in processes]
        syncs = zip(processes, heard, strict=True)
        tasks = [asyncio.ensure_future(outbound.sync(project, one)) for outbound, one in syncs]
        await asyncio.to_thread(story.cloud.wait_for, 3, SYNC)  # one of them is the linking's
        release.set()
        first, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        while not all(task.done() for task in tasks):
            story.clock.advance(1.0)  # the other one looks again
            await asyncio.wait(tasks, timeout=0.01)
        for task in tasks:
            task.result()
        return len(first), heard

    _, heard = story.served.do(both())

    assert [one.error for one in heard] == [None, None]
    assert len(story.refreshes) == 1
    assert story.link.state is LinkState.LINKED


class Forgetful:
    """A store whose disk is full when tokens are to be kept, for the first time."""

    def __init__(self, store):
        self.store, self.fails = store, True

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def follow_tokens(self, *args):
        """Fail once."""
        if self.fails:
            self.fails = False
            raise StoreUnavailable("The disk is full.")
        return await self.store.follow_tokens(*args)


def test_tokens_that_could_not_be_stored(story):
    """They are not used, and not lost: the next intent stores them first, and asks nobody again."""
    story.cloud.rotating = True
    story.expire()
    house, link = story.served.house, story.link
    store = Forgetful(house.store)
    refreshing = replace(house.outbound.refreshing, store=store)
    outbound = replace(house.outbound, refreshing=refreshing)

    async def sync():
        (project,) = await house.store.projects()
        heard = Heard("", link)
        await outbound.sync(project, heard)
        return heard

    first, second = story.served.do(sync()), story.served.do(sync())

    assert first.error.code == "STORE_UNAVAILABLE"
    assert (second.error, len(story.refreshes)) == (None, 1)
    assert [call.token for call in story.cloud.intents(SYNC)[1:]] == [
        "token-1",
        "token-1",
        "token-2",
    ]
    assert story.link.tokens == second.link.tokens


def test_tokens_that_could_not_be_stored_are_offered_again(story):
    """Nobody here may ask for them again before another process has its turn, with a refresh token that is spent."""
    story.cloud.rotating = True
    story.expire()
    house, link = story.served.house, story.link
    store = Forgetful(house.store)
    outbound = replace(
        house.outbound, refreshing=replace(house.outbound.refreshing, store=store, _unsaved={})
    )

    async def sync_and_wait():
        (project,) = await house.store.projects()
        heard = Heard("", link)
        await outbound.sync(project, heard)
        story.clock.advance(OFFER_AGAIN_SECONDS)
        async with asyncio.timeout(WAIT_SECONDS):
            while (await house.store.find_link("acme", "ann")).tokens == link.tokens:
                pass
        return heard.error.code

    assert story.served.do(sync_and_wait()) == "STORE_UNAVAILABLE"
    assert story.served.request_sync().status == 200
    assert len(story.refreshes) == 1


def test_tokens_that_could_not_be_stored_before_the_end(story):
    """A server that stops offers them to the database once more: nobody else has them."""
    story.cloud.rotating = True
    story.expire()
    house, link = story.served.house, story.link
    refreshing = replace(house.outbound.refreshing, store=Forgetful(house.store))
    outbound = replace(house.outbound, refreshing=refreshing)

    async def until_the_end():
        (project,) = await house.store.projects()
        heard = Heard("", link)
        await outbound.sync(project, heard)
        before = await house.store.find_link("acme", "ann")
        await refreshing.close()
        return heard.error.code, before.tokens

    assert story.served.do(until_the_end()) == ("STORE_UNAVAILABLE", link.tokens)
    assert story.link.tokens != link.tokens
    assert story.served.request_sync().status == 200
    assert len(story.refreshes) == 1


def test_a_refusal_in_execute_breaks_the_link(story):
    """The caller is told, everybody hears of it once, and no intent is sent any more: Request Sync is refused."""
    story.cloud.refresh_tokens.clear()
    story.expire()

    assert story.command()["reason"] == "TOKEN_REFUSED"
    assert (story.link.state, story.link.problem) == (LinkState.BROKEN, "TOKEN_REFUSED")
    (lost,) = story.told(TokenLost)
    assert (lost.project_id, lost.user_id, lost.code) == ("acme", "ann", "TOKEN_REFUSED")
    assert story.told(LinkChanged) == [LinkChanged.of(story.link)]
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


def test_a_link_that_ends_during_a_command(story):
    """The device was not reached, for that reason, and the errand is over."""
    hold = threading.Event()
    story.cloud.answer_execute_next(Answer(401, b"{}", hold=hold))
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(story.command)
        story.cloud.wait_for(1, EXECUTE)
        story.served.admin("POST", "links/unlink", project="acme", user="ann")
        hold.set()
        told = caller.result()
    _, errand = story.served.admin("GET", "errands").json["errands"]

    assert told["reason"] == "NOT_FOUND"
    assert (errand["intent"], errand["finished_at"] is not None) == (
        EXECUTE.rpartition(".")[2],
        True,
    )


def test_a_link_that_ends_during_the_first_query(tmp_path, caplog):
    """The token is refused and there is no link any more whose token it was: the run ends, and it is nobody's bug."""
    hold = threading.Event()

    async def is_over(house):
        async with asyncio.timeout(WAIT_SECONDS):
            while house.runs.leases:
                await house.store.counts()

    with ScriptedFulfillment() as cloud:
        cloud.answer_query_next(Answer(401, b"{}", hold=hold))
        with Served(settings_in(tmp_path, an_integration(cloud))) as served:
            cloud.wait_for(1, QUERY)
            ended = served.admin("POST", "links/unlink", project="acme", user="ann")
            hold.set()
            served.do(is_over(served.house))

    assert ended.json["state"] == "unlinked"
    assert "unexpectedly" not in caplog.text


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


async def doors_are_shut():
    """Nothing of the server is left but its house, whose end comes next."""
    return "door" not in {task.get_name() for task in asyncio.all_tasks()}


def released(served, release):
    """Let go when the server has handed its runs back and shut its doors, and would have closed the database since."""
    until(lambda: served.do(doors_are_shut()), "the end of the doors")
    try:
        for _ in range(50):
            served.do(served.house.store.counts())
    finally:
        release.set()


def test_a_token_that_is_good_for_a_moment_yet(story):
    """The endpoint fails a minute before the end: the intent goes out with the old token."""
    story.cloud.answer_token_next(Answer(503, b""))
    story.pass_time(LIFETIME - 30)

    assert story.command()["ok"]
    assert story.command()["ok"]
    assert len(story.refreshes) == 1
    assert [event.code for event in story.told(TokenLost)] == ["TOKEN_ENDPOINT_FAILED"]


def test_an_answer_that_cannot_be_used_keeps_its_secrets(story):
    """A refresh token without an access token is no answer; the journal does not have it all the same."""
    story.cloud.answer_token_next(Answer(body=b'{"refresh_token":"refresh-7"}'))
    story.expire()

    assert story.served.request_sync().reason == "TOKEN_ENDPOINT_FAILED"
    (newest, *_) = story.served.do(story.served.house.store.runs())
    _, exchanges = story.served.do(story.served.house.store.find_run(newest.id))
    assert [one.intent for one in exchanges] == ["SYNC", "token refresh"]
    assert exchanges[1].response_body == b'{"refresh_token":"***"}'


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
def test_an_endpoint_that_repeats_the_token(story, error):
    """What it says of an error is told without it."""
    said = {"error": error, "error_description": "unknown: refresh-1"}
    story.cloud.answer_token_next(Answer(400, json.dumps(said).encode()))
    story.expire()

    message = story.command()["message"]

    assert message.endswith(f"{error} (unknown: ***).")
    assert [event.message for event in story.told(TokenLost)] == [message]


def test_a_server_that_stops_does_not_wait_for_another_one(story):
    """Whose turn it is not will not get one: nothing of his can be lost."""
    house, link = story.served.house, story.link
    story.expire()

    async def stopped():
        store, now = house.store, house.clock.now()
        await store.begin_refresh("acme", "ann", link.tokens, now, lease_seconds=1_000.0)
        (project,) = await store.projects()
        heard = Heard("", link)
        syncing = asyncio.ensure_future(house.outbound.sync(project, heard))
        await asyncio.to_thread(story.cloud.wait_for, 2, SYNC)
        await house.outbound.refreshing.close()
        await syncing
        return heard

    assert story.served.do(stopped()).error.code == "SERVER_STOPPING"
    assert story.refreshes == []


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
        assert len([call for call in cloud.calls if call.path == "/token"]) == 1
