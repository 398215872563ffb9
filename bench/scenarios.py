"""What is measured: one row each. Only data; ``rounds`` knows how a row is carried out.

Another database, another call or a peer is another row or another ``Server``; no row knows of the others, except that every
figure is shown as a ratio to ``FLOOR``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Server(StrEnum):
    """What answers the calls."""

    FLOOR = "floor"
    HOMEGRAPH = "homegraph"
    PROXY = "proxy"
    POSTGRES = "postgres"


class Change(StrEnum):
    """What changes in a home with each SYNC."""

    NONE = "none"
    ONE = "one"
    ALL = "all"


class Call(StrEnum):
    """What is called.

    Request Sync with an API key, the end of a linking at the admin API, everything else with the access token of a service account.
    """

    REQUEST_SYNC = "requestSync"
    REQUEST_SYNC_ASYNC = "requestSync, async"
    REPORT_ONE = "reportStateAndNotification, one device"
    REPORT = "reportStateAndNotification, two devices"
    REPORT_ALL = "reportStateAndNotification, twenty devices"
    QUERY = "query, two devices"
    QUERY_ONE = "query, one device"
    SYNC = "sync"
    FORWARD = "a SYNC and its reply, passed on"
    LINK = "the end of a linking, from its code to the answer to the first QUERY"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row.

    ``call`` is what is called, ``changes`` what the fulfillment does. ``is_one_user``: all calls are for the same agent
    user, otherwise each is for another one, in turn. ``is_held``: the fulfillment keeps every run waiting meanwhile, so that
    what is measured is accepting requests and nothing else. ``is_drain``: what is measured is what comes after that, when the
    replies are released and all that waits is run. ``is_large``: of the homes that have ten times as many devices.
    ``share`` is how many calls a round has, as a part of the usual.
    """

    name: str
    title: str
    server: Server = Server.HOMEGRAPH
    call: Call = Call.REQUEST_SYNC
    changes: Change = Change.NONE
    is_one_user: bool = False
    is_held: bool = False
    is_drain: bool = False
    is_large: bool = False
    share: float = 1.0


FLOOR: Final = Scenario("floor", "bare uvicorn POST", server=Server.FLOOR, share=4.0)

PROXY: Final = Scenario(
    "proxy", "nginx, passing on the same exchange", server=Server.PROXY, call=Call.FORWARD
)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    FLOOR,
    PROXY,
    Scenario("sync-none", "sync mode, none changed"),
    Scenario("sync-one", "sync mode, one changed", changes=Change.ONE),
    Scenario("sync-all", "sync mode, all changed", changes=Change.ALL),
    Scenario(
        "sync-large",
        "sync mode, 200 devices, one changed",
        changes=Change.ONE,
        is_large=True,
        share=0.25,
    ),
    Scenario("async", "async, durable enqueue", call=Call.REQUEST_SYNC_ASYNC, is_held=True),
    Scenario(
        "duplicates",
        "async, all for one agent user",
        call=Call.REQUEST_SYNC_ASYNC,
        is_one_user=True,
        is_held=True,
        share=2.0,
    ),
    Scenario(
        "drain",
        "worker, runs that waited",
        call=Call.REQUEST_SYNC_ASYNC,
        changes=Change.ONE,
        is_held=True,
        is_drain=True,
    ),
    # Few: a project may begin a thousand linkings in an hour, and eleven rounds must do.
    Scenario("first-link", "first link, twenty devices", call=Call.LINK, share=0.04),
    Scenario("report-one", "reportState, one device", call=Call.REPORT_ONE, share=2.0),
    Scenario("report", "reportState, two devices", call=Call.REPORT, share=2.0),
    Scenario("report-all", "reportState, twenty devices", call=Call.REPORT_ALL, share=0.5),
    Scenario("sync-api", "devices:sync, twenty devices", call=Call.SYNC),
    Scenario("query", "query, two devices", call=Call.QUERY, share=2.0),
    # The least that a call with an access token can ask for: what is left beside the check is small.
    Scenario("token", "token check (query, one device)", call=Call.QUERY_ONE, share=2.0),
)


def on_postgres(scenario: Scenario) -> Scenario:
    """The same row on PostgreSQL."""
    return replace(
        scenario,
        name=f"{scenario.name}-pg",
        title=f"{scenario.title}, PostgreSQL",
        server=Server.POSTGRES,
    )
