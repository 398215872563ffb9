"""What an export is made of, and what follows an import in the server that makes it."""

from homegraph.service import moving
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


def test_a_page_goes_on_where_the_one_before_ended(tmp_path, monkeypatch):
    """Each piece comes once and in one order, however small the pages are, through all projects."""
    with (
        ScriptedFulfillment() as cloud,
        Served(
            settings_in(
                tmp_path,
                *(an_integration(cloud, id=name, api_keys=()) for name in ("acme", "best", "calm")),
            )
        ) as served,
    ):
        for name in ("acme", "best", "calm"):
            served.until_link(lambda link: link.agent_user_id, project=name)
        whole = served.admin("POST", "export").json
        monkeypatch.setattr(moving, "PAGE_BYTES", 1)
        monkeypatch.setattr(moving, "PIECES_AT_ONCE", 1)
        pages, after = [], {}
        while not (pages and pages[-1]["done"]) and len(pages) < 10:
            pages.append(served.admin("POST", "export", **after).json)
            last = pages[-1]["lines"][-1]
            is_project = last["kind"] == "project"
            after = {
                "kind": last["kind"],
                "project": last["project"]["id"] if is_project else last["project_id"],
                "id": "" if is_project else last["agent_user_id"],
            }

    assert whole["done"]
    assert len(whole["lines"]) == 6
    assert [len(page["lines"]) for page in pages] == [1] * 6
    assert [line for page in pages for line in page["lines"]] == whole["lines"]
