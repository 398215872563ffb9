"""A server that is started on a database of a time that has not come yet."""

import pytest

from homegraph.graph.model import LinkState
from homegraph.service.clock import SystemClock
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import ScriptedFulfillment
from support.served import Served, an_integration, settings_in

DAY = 86_400


@pytest.mark.parametrize("set_back", [0, DAY])
def test_what_came_last_is_listed_first(tmp_path, set_back):
    """Journals are read from their newest entry on, and that is the one that was written last, whatever the clock said then."""
    now, told = SystemClock().now(), []
    with ScriptedFulfillment() as cloud:
        settings = settings_in(
            tmp_path, an_integration(cloud), database=f"sqlite:{tmp_path / 'home.db'}"
        )
        for clock in (ManualClock(now), ManualClock(now - set_back)):
            with Served(settings, clock) as served:
                served.until_link(lambda link: link.agent_user_id)
                for _ in range(2):
                    assert served.request_sync().status == 200
                    asked = {"project": "acme", "agent_user": "user-1", "devices": ["lamp"]}
                    assert served.admin("POST", "query", **asked).status == 200
                store = served.house.store
                told.append(
                    [
                        [one.started_at for one in served.do(journal("acme", "user-1", limit=2))]
                        for journal in (store.runs, store.errands)
                    ]
                )

    assert told == [[[now] * 2] * 2, [[now - set_back] * 2] * 2]


@pytest.mark.parametrize("set_back", [0, DAY])
def test_an_unlinking_that_was_begun_is_ended(tmp_path, set_back):
    """Its user wanted it, whatever the clock said then: the process that began it has died, and the next one ends the link."""
    now = SystemClock().now()
    with ScriptedFulfillment() as cloud:
        settings = settings_in(
            tmp_path, an_integration(cloud), database=f"sqlite:{tmp_path / 'home.db'}"
        )
        with Served(settings, ManualClock(now)) as served:
            served.until_link(lambda link: link.agent_user_id)
            served.do(served.house.store.begin_unlink("acme", "ann", now))
        with Served(settings, ManualClock(now - set_back)) as served:
            served.until_link(lambda link: link.state is LinkState.UNLINKED)
