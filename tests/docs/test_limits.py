"""The page of limits says what the code says."""

import re
from pathlib import Path

import pytest

from homegraph.graph import (
    destinations,
    errands,
    judging,
    linking,
    naming,
    quota,
    reporting,
    syncing,
)
from homegraph.graph import refreshing as decided
from homegraph.graph.checks import syncs
from homegraph.http import coding, pool, reading, reply, trust
from homegraph.server import doors, process, workers
from homegraph.service import (
    asking,
    authorities,
    beside,
    budgets,
    code_exchange,
    credentials,
    doctor,
    lines,
    moving,
    promises,
    refreshing,
    remembered,
    requesting,
    service_accounts,
    unlinking,
    unsettled,
    upkeep,
)
from homegraph.service import errands as service_errands
from homegraph.service import linkings as service_linkings
from homegraph.service.http import posting, resolving
from homegraph.settings.server import SETTINGS
from homegraph.store import copies, linking_rows, packing
from homegraph.store.postgres import opening
from homegraph.store.postgres import pool as store_pool
from homegraph.store.sqlite import brief, lane
from homegraph.web import bounded, caller, exchange, link_page
from homegraph.web import linking as web_linking
from homegraph.wire import (
    assertions,
    authorization,
    intents,
    lenient_json,
    parameters,
    proto_json,
    transcoding,
)
from homegraph.wire.status import row_of

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "limits.md").read_text()

FIXED = {
    "head of a call, what stands between chunks, trailers": f"{bounded.HEAD_BYTES_MAX // 1024} KiB",
    "time for sending a head, from its first byte; for sending any on a new connection": (
        f"{bounded.HEAD_SECONDS_MAX:.0f} s"
    ),
    "an answer of which nothing is read": f"{bounded.UNREAD_SECONDS_MAX:.0f} s",
    "rest of a connection between two calls": f"{doors.KEEP_ALIVE_SECONDS} s",
    "time for sending a body": f"{exchange.BODY_SECONDS_MAX:.0f} s",
    "head of a call that a connection remembers": (
        f"the last one, up to {caller.REMEMBERED_BYTES // 1024} KiB"
    ),
    "body that is waited for before the credential is looked at": (
        f"{caller.SHORT_BODY_BYTES // 1024} KiB, {caller.SHORT_BODY_SECONDS * 1000:.0f} ms"
    ),
    "query of a call": (
        f"{parameters.QUERY_BYTES_MAX // 1024} KiB, {parameters.PARAMETERS_MAX} parameters"
    ),
    "`agentUserId`": f"{transcoding.AGENT_USER_ID_BYTES_MAX} bytes",
    "`agentUserId` in an answer to SYNC": f"{transcoding.AGENT_USER_ID_BYTES_MAX} bytes",
    "id of a device": f"{intents.DEVICE_ID_BYTES_MAX} bytes",
    "nested objects in JSON": (
        f"{lenient_json.OBJECTS_DEEP_MAX}; objects and lists together "
        f"{lenient_json.CONTAINERS_DEEP_MAX}"
    ),
    "mistakes named in one answer": (
        f"{reporting.VIOLATIONS_MAX} states, {proto_json.VIOLATIONS_MAX} fields"
    ),
    "sync-mode calls that wait": f"{requesting.SYNC_CALLS_MAX} at once",
    "answer of a sync-mode call": f"{syncing.SYNC_CALL_SECONDS:.0f} s",
    "assertion of a service account": (
        f"{assertions.JWT_CHARS_MAX} characters, {assertions.LIFETIME_SECONDS_MAX // 60} minutes"
    ),
    "access tokens issued to a project": (
        f"{budgets.TOKENS_PER_MINUTE_MAX} in {quota.WINDOW_SECONDS} s"
    ),
    "on PostgreSQL: instances": (
        f"listed for {upkeep.SILENT_SECONDS_MAX:.0f} s after they were heard of, "
        f"kept for {upkeep.FORGOTTEN_SECONDS:.0f} s"
    ),
    "runs that the database did not take": (
        f"{unsettled.UNSETTLED_MAX} in a process; "
        f"sent again after {unsettled.HAND_BACK_AFTER_SECONDS:.0f} s"
    ),
    "a worker that is to end": f"`grace_seconds` and {workers.PATIENCE_SECONDS:.0f} s",
    "a worker that dies": (
        f"started again after {workers.PAUSE_FIRST_SECONDS} s, then twice as long each time, "
        f"up to {workers.PAUSE_LONGEST_SECONDS:.0f} s"
    ),
    "open files of a process, connections among them": f"{process.FILES_MAX}",
    "fulfillments, links and the like that `homegraph doctor` names": (
        f"of each {doctor.NAMED_MAX} that are well and {doctor.NAMED_MAX} that are not"
    ),
    "fulfillments that `homegraph doctor` tries": (
        f"as many as {doctor.TRYING_SECONDS_MAX:.0f} s allow, {doctor.TRIES_AT_ONCE_MAX} at once, "
        f"{doctor.TRY_SECONDS_MAX:.0f} s for each"
    ),
    "connections that wait to be accepted": f"{doors.CONNECTIONS_WAITING_MAX}",
    "a caller's connection that rests": f"{doors.KEEP_ALIVE_SECONDS} s",
    "reply to SYNC that is read at once": f"{asking.READ_AT_ONCE_MAX_BYTES // 1024**2} MiB",
    "its new devices, and other answers, that are looked into at once": (
        f"{beside.AT_ONCE_MAX_BYTES // 1024} KiB"
    ),
    "threads that look into long answers": f"{beside.THREADS_MAX}",
    "connecting to a fulfillment": f"{posting.CONNECT_SECONDS:.0f} s",
    "resolving a name": (
        f"{resolving.LOOK_UP_SECONDS:.0f} s, {resolving.LOOK_UPS_MAX} names at once, "
        f"{resolving.ADDRESSES_MAX} addresses of each"
    ),
    "head of a reply": (
        f"{reading.UNSEEN_MAX_BYTES // 1024} KiB, {reading.HEADERS_MAX} headers, "
        f"{reading.INTERIM_MAX} interim answers"
    ),
    "streams of a gzip body": f"{coding.GZIP_MEMBERS_MAX}",
    "URL of a fulfillment": f"{destinations.URL_CHARS_MAX} characters",
    "`ca_file`": f"{authorities.FILE_BYTES_MAX // 1024} KiB",
    "idle connections": (
        f"{pool.IDLE_MAX}, {pool.IDLE_PER_PLACE_MAX} to one place, {pool.IDLE_SECONDS:.0f} s"
    ),
    "answers of resolvers remembered": (
        f"{resolving.ANSWERS_MAX}, for {resolving.ANSWER_SECONDS:.0f} s"
    ),
    "URLs and certificate bundles remembered": (
        f"{posting.ROUTES_REMEMBERED_MAX}, {trust.CONTEXTS_MAX}"
    ),
    "heads of replies remembered": (
        f"{reply.HEADS_KEPT_MAX}, of at most {reply.HEAD_KEPT_MAX_BYTES // 1024} KiB"
    ),
    "linking an account": f"{authorization.STATE_SECONDS / 60:.0f} minutes",
    "waiting for a linking in one call": f"{service_linkings.WAIT_SECONDS_MAX:.0f} s",
    "form of the page that links accounts": f"{link_page.FORM_BYTES_MAX} bytes",
    "linkings of a project": (
        f"{linking_rows.LINKINGS_MAX}, kept for {linking_rows.LINKINGS_KEPT_SECONDS / 86_400:.0f} days"
    ),
    "steps of a linking that are kept": (
        f"{linking.STEPS_MAX}, {code_exchange.BODY_BYTES_MAX // 1024} KiB"
    ),
    "linkings of a user in one trace": f"{service_linkings.TRACES_SHOWN_MAX}",
    "fragment of the implicit flow": f"{web_linking.FRAGMENT_BYTES_MAX} bytes",
    "telling a fulfillment that a user unlinks (DISCONNECT)": (
        f"{unlinking.GOODBYE_SECONDS:.0f} s with a refresh"
    ),
    "answer of a token endpoint": (
        f"{refreshing.TOKEN_SECONDS:.0f} s, {refreshing.TOKEN_REPLY_MAX_BYTES // 1024} KiB"
    ),
    "refresh of a token before it ends": (
        f"{decided.EXPIRY_MARGIN_SECONDS:.0f} s, or {decided.EXPIRY_MARGIN_SHARE:.0%}"
    ),
    "refresh under way": f"{decided.REFRESH_LEASE_SECONDS:.0f} s",
    "token endpoint that fails": (
        f"{decided.BACK_OFF.first:.0f} s after the first failure, {decided.BACK_OFF.longest:.0f} s"
    ),
    "devices of an EXECUTE or a live QUERY": (
        f"{naming.DEVICES_PER_INTENT_MAX}; those of one command or call {service_errands.DEVICES_MAX}"
    ),
    "waiting for follow-ups in one call": f"{service_errands.WAIT_SECONDS_MAX:.0f} s",
    "homes that `homegraph doctor` looks into": f"{promises.HOMES_LOOKED_AT_MAX} of a project",
    "follow-up of an EXECUTE": f"{errands.FOLLOW_UP_SECONDS:.0f} s",
    "devices of a reply": f"{intents.DEVICES_MAX}",
    "`Retry-After` of a fulfillment": f"{intents.RETRY_AFTER_SECONDS_MAX:.0f} s",
    "findings about one answer": f"{syncs.TOLD_MAX}",
    "findings kept of held devices": f"{judging.HELD_FINDINGS_MAX} of an agent user",
    "links of one run asked at once": f"{asking.LINKS_AT_ONCE_MAX}",
    "runs, exchanges, notifications": (
        f"within {upkeep.PRUNE_EVERY_SECONDS:.0f} s; within {upkeep.PRUNE_AGAIN_SECONDS:.0f} s "
        f"after {upkeep.MUCH} or more went"
    ),
    "body of an exchange": f"packed from {packing.PACKED_FROM_BYTES // 1024} KiB on",
    "log lines that nobody reads (a full pipe, a stopped terminal)": f"waited for {lines.STALL_MILLISECONDS} ms",
    "log lines that are written together": f"{lines.TOGETHER_MAX_BYTES // 1024} KiB",
    "a line of an export": f"{copies.LINE_BYTES_MAX >> 20} MiB",
    "lines of one call that exports or imports": (
        f"{copies.PAGE_LINES_MAX}, about {copies.PAGE_BYTES >> 20} MiB; {moving.PIECES_AT_ONCE} read, "
        f"{moving.LINES_AT_ONCE} stored at once"
    ),
    "keys of a service account": f"{service_accounts.KEYS_MAX}",
    "operations that wait for the database": f"{lane.QUEUE_MAX}",
    "operations of one commit": f"{lane.BATCH_MAX}",
    "on PostgreSQL: connections of a server": (
        f"{opening.CONNECTIONS} (`database_connections`), or what PostgreSQL grants | "
        f"a call waits up to {store_pool.ACQUIRE_SECONDS:.0f} s"
    ),
    "on PostgreSQL: asking for a connection that was refused": f"every {store_pool.FURTHER_SECONDS:.0f} s",
    "on PostgreSQL: a statement": f"{opening.STATEMENT_SECONDS:.0f} s",
    "on PostgreSQL: a migration that waits for a table which somebody reads": f"{opening.TABLE_SECONDS:.0f} s",
    "devices read or written on the spot": f"{brief.BRIEF_DEVICES_MAX}",
    "work of one commit on the loop's thread": f"{lane.LOOP_SECONDS_MAX * 1000:.0f} ms",
    "credentials remembered": (
        f"{credentials.REMEMBERED_MAX}, for {remembered.REMEMBERED_SECONDS:.0f} s"
    ),
}


@pytest.mark.parametrize(("what", "bound"), FIXED.items())
def test_a_fixed_bound_is_the_constants(what, bound):
    """Each row has the number that the code has."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {what} |")]

    assert bound in row


def test_what_comes_beyond_a_bound_has_the_status_of_its_code():
    """A number before a code is the one that the code is answered with."""
    told = re.findall(r"\b(\d{3}) `([A-Z_]+)`", PAGE)

    assert told
    assert [(int(http), code) for http, code in told if row_of(code).http != int(http)] == []


def test_settings_that_are_named_exist():
    """A bound that is said to be a setting is one, and its default stands in the row."""
    defaults = {setting.name: setting.default for setting in SETTINGS}
    shown = {
        "body_max_bytes": "1 MiB",
        "quota_per_minute": "6000",
        "sync_timeout_seconds": "30 s",
        "reply_max_bytes": "8 MiB",
        "concurrency": "64",
        "project_concurrency": "16",
        "database_connections": "16",
        "project_exchanges": "128",
        "retry_attempts_max": "12",
        "runs_kept": "10000",
        "exchanges_kept": "2000",
        "notifications_kept": "1000",
        "history_days": "7",
        "journal_body_bytes": "64 KiB",
    }
    sizes = {"1 MiB": 2**20, "8 MiB": 2**23, "64 KiB": 2**16}
    for name, text in shown.items():
        assert f"`{name}`" in PAGE
        assert defaults[name] == sizes.get(text, int(text.split()[0])), name
