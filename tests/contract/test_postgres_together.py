"""Several processes on one database: whatever they do at once, the promises of each are kept.

Two stores here are to the server what two processes are: connections that know nothing of each other.
"""

import asyncio
import contextlib
import itertools

import pytest
from msgspec.structs import replace

from homegraph.errors import AdminRefused, LeaseLost, NotFound
from homegraph.graph.effects import BindLink, RekeyLink, WriteDevices
from homegraph.graph.model import LinkState, Mode, Outcome
from homegraph.graph.reporting import Rule, Verdict
from homegraph.graph.syncing import Admission, Finish
from homegraph.store.port import Declaration, DeclaredLink, Hint, Settlement
from homegraph.store.postgres import PostgresStore
from homegraph.store.postgres.database import Database
from homegraph.testing.store_contract import pieces
from homegraph.testing.store_contract.scene import (
    LEASE_SECONDS,
    STATE_KEYS,
    TOKENS,
    Scene,
    api_key,
    first_sync,
    problems_of,
    project,
    service_key,
    stored,
    target,
)

pytestmark = pytest.mark.anyio

LAMP = stored("lamp", traits=("OnOff", "Brightness"))


@pytest.fixture
async def scenes(postgres):
    """The same empty database, opened twice."""
    url = await postgres.emptied()
    numbers = itertools.count()

    def opened():
        return PostgresStore.open(url, ids=lambda: f"i-{next(numbers):04}", now=900.0)

    stores = [await opened() for _ in range(2)]
    yield [Scene(stores[0]), Scene(stores[1], runs=5_000)]
    for store in stores:
        await store.close()


async def outcomes(*calls):
    """What became of calls that were made at once: answers, and errors as they are."""
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_no_request_is_lost(scenes):
    """Requests of both processes for the same few agent users are all counted, each with a generation of its own."""
    users = [f"u-{number}" for number in range(8)]
    for user in users:
        await scenes[0].link(f"m-{user}", user)
    calls = [(scene, user) for _ in range(25) for user in users for scene in scenes]
    admitted = await asyncio.gather(*(scene.request(target=target(user)) for scene, user in calls))

    works = {one.agent_user_id: work for one, work in await scenes[1].store.works()}
    for user in users:
        generations = sorted(
            answer.generation
            for (_, asked), answer in zip(calls, admitted, strict=True)
            if asked == user
        )
        assert generations == [*range(generations[0], generations[0] + 50)]
        assert works[user].requested == generations[-1]


async def test_one_call_in_sync_mode_at_a_time(scenes):
    """Of many at once in both processes one starts, the others are refused."""
    await scenes[0].link()
    answers = await asyncio.gather(
        *(scene.request(Mode.SYNC) for _ in range(10) for scene in scenes)
    )

    assert sorted(one.admission for one in answers) == [Admission.REFUSE] * 19 + [Admission.START]


async def test_a_run_is_handed_out_once(scenes):
    """Both claim at once, again and again: nobody gets what the other has, and nothing is left."""
    for number in range(30):
        await scenes[0].link(f"m-{number}", f"u-{number}")
    await asyncio.gather(*(scenes[0].request(target=target(f"u-{number}")) for number in range(30)))
    taken = []
    while not taken or len(taken) < 30:
        got = await asyncio.gather(*(scene.claims(limit=4) for _ in range(2) for scene in scenes))
        taken += [claim for claims in got for claim in claims]
    assert len({claim.lease.target for claim in taken}) == len(taken) == 30
    await asyncio.gather(
        *(scene.settle(claim) for scene, claim in zip(scenes * 15, taken, strict=True))
    )
    assert await scenes[1].store.works() == []
    assert len({run.id for run in await scenes[1].store.runs(limit=1_000)}) > 30


async def test_a_worker_that_comes_back_from_the_dead(scenes):
    """Its lease ran out and the other process has the run: nothing of what it found is stored."""
    one, two = scenes
    await one.link("anna", "1836", LAMP)
    await one.request()
    late = await one.claim(worker="one")
    two.now = one.now + LEASE_SECONDS
    claim = await two.claim(worker="two")
    one.now = two.now

    results = await outcomes(
        one.settle(late, WriteDevices((), ("lamp",))),
        two.settle(claim),
        one.store.heartbeat([late.lease], one.now, LEASE_SECONDS),
    )

    assert isinstance(results[0], LeaseLost)
    assert results[2] == [late.lease]
    assert await one.device_ids() == ["lamp"]
    assert Outcome.INTERRUPTED in {run.outcome for run in await one.store.runs()}


async def test_a_household_begins_and_ends(scenes):
    """Two first SYNCs name the same agent user at once, and two links end at once: it is made once, and ended by the last."""
    one, two = scenes
    for turn in range(12):
        grant = str(turn).encode()
        await one.declare("anna", "ben", grant=grant)
        first, second = await one.claims()
        await asyncio.gather(
            one.settle(first, BindLink(first.lease.target.user_id, "1836", (LAMP,))),
            two.settle(second, BindLink(second.lease.target.user_id, "1836", (LAMP,))),
        )
        known = await one.store.knowledge("acme", "1836")
        assert [link.state for link in known.links] == [LinkState.LINKED] * 2
        assert (await one.store.counts()).devices == 1
        await asyncio.gather(
            one.store.unlink("acme", "anna", one.now), two.store.unlink("acme", "ben", two.now)
        )
        known = await two.store.knowledge("acme", "1836")
        assert (known.linked, [link.state for link in known.links]) == (
            False,
            [LinkState.UNLINKED] * 2,
        )
        assert await two.store.works() == []
        assert (await one.store.counts()).devices == 0


async def test_moves_against_ends(scenes):
    """A link moves to another agent user while that one, or its own, is deleted: no link belongs to nobody."""
    one, two = scenes
    for turn in range(12):
        await one.declare("anna", "ben", grant=str(turn).encode())
        for claim, home in zip(await one.claims(), ("1836", "1837"), strict=True):
            await one.settle(claim, BindLink(claim.lease.target.user_id, home, (LAMP,)))
        claim = await one.start(target("1836"))
        results = await outcomes(
            one.settle(claim, RekeyLink("anna", "1837")),
            two.store.delete_agent_user("acme", ("1837", "1836")[turn % 2], two.now),
            two.store.unlink("acme", "ben", two.now),
        )
        assert all(
            not isinstance(one_, Exception) or isinstance(one_, LeaseLost | NotFound)
            for one_ in results
        ), results
        linked = {
            link.agent_user_id
            for link in await one.store.links()
            if link.state is not LinkState.UNLINKED
        }
        assert {user for _, user in await one.store.agent_users()} == linked
        for user in linked:
            await one.store.delete_agent_user("acme", user, one.now)
        assert await one.store.works() == []


async def test_reports_of_one_device(scenes):
    """Each process reports another trait of it, both many times: neither takes the other's away, and the totals are right."""
    one, two = scenes
    await one.link("anna", "1836", LAMP)
    for turn in range(10):
        calls = [one.report({"lamp": {"on": True}}), two.report({"lamp": {"brightness": turn}})]
        calls += [one.report({"lamp": {"online": True}}) for _ in range(turn % 3)]
        assert all(verdict.is_accepted for verdict in await asyncio.gather(*calls))
        states = (await two.states())["lamp"]
        assert (states["OnOff"], states["Brightness"]) == ({"on": True}, {"brightness": turn})
        assert (await one.store.counts()).states == len(states)
        await one.write(removed=("lamp",))
        await one.write(LAMP)


async def test_reports_against_other_definitions(scenes):
    """A trait goes while its state is reported: no state is left of a trait that a device does not declare."""
    one, two = scenes
    poor = stored("lamp", "poor", room=None, traits=("OnOff",))
    rich = stored("lamp", "rich", room=None, traits=("OnOff", "Brightness"))
    await one.link("anna", "1836", LAMP)
    for _ in range(12):
        claim = await one.start()
        reports = [two.report({"lamp": {"brightness": 1, "on": True}}) for _ in range(5)]
        await outcomes(*reports[:2], one.settle(claim, WriteDevices((poor,), ())), *reports[2:])
        states = (await one.states())["lamp"]
        assert states.keys() <= {"OnOff"}
        assert (await one.store.counts()).states == len(states)
        await one.settle(await one.start(), WriteDevices((rich,), ()))


async def test_the_same_file_at_once(scenes):
    """Servers that start together declare the same: everything is there once."""
    declaration = Declaration(
        project(),
        (api_key("a"), api_key("b")),
        tuple(DeclaredLink(user, TOKENS, b"1") for user in ("anna", "ben")),
        (service_key("s"),),
    )
    await asyncio.gather(
        *(scene.store.declare([declaration], 1_000.0) for _ in range(3) for scene in scenes)
    )
    store = scenes[0].store
    assert [key.id for key in await store.keys("acme")] == ["a", "b"]
    assert [link.user_id for link in await store.links()] == ["anna", "ben"]
    assert [work.requested for _, work in await store.works()] == [1, 1]
    assert len(await store.service_keys()) == 1


async def test_a_long_file_holds_nobody_up(scenes, monkeypatch):
    """Who starts with it holds the lock of credentials for a few statements, however many projects are in it, be they new."""
    many = [
        Declaration(project(f"p{number:02}"), (api_key(f"k{number:02}", f"p{number:02}"),))
        for number in range(40)
    ]
    few = len(many) / 4
    asked = []
    for name in ("rows", "run", "run_many"):
        method = getattr(Database, name)

        def counted(self, statement, *values, method=method):
            asked.append(statement)
            return method(self, statement, *values)

        monkeypatch.setattr(Database, name, counted)
    first, second = scenes

    await first.store.declare(many, 1_000.0)
    assert len(asked) < few, asked
    asked.clear()
    await second.store.declare(many, 1_001.0)

    assert len(asked) < few, asked
    assert [key.id for key in await first.store.keys("p07")] == ["k07"]
    assert len(await first.store.projects()) == len(many)


async def test_one_home_by_two_imports(scenes, monkeypatch):
    """An import that was begun again meets the rest of itself: what the other brings between two looks is here already, and no user's."""
    first, second = scenes
    await first.store.declare([Declaration(project())], 1_000.0)
    copy = pieces.home("1836", "anna", "ben")
    look, looks = Database.rows, []

    async def interrupted(self, statement, *values):
        found = await look(self, statement, *values)
        if statement in ("find_agent_user", "find_link"):
            looks.append(statement)
            if len(looks) == 1:
                assert await second.store.import_home(copy) is True
        return found

    monkeypatch.setattr(Database, "rows", interrupted)

    assert await first.store.import_home(copy) is False
    assert [link.user_id for link in await first.store.links()] == ["anna", "ben"]


async def test_an_account_is_one_projects(scenes):
    """Two projects are given the same account at once: one of them gets it."""
    await scenes[0].declare(project_id="acme")
    await scenes[0].declare(project_id="other")
    for turn in range(8):
        results = await outcomes(
            *(
                scene.store.add_service_key(service_key(f"k-{turn}", name, f"a-{turn}@x.example"))
                for scene, name in zip(scenes, ("acme", "other"), strict=True)
            )
        )
        assert sorted(type(one) for one in results if one is not None) == [AdminRefused]


async def test_a_failure_is_its_own_callers(scenes):
    """A report whose check fails, and a run whose id is taken, are alone with that in a group of others."""
    one, _ = scenes
    await one.link("anna", "1836", LAMP)
    await one.link("ben", "1837", LAMP)

    def broken(*_):
        raise ZeroDivisionError

    def report(check):
        rule = Rule(STATE_KEYS.get, check)
        return one.store.report("acme", "1836", {"lamp": {"on": True}}, (), rule, one.now)

    results = await outcomes(*(report(broken if n == 2 else problems_of) for n in range(5)))
    assert [type(result) for result in results] == [Verdict] * 2 + [ZeroDivisionError] + [
        Verdict
    ] * 2

    await one.settle(await one.start())
    (taken,) = await one.store.runs("acme", "1836", limit=1)
    first, second = await one.start(), await one.start(target("1837"))
    records = (replace(one.record(first), id=taken.id), one.record(second))
    results = await outcomes(
        *(
            one.store.settle(Settlement(claim.lease, claim.work, Finish(), record), one.now)
            for claim, record in zip((first, second), records, strict=True)
        )
    )
    assert isinstance(results[0], Exception)
    assert not isinstance(results[1], Exception)
    assert dict(await one.store.works()) == {target(): first.work}


async def test_texts_that_postgresql_cannot_keep(scenes):
    """Ids and names with a NUL come back as they went in, and in their order."""
    one, two = scenes
    ids = [
        "",
        "\0",
        "\0\0",
        "\0\1",
        "\0a",
        "\1",
        "\1\0",
        "\1\1",
        "\1\2",
        "\2",
        "a",
        "a\0b",
        "ä\0",
        "\U0001f600",
    ]
    user, home = "an\0na\1", "18\0\1\2" + "36"
    devices = [
        replace(stored(f"d{device_id}"), definition=b"{}", mark=device_id.encode())
        for device_id in ids
    ]
    await one.link(user, home, *devices)
    await one.report({f"d{device_id}": {"online": True} for device_id in ids}, target=target(home))

    assert await two.store.agent_users() == [("acme", home)]
    assert [link.user_id for link in await two.store.links()] == [user]
    assert await two.device_ids(home) == [f"d{device_id}" for device_id in ids]
    assert list(await two.states(home)) == [f"d{device_id}" for device_id in ids]
    claim = await two.start(target(home))
    assert await two.known(target(home)) == {
        device_id.encode(): f"d{device_id}" for device_id in ids
    }
    await two.settle(claim, WriteDevices((), ("d\0", "d\1\2")))
    assert len(await one.device_ids(home)) == len(ids) - 2
    assert await one.store.find_link("acme", user) is not None
    assert first_sync(user) not in dict(await one.store.works())


@pytest.mark.parametrize("hint", Hint)
async def test_hints_go_to_the_others(scenes, hint):
    """What became due, and that credentials changed, is heard by the other process, once it listens."""
    one, two = scenes
    heard = asyncio.Event()
    two.store.hear(lambda told: told is hint and heard.set())
    await one.link()
    number = 0
    async with asyncio.timeout(20):
        await heard.wait()  # whoever begins to listen is told of everything
        heard.clear()
        while not heard.is_set():
            number += 1
            if hint is Hint.DUE:
                await one.request()
            else:
                await one.store.add_key(api_key(f"k-{number}", origin="admin"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await heard.wait()


async def test_the_databases_time(scenes):
    """It is told, and goes on."""
    first, second = await scenes[0].store.time(), await scenes[1].store.time()

    assert 1.7e9 < first <= second
