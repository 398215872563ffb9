"""What follows an import in the server that makes it."""

from homegraph.service.clock import SystemClock
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import ScriptedFulfillment
from support.served import Served, an_integration, settings_in


def test_work_that_comes_is_done_at_once(tmp_path):
    """The loop is woken: the time stands still, so it would not look by itself. A home that is idle is left in peace."""
    clock = ManualClock(SystemClock().now())
    with (
        ScriptedFulfillment() as cloud,
        Served(settings_in(tmp_path, an_integration(cloud)), clock) as served,
    ):
        served.until_link(lambda link: link.agent_user_id)
        page = served.admin("POST", "export").json
        idle = next(line for line in page["lines"] if line["kind"] == "agent_user")
        lines = []
        for name, work in (("idle", None), ("busy", {"requested": 2, "done": 1})):
            link = {**idle["links"][0]["link"], "user_id": name, "agent_user_id": name}
            links = [{"link": link}]
            lines.append({**idle, "agent_user_id": name, "links": links, "work": work})
        head = {"version": page["header"]["version"], "key": page["header"]["key"]}
        done = served.admin("POST", "import", **head, lines=lines).json

        async def has_run(house):
            return await house.store.runs("acme", "busy")

        served.until(has_run)
        runs = served.admin("GET", "runs?project=acme&agent_user=idle").json["runs"]

    assert (done["added"], runs) == (2, [])
