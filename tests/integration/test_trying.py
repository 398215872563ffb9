"""Tokens refreshed, expired and revoked by hand, to see how an integration takes it."""

import json

import pytest

from homegraph.graph.model import LinkState
from homegraph.service.events import LinkChanged, TokenRefreshed
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import EXECUTE, SYNC, Answer, ScriptedFulfillment
from support.served import Served, an_integration, settings_in
from support.stories import LIFETIME, idle, told


@pytest.fixture
def story(tmp_path):
    """A linked user; refresh-1 buys token-2."""
    with told(tmp_path) as story:
        yield story


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


def test_refreshing_by_hand_what_was_refreshed_a_moment_ago(story):
    """Whoever asks about tokens that the link does not hold any more gets the newer ones, and nobody is asked."""
    house, before = story.served.house, story.link
    story.expire()
    assert story.command()["ok"]

    async def insisted():
        (project,) = await house.store.projects()
        return await house.outbound.refreshing.insisted(project, before)

    landing = story.served.do(insisted())
    assert (landing.news, landing.error, len(story.refreshes)) == (None, None, 1)
    assert landing.link == story.link


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
