"""Copies of pieces: what leaves one database is what another one has afterwards, and what is there is left alone."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from homegraph.errors import AdminRefused, LeaseLost, NotFound
from homegraph.graph.model import Link, LinkState, Mode, RefreshState
from homegraph.graph.syncing import State, Work, state_of
from homegraph.store.copies import Copy, HomeCopy, LinkCopy, ProjectCopy, mistake_in
from homegraph.store.port import Declaration, Store
from homegraph.testing.store_contract.pieces import (
    MOMENT_MAX,
    device,
    home,
    of_project,
    replace_project,
    some_databases,
)
from homegraph.testing.store_contract.scene import (
    TOKENS,
    Scene,
    api_key,
    first_sync,
    project,
    service_key,
    stored,
    target,
)


async def export(store: Store) -> list[Copy]:
    """Every piece, project by project."""
    return [copy for one in await store.projects() for copy in await export_one(store, one.id)]


async def export_one(store: Store, project_id: str, now: float = 5_000.0) -> list[Copy]:
    """Every piece of a project."""
    copies: list[Copy | None] = [await store.export_project(project_id)]
    after = ""
    while page := await store.export_homes(project_id, after=after, limit=2):
        copies += [await store.export_home(project_id, each, now) for each in page]
        after = page[-1]
    after = ""
    while page := await store.export_links(project_id, after=after, limit=2):
        copies += [await store.export_link(project_id, each, now) for each in page]
        after = page[-1]
    return [copy for copy in copies if copy is not None]


async def bring(store: Store, copy: Copy) -> bool:
    """Import a piece."""
    match copy:
        case ProjectCopy():
            return await store.import_project(copy)
        case HomeCopy():
            return await store.import_home(copy)
        case LinkCopy():
            return await store.import_link(copy)


async def linked(store: Store) -> Scene:
    """A home with one link."""
    scene = Scene(store)
    await scene.link()
    return scene


class Moving:
    """Pieces out, and pieces in."""

    async def test_what_is_kept_of_a_home_is_in_its_copy(self, store: Store) -> None:
        """Links, devices with what was chosen and reported, held devices, and the last fence."""
        scene = await linked(store)
        await scene.write(stored("lamp", room="Hall", traits=("OnOff",), notifies=True))
        await scene.report({"lamp": {"on": True}})
        copy = await store.export_home("acme", "1836", scene.now)

        assert copy is not None
        assert mistake_in(copy) == ""
        (link,) = copy.links
        assert link.link == await store.find_link("acme", "anna")
        assert (copy.linked, copy.work, copy.fence > 0, link.fence > 0) == (True, None, True, True)
        (lamp,) = copy.devices
        (device,) = await store.devices("acme", "1836")
        assert (lamp.id, lamp.definition, lamp.placement, lamp.added_at, lamp.changed_at) == (
            device.id,
            device.definition,
            device.placement,
            device.added_at,
            device.changed_at,
        )
        assert lamp.states == {"OnOff": (scene.now, b'{"on":true}')}
        assert (lamp.traits, lamp.notifies) == (("OnOff",), True)

    async def test_homes_that_are_read_together(self, store: Store) -> None:
        """Each copy is what it is alone: homes of one link or two, a tombstone, first SYNCs; None for who is not here."""
        scene = await linked(store)
        await scene.write(stored("lamp", traits=("OnOff",)), stored("plug"))
        await scene.report({"lamp": {"on": True}})
        await scene.link("ben", "1836")
        await scene.link("carl", "1837", stored("fan"))
        await store.unlink("acme", "carl", scene.now)
        await scene.link("dora", "1838", stored("lamp"))
        await store.begin_unlink("acme", "dora", scene.now)
        await scene.request(target=target("1838"))
        await scene.declare("emil", "fritz")
        homes = ("1838", "1836", "nobody", "1837", "1836")
        users = ("fritz", "nobody", "emil", "anna")
        alone = [await store.export_home("acme", one, 2_000.0) for one in homes]
        links_alone = [await store.export_link("acme", one, 2_000.0) for one in users]

        assert [one is None for one in alone] == [False, False, True, False, False]
        assert [len(one.devices) for one in alone if one] == [1, 2, 0, 2]
        assert [one is None for one in links_alone] == [False, True, False, True]
        assert alone == await asyncio.gather(
            *(store.export_home("acme", one, 2_000.0) for one in homes)
        )
        assert links_alone == await asyncio.gather(
            *(store.export_link("acme", one, 2_000.0) for one in users)
        )

    async def test_a_project_is_copied_with_its_credentials(self, store: Store) -> None:
        """Revoked ones too; those of other projects are not in it."""
        keys = (api_key("a"), api_key("b"))
        accounts = (service_key("c", origin="file"), service_key("d", origin="file"))
        await store.declare(
            [
                Declaration(project(), keys, service_keys=accounts),
                Declaration(project("other"), (api_key("z", "other"),)),
            ],
            1_000.0,
        )
        revoked = await store.revoke_key("acme", "a", 1_001.0)

        copy = await store.export_project("acme")
        assert copy == ProjectCopy(project(), (revoked, keys[1]), accounts)
        assert await store.export_project("nobody") is None

    async def test_nothing_is_copied_of_what_is_not_there(self, store: Store) -> None:
        """Neither an agent user nor a link; a link that has an agent user is part of that one's copy."""
        await linked(store)

        assert await store.export_home("acme", "nobody", 1_000.0) is None
        assert await store.export_link("acme", "nobody", 1_000.0) is None
        assert await store.export_link("acme", "anna", 1_000.0) is None
        assert await store.export_links("acme") == []
        assert await store.export_homes("acme", after="1836") == []

    async def test_what_comes_goes_on_as_it_came(self, store: Store) -> None:
        """Whatever the texts, bytes and numbers: an export of what was imported has the same pieces in the same order."""
        for number, copies in enumerate(some_databases()):
            project_id = f"project-{number:03}"
            await store.import_project(ProjectCopy(project(project_id)))
            moved = [of_project(copy, project_id) for copy in copies]
            assert [mistake_in(copy) for copy in moved] == [""] * len(moved)
            assert [await bring(store, copy) for copy in moved] == [True] * len(moved)

            # Later than all of it: what waits since a time that has not come yet is due at once in a copy.
            exported = await export_one(store, project_id, now=MOMENT_MAX)
            assert exported == [ProjectCopy(project(project_id)), *moved]

    async def test_a_run_under_way_is_due_again_in_a_copy(self, store: Store) -> None:
        """Whoever has it in hands does not go along, nor does the caller who waits for it; what was asked for does."""
        scene = await linked(store)
        await scene.request(Mode.ASYNC)
        claim = await scene.start()
        copy = await store.export_home("acme", "1836", scene.now)

        assert copy is not None
        assert copy.work is not None
        assert state_of(copy.work) is State.WAITING
        assert (copy.work.worker, copy.work.lease_until, copy.work.sync_generation) == ("", 0.0, 0)
        assert (copy.work.due_at, copy.fence) == (scene.now, claim.lease.fence)
        assert mistake_in(copy) == ""
        assert await store.heartbeat([claim.lease], scene.now, 30.0) == []

    async def test_a_refresh_under_way_is_not_copied(self, store: Store) -> None:
        """Its process stays behind, so nobody would end the turn."""
        scene = await linked(store)
        await store.begin_refresh("acme", "anna", TOKENS, scene.now, lease_seconds=15.0)
        copy = await store.export_home("acme", "1836", scene.now)

        assert copy is not None
        assert copy.links[0].link.refresh == RefreshState()

    async def test_work_that_came_is_handed_out_and_a_dead_lease_is_not_good_here(
        self, store: Store
    ) -> None:
        """The run may start at once, with the links and fingerprints that came; the fences go on where they were."""
        await store.import_project(ProjectCopy(project()))
        work = Work(requested=7, done=5, fence=41, async_generation=7, due_at=900.0)
        home = HomeCopy(
            project_id="acme",
            agent_user_id="1836",
            linked=True,
            linked_at=800.0,
            fence=41,
            work=work,
            links=(LinkCopy(Link("acme", "anna", LinkState.LINKED, TOKENS, 800.0, "1836")),),
            devices=(device("lamp"),),
        )
        assert await store.import_home(home)
        scene = Scene(store)
        claim = await scene.claim()

        assert (claim.lease.fence, claim.work.taken) == (42, 7)
        assert await scene.known() == {b"print": "lamp"}
        assert [link.user_id for link in claim.links] == ["anna"]
        await scene.settle(claim)
        with pytest.raises(LeaseLost):
            await scene.settle(claim)
        counts = await store.counts()
        assert (counts.agent_users, counts.devices, counts.states) == (1, 1, 1)

    async def test_an_idle_home_and_a_first_sync_go_on(self, store: Store) -> None:
        """Both can be asked for; of a link that has ended there is nothing to do."""
        await store.import_project(ProjectCopy(project()))
        link = Link("acme", "anna", LinkState.LINKING, TOKENS, 800.0)
        assert await store.import_link(LinkCopy(link, 7))
        gone = replace(link, user_id="bert", state=LinkState.UNLINKED)
        assert await store.import_link(LinkCopy(gone, 3))
        scene = Scene(store)

        assert await scene.claims() == []
        assert await scene.ask(Mode.ASYNC, first_sync("bert")) is None
        assert await scene.ask(Mode.ASYNC, first_sync("anna")) is not None
        assert (await scene.claim()).lease.fence == 8

    async def test_a_wish_to_be_unlinked_comes_along(self, store: Store) -> None:
        """It is ended where the link is now."""
        scene = await linked(store)
        await store.begin_unlink("acme", "anna", 1_234.0)
        copy = await store.export_home("acme", "1836", scene.now)
        assert copy is not None
        assert [one.unlinking_at for one in copy.links] == [1_234.0]

        there = replace_project(copy, "other")
        await store.import_project(ProjectCopy(project("other")))
        assert await store.import_home(there)
        assert ("other", "anna") in await store.unlinkings(1_234.0)

    async def test_what_comes_again_changes_nothing(self, store: Store) -> None:
        """Whatever has become of it since: used, refreshed, unlinked."""
        scene = await linked(store)
        await scene.write(stored("lamp"))
        before = await export(store)
        await scene.request(Mode.ASYNC)
        await scene.refused()
        moved_on = await export(store)
        assert moved_on != before

        assert [await bring(store, copy) for copy in before] == [False] * len(before)
        assert await export(store) == moved_on
        await store.unlink("acme", "anna", scene.now)
        ended = await export(store)
        assert [await bring(store, copy) for copy in before] == [False] * len(before)
        assert await export(store) == ended

    async def test_a_project_that_is_here_gets_what_it_lacks(self, store: Store) -> None:
        """Its own members stay as they are here; keys that are known stay, others are added."""
        await store.declare([Declaration(project(), (api_key("a"),))], 1_000.0)
        moved = replace(project(), fulfillment_url="https://elsewhere.example/")
        revoked = replace(api_key("a"), revoked_at=999.0)
        copy = ProjectCopy(moved, (revoked, api_key("b")), (service_key("c"),))

        assert await store.import_project(copy)
        assert await store.projects() == [project()]
        assert await store.keys("acme") == [api_key("a"), api_key("b")]
        assert await store.service_keys("acme") == [service_key("c")]
        assert not await store.import_project(copy)

    @pytest.mark.parametrize(
        "taken",
        [
            ProjectCopy(project("other"), (replace(api_key("a"), project_id="other"),)),
            ProjectCopy(project("acme"), (replace(api_key("a"), digest=b"another"),)),
            ProjectCopy(project("other"), (), (service_key("d", "other"),)),
            ProjectCopy(project("acme"), (), (replace(service_key("c"), public_pem=b"another"),)),
        ],
        ids=["a value", "an id", "an account", "an account's key"],
    )
    async def test_a_credential_that_is_somebody_elses(
        self, store: Store, taken: ProjectCopy
    ) -> None:
        """The project is refused as a whole."""
        kept = Declaration(
            project(), (api_key("a"),), service_keys=(service_key("c", origin="file"),)
        )
        await store.declare([kept], 1_000.0)

        with pytest.raises(AdminRefused):
            await store.import_project(
                ProjectCopy(
                    taken.project, (api_key("n", taken.project.id), *taken.keys), taken.service_keys
                )
            )
        assert [one.id for one in await store.projects()] == ["acme"]
        assert await store.keys("acme") == [api_key("a")]

    async def test_a_user_who_has_a_link_here(self, store: Store) -> None:
        """The agent user that comes is refused as a whole, and the link stays as it is; a link without one is left out."""
        scene = await linked(store)
        copy = await store.export_home("acme", "1836", scene.now)
        assert copy is not None
        link = copy.links[0].link
        links = tuple(
            LinkCopy(replace(link, user_id=one, agent_user_id="new")) for one in ("zoe", "anna")
        )
        other = HomeCopy("acme", "new", linked=True, linked_at=900.0, links=links)
        before = await export(store)

        with pytest.raises(AdminRefused, match="anna"):
            await store.import_home(other)
        alone = replace(link, agent_user_id="", state=LinkState.LINKING)
        assert not await store.import_link(LinkCopy(alone))
        assert await export(store) == before

    async def test_homes_that_come_together(self, store: Store) -> None:
        """One twice, two with one user, one of no project: each has an outcome of its own, and the others are whole."""
        await store.import_project(ProjectCopy(project()))
        came = [
            home("b", "bert"),
            home("a", "anna", "zoe"),
            replace_project(home("d", "dora"), "nowhere"),
            home("a", "alma"),
            home("c", "anna"),
            home("e", "emil"),
        ]
        outcomes = await asyncio.gather(*map(store.import_home, came), return_exceptions=True)

        assert outcomes[:2] == [True, True]
        assert isinstance(outcomes[2], NotFound)
        assert outcomes[3] is False
        assert isinstance(outcomes[4], AdminRefused)
        assert outcomes[5] is True
        assert await export(store) == [ProjectCopy(project()), came[1], came[0], came[5]]

    async def test_links_that_come_together(self, store: Store) -> None:
        """The second one of a user changes nothing, and one of no project is refused alone."""
        await store.import_project(ProjectCopy(project()))
        link = Link("acme", "anna", LinkState.LINKING, TOKENS, 800.0)
        work = Work(requested=1, fence=7, async_generation=1, due_at=900.0)
        came = [
            LinkCopy(replace(link, user_id="bert"), 7, work, 850.0),
            LinkCopy(replace(link, project_id="nowhere")),
            LinkCopy(link, 3),
            LinkCopy(replace(link, created_at=801.0), 4),
        ]
        outcomes = await asyncio.gather(*map(store.import_link, came), return_exceptions=True)

        assert isinstance(outcomes.pop(1), NotFound)
        assert outcomes == [True, True, False]
        assert await export(store) == [ProjectCopy(project()), came[2], came[0]]

    async def test_a_home_without_its_project(self, store: Store) -> None:
        """Is not found, and nothing is kept."""
        await linked(store)
        copy = await store.export_home("acme", "1836", 1_000.0)
        assert copy is not None
        with pytest.raises(NotFound, match="nowhere"):
            await store.import_home(replace_project(copy, "nowhere"))
        with pytest.raises(NotFound, match="nowhere"):
            await store.import_link(
                LinkCopy(Link("nowhere", "anna", LinkState.LINKING, TOKENS, 1.0))
            )
