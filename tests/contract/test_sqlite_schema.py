"""What a database of before becomes, how a connection is set up, and that no row is ever without what it belongs to."""

import asyncio
import contextlib
import itertools
import json

import apsw
import pytest

from homegraph.graph.applying import fingerprint
from homegraph.graph.effects import RekeyLink, WriteDevices
from homegraph.graph.model import Link, LinkState, RefreshState, Tokens
from homegraph.graph.reporting import TraitState
from homegraph.store.migrate import migrations
from homegraph.store.port import Counts
from homegraph.store.sqlite import SqliteStore, opening
from homegraph.store.sqlite.opening import open_database
from homegraph.testing.store_contract.scene import Scene, stored, target

pytestmark = pytest.mark.anyio

FIRST = migrations("sqlite")[0]
BEFORE_0005 = tuple(one for one in migrations("sqlite") if one.number < 5)
BEFORE_0024 = tuple(one for one in migrations("sqlite") if one.number < 24)
LAMP = {"id": "lamp", "traits": ["OnOff", "Brightness"], "notificationSupportedByAgent": True}


@pytest.fixture
def path(tmp_path):
    """Where the database is, or will be."""
    return tmp_path / "home.db"


@contextlib.asynccontextmanager
async def opened(path):
    """An open store, closed in the end."""
    numbers = itertools.count()
    store = await SqliteStore.open(str(path), ids=lambda: f"i-{next(numbers)}", now=900.0)
    try:
        yield store
    finally:
        await store.close()


def write_old(path, *definitions):
    """A database of the first schema in which anna's agent user 1836 has devices with these definitions."""
    with contextlib.closing(apsw.Connection(str(path))) as file:
        file.execute(
            "CREATE TABLE migration (number INTEGER, phase TEXT, name TEXT, digest TEXT, applied_at REAL)"
        )
        file.execute(FIRST.sql)
        values = (FIRST.number, FIRST.phase, FIRST.name, FIRST.digest, 800.0)
        file.execute("INSERT INTO migration VALUES (?, ?, ?, ?, ?)", values)
        file.execute(
            "INSERT INTO project VALUES ('acme', 'x', '1', 1, 0, 'keep', '', x'', '', '', '[]', 'body', 0, '')"
        )
        file.execute(
            "INSERT INTO link VALUES ('acme', 'anna', 'linked', x'', x'', NULL, 1, '1836', x'', 'file', '', 1, 0)"
        )
        file.execute(
            "INSERT INTO agent_user (project_id, agent_user_id, linked) VALUES ('acme', '1836', 1)"
        )
        for number, definition in enumerate(definitions):
            file.execute(
                "INSERT INTO device VALUES ('acme', '1836', ?, ?, 5, 6, 'Attic', 'Sun', '[\"Ball\"]', '[\"room\"]', ?)",
                (f"device-{number}", fingerprint(definition), definition),
            )


@contextlib.contextmanager
def of_before(path, monkeypatch, known, *definitions):
    """The database as a server left it that knew these migrations, open for what else there was in it."""
    with monkeypatch.context() as before:
        before.setattr(opening, "migrations", lambda _: known)
        # Recovery is that of today, and asks for tables and columns of a later day.
        before.setattr(opening, "_recover", lambda *_: None)
        write_old(path, *definitions)
        open_database(path, str, 900.0).close()
    with contextlib.closing(apsw.Connection(str(path))) as file:
        yield file


async def test_devices_of_before_may_be_reported(path):
    """What may be reported is taken from the definitions that are there; nothing else changes."""
    definition = json.dumps(LAMP, indent=2).encode()
    write_old(path, definition, json.dumps(LAMP | {"traits": [], "x": "ü" * 9_000}).encode())
    async with opened(path) as store:
        scene = Scene(store)
        scene.now = 1.0
        one, two = await store.devices("acme", "1836")
        verdict = await scene.report({"device-0": {"on": True}}, settle_seconds=1.0)
        refused = await scene.report({"device-1": {"on": True}})

        assert verdict.is_accepted
        assert [one.code for one in refused.violations] == ["STATE_OF_UNDECLARED_TRAIT"]
        assert one.definition == definition
        assert (one.placement.room, one.placement.name) == ("Attic", "Sun")
        assert (one.placement.nicknames, one.placement.chosen) == (("Ball",), frozenset({"room"}))
        assert (one.added_at, one.changed_at, two.id) == (5.0, 6.0, "device-1")


@pytest.mark.parametrize(
    "change",
    [
        {"notificationSupportedByAgent": False},
        {"notificationSupportedByAgent": None},
        {"notificationSupportedByAgent": 1},
        {"notificationSupportedByAgent": "true"},
    ],
    ids=repr,
)
async def test_who_may_notify_after_the_change(path, change):
    """Only a device that said so in so many letters."""
    write_old(path, json.dumps(LAMP).encode(), json.dumps(LAMP | change).encode())
    opened_ = open_database(path, str, 900.0)
    rows = opened_.writer.connection.execute("SELECT traits, notifies FROM reported").fetchall()
    opened_.close()

    assert rows == [('["OnOff","Brightness"]', 1), ('["OnOff","Brightness"]', 0)]


@pytest.mark.parametrize("definition", [b"", b"{", b"[]", b'{"traits":7}', b'{"id":"\xff"}'])
async def test_a_definition_that_cannot_be_read(path, definition):
    """It does not keep the database from being opened; the device just has no traits."""
    write_old(path, definition, json.dumps(LAMP).encode())
    opened_ = open_database(path, str, 900.0)
    rows = opened_.writer.connection.execute(
        "SELECT traits, definition FROM reported JOIN definition USING (device)"
    ).fetchall()
    opened_.close()

    assert rows[0] == ("[]", definition)
    assert rows[1][0] == '["OnOff","Brightness"]'


async def test_states_of_before_are_states_still(path, monkeypatch):
    """Each with the trait that it belongs to and the time that it came, to the last digit; and the attributes of the devices."""
    attributes = {"commandOnlyOnOff": False, "x": ["é", 1.50]}
    definitions = [
        json.dumps(one).encode() for one in (LAMP | {"attributes": attributes}, LAMP, LAMP)
    ]
    with of_before(path, monkeypatch, BEFORE_0005, *definitions) as file:
        file.execute("UPDATE agent_user SET state_count = 3")
        file.executemany(
            "INSERT INTO trait_state VALUES ('acme', '1836', ?, ?, ?, ?)",
            [
                ("device-0", "OnOff", b'{"on":true}', 1_732_459_199.123_456_7),
                ("device-0", "Brightness", '{"brightness":6.50,"ü":"\\u0000"}'.encode(), 5.0),
                ("device-1", "online", b'{"online":false}', 0.1),
            ],
        )
    async with opened(path) as store:
        states = await store.states("acme", "1836")
        one = await store.states("acme", "1836", ["device-0"])
        counts = await store.counts()
    with contextlib.closing(apsw.Connection(str(path))) as file:
        kept = [row[0] for row in file.execute("SELECT attributes FROM reported")]

    assert states == {
        "device-0": (
            TraitState("device-0", "Brightness", '{"brightness":6.50,"ü":"\\u0000"}'.encode(), 5.0),
            TraitState("device-0", "OnOff", b'{"on":true}', 1_732_459_199.123_456_7),
        ),
        "device-1": (TraitState("device-1", "online", b'{"online":false}', 0.1),),
        "device-2": (),
    }
    assert one == {"device-0": states["device-0"]}
    assert counts.states == 3
    assert json.loads(kept[0]) == attributes
    assert kept[1:] == [b"", b""]


async def test_how_connections_are_set_up(path):
    """All that ``configure`` says holds, down to its last line."""
    opened_ = open_database(path, str, 900.0)
    writer, reader = opened_.writer.connection, opened_.reader.connection

    def told(connection, *names):
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    try:
        assert told(writer, "journal_mode", "synchronous", "foreign_keys") == ["wal", 2, 1]
        assert told(writer, "wal_autocheckpoint", "journal_size_limit") == [16_000, 67_108_864]
        assert told(writer, "cache_size", "temp_store") == [-32_768, 2]
        assert told(reader, "query_only", "cache_size", "temp_store") == [1, -16_384, 2]
    finally:
        opened_.close()


async def test_no_row_is_left_behind(path):
    """Reports beside SYNCs, moves and ends: every state has its device, and the counters are what is there."""
    lamp, plug = stored("lamp", traits=("OnOff",)), stored("plug", traits=("OnOff",))
    report = {"lamp": {"on": True, "online": True}, "plug": {"on": True}}
    async with opened(path) as store:
        scene = Scene(store)
        for turn in range(12):
            await scene.link(f"user-{turn}", "1836", lamp, plug)
            claim = await scene.start()
            effects = [(), (WriteDevices((), ("lamp",)),), (RekeyLink(f"user-{turn}", "1837"),)]
            reports = [
                scene.report(report, target=target(one)) for one in ("1836", "1837") for _ in "abc"
            ]
            reports.insert(turn % 5, scene.settle(claim, *effects[turn % 3]))
            await asyncio.gather(*reports)
            with contextlib.closing(apsw.Connection(str(path))) as file:
                assert file.execute("PRAGMA foreign_key_check").fetchall() == []
                (there,) = file.execute("SELECT sum(trait_count) FROM reported")
            assert (await store.counts()).states == (there[0] or 0)
            for _, agent_user_id in await store.agent_users():
                await store.delete_agent_user("acme", agent_user_id, scene.now)
            for claim in await scene.claims():
                await scene.settle(claim)

        counts = await store.counts()
        assert (counts.devices, counts.states) == (0, Counts().states)


async def test_exchanges_of_before_belong_to_their_run_still(path, monkeypatch):
    """Since errands have exchanges, too, their column has another name; since bodies are packed, theirs is not the only one."""
    body = b'{"devices":[' + b"x" * 9_000
    with of_before(path, monkeypatch, BEFORE_0005) as file:
        file.execute(
            "INSERT INTO run (run_id, project_id, agent_user_id, user_id, cause, mode, outcome, requested_at, "
            "started_at, finished_at, merged, attempt, reason, message, changes, results, findings) "
            "VALUES ('r-1', 'acme', '1836', '', 'request', 'async', 'done', 1, 1, 1, 1, 1, '', '', '{}', '[]', '[]')"
        )
        file.execute(
            "INSERT INTO exchange (project_id, run_id, intent, user_id, url, started_at, took, request_headers, "
            "request_body, status, response_headers, response_body, response_size, error) "
            "VALUES ('acme', 'r-1', 'SYNC', 'anna', 'x', 1, 1, '{}', x'', 200, '{}', ?, 9012, '')",
            (body,),
        )
    async with opened(path) as store:
        _, exchanges = await store.find_run("r-1")

    assert [(one.intent, one.response_body) for one in exchanges] == [("SYNC", body)]


async def test_links_of_before_are_links_still(path, monkeypatch):
    """Each with its tokens, whatever its state; those before a first SYNC are listed, and who wanted to be unlinked still does."""
    with of_before(path, monkeypatch, BEFORE_0024) as file:
        file.executemany(
            "INSERT INTO link (project_id, user_id, state, sealed_access, sealed_refresh, expires_at, created_at, agent_user_id, "
            "grant_digest, origin, problem, changed_at, fence_last, issued_at, refresh_until, refresh_failures, refresh_due_at, "
            "refresh_error) VALUES ('acme', ?, ?, x'a1', x'a2', 3, 4, ?, x'a5', 'flow', 'P', 6, 7, 8, 0, 9, 10, 'E')",
            [("ben", "unlinked", "1836"), ("cleo", "broken", ""), ("dora", "unlinked", "")],
        )
        file.execute("INSERT INTO unlinking VALUES ('acme', 'anna', 5)")
    async with opened(path) as store:
        shown = await store.links()
        knowledge = await store.knowledge("acme", "1836")
        unlinkings = await store.unlinkings(900.0)
        homeless = await store.export_links("acme", limit=10)
        fences = {one: (await store.export_link("acme", one, 900.0)).fence for one in homeless}
    with contextlib.closing(apsw.Connection(str(path))) as file:
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []

    anna, ben, cleo, _ = shown
    assert [(one.user_id, one.state, one.agent_user_id) for one in shown] == [
        ("anna", "linked", "1836"),
        ("ben", "unlinked", "1836"),
        ("cleo", "broken", ""),
        ("dora", "unlinked", ""),
    ]
    assert ben == Link(
        "acme", "ben", LinkState.UNLINKED, Tokens(b"\xa1", b"\xa2", 3.0, 8.0), 4.0, "1836", b"\xa5", "flow", "P", 6.0,
        RefreshState(0.0, 9, 10.0, "E"),
    )  # fmt: skip
    assert knowledge.links == (anna, ben)
    assert knowledge.first_syncs == (cleo,)
    assert unlinkings == [("acme", "anna")]
    assert fences == {"cleo": 7, "dora": 7}


async def test_no_row_refers_to_nothing_after_the_change(path):
    """A definition goes with its device still, and a device needs its agent user: what is made anew is referred to as before."""
    write_old(path, json.dumps(LAMP).encode(), json.dumps(LAMP).encode())
    opened_ = open_database(path, str, 900.0)
    file = opened_.writer.connection
    try:
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        file.execute("DELETE FROM reported WHERE device = 1")
        assert file.execute("SELECT device FROM definition").fetchall() == [(2,)]
        for broken in (
            "INSERT INTO definition VALUES (3, x'')",
            "INSERT INTO device VALUES ('acme', 'nobody', 'lamp', 3, x'', 0)",
            "INSERT INTO unlinking VALUES ('acme', 'nobody', 0)",
        ):
            with pytest.raises(apsw.ConstraintError):
                file.execute(broken)
    finally:
        opened_.close()
