"""``declare``, ``projects`` and the keys: what the file says is here, and what people made beside it stays."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import pytest
from msgspec.structs import replace

from homegraph.errors import AdminRefused, NotFound, SettingsError
from homegraph.graph.model import Cause, LinkState, Project, Tokens
from homegraph.graph.refreshing import Refreshed
from homegraph.graph.syncing import Retry
from homegraph.store.port import Declaration, DeclaredLink, Store
from homegraph.testing.store_contract.scene import (
    TOKENS,
    Scene,
    api_key,
    first_sync,
    project,
    target,
)


class Declaring:
    """Projects, keys and grants of the file."""

    async def test_projects_come_back_as_declared(self, store: Store) -> None:
        """Every member of every project, by id."""
        plain = Project("zeta", "http://127.0.0.1:3000", "1")
        await store.declare([Declaration(plain), Declaration(project())], 1_000.0)

        assert await store.projects() == [project(), plain]

    async def test_a_project_by_its_id(self, store: Store) -> None:
        """Every member of that one, as it is now; nothing for an id that only resembles one, or is none."""
        assert await store.find_project("acme") is None
        await store.declare([Declaration(project()), Declaration(project("other"))], 1_000.0)
        assert await store.find_project("acme") == project()
        assert await store.find_project("other") == project("other")

        changed = Project("acme", "http://127.0.0.1:3000", "1")
        await store.declare([Declaration(changed)], 1_001.0)
        assert await store.find_project("acme") == changed
        assert await store.find_project("other") == project("other")
        for unknown in ("", "acm", "ACME", "acme%", "acme\0", "unknown"):
            assert await store.find_project(unknown) is None

    async def test_a_project_is_brought_up_to_date(self, store: Store) -> None:
        """A second declaration replaces the first, and leaves other projects alone."""
        await store.declare([Declaration(project()), Declaration(project("other"))], 1_000.0)
        changed = Project("acme", "http://127.0.0.1:3000", "1")
        await store.declare([Declaration(changed)], 1_001.0)

        assert await store.projects() == [changed, project("other")]

    async def test_keys_come_back_as_declared(self, store: Store) -> None:
        """Every member of every key, by id, and by digest whatever its state."""
        await store.declare([Declaration(project(), (api_key("b"), api_key("a")))], 1_000.0)

        assert await store.keys("acme") == [api_key("a"), api_key("b")]
        assert await store.find_key(api_key("b").digest) == api_key("b")
        assert await store.find_key(b"unknown") is None
        assert await store.keys("other") == []

    async def test_keys_that_left_the_file_are_revoked(self, store: Store) -> None:
        """Only those that came from it, only in the projects it names, and once."""
        theirs = api_key("theirs", "other")
        made = api_key("made", origin="admin")
        first = [
            Declaration(project(), (api_key("kept"), api_key("left"))),
            Declaration(project("other"), (theirs,)),
        ]
        await store.declare(first, 1_000.0)
        await store.add_key(made)
        for now in (1_001.0, 1_002.0):
            await store.declare([Declaration(project(), (api_key("kept"),))], now)

        left = replace(api_key("left"), revoked_at=1_001.0)
        assert await store.keys("acme") == [api_key("kept"), left, made]
        assert await store.keys("other") == [theirs]

    async def test_a_revoked_key_stays_revoked(self, store: Store) -> None:
        """Declaring it again does not bring it back, however it was revoked; that is told of it, and of no other."""
        both = [Declaration(project(), (api_key("a"), api_key("b"), api_key("c")))]
        assert await store.declare(both, 1_000.0) == []
        await store.revoke_key("acme", "a", 1_001.0)
        await store.declare([Declaration(project(), (api_key("a"), api_key("c")))], 1_002.0)
        told = await store.declare(both, 1_003.0)

        left = [
            replace(api_key("a"), revoked_at=1_001.0),
            replace(api_key("b"), revoked_at=1_002.0),
        ]
        assert list(told) == left
        assert await store.keys("acme") == [*left, api_key("c")]

    async def test_a_key_is_known_again_by_its_value(self, store: Store) -> None:
        """It keeps its id and its age, takes over the rest, and is the file's from now on."""
        made = replace(api_key("made", origin="admin"), methods=(), created_at=1.0)
        await store.declare([Declaration(project())], 1_000.0)
        await store.add_key(made)
        declared = replace(api_key("declared"), digest=made.digest)
        await store.declare([Declaration(project(), (declared,))], 1_001.0)

        assert await store.keys("acme") == [replace(declared, id="made", created_at=1.0)]

    @pytest.mark.parametrize(
        "other",
        [
            replace(api_key("b", "other"), digest=api_key("a").digest),
            replace(api_key("c", "other"), digest=b"another"),
        ],
        ids=["value", "id"],
    )
    async def test_a_key_cannot_be_another_one(self, store: Store, other: object) -> None:
        """A value or an id that is taken refuses the whole declaration."""
        await store.declare([Declaration(project("other"), (api_key("c", "other"),))], 1_000.0)
        declarations = [
            Declaration(project(), (api_key("a"),)),
            Declaration(project("other"), (api_key("c", "other"), other)),  # type: ignore[arg-type]
        ]

        with pytest.raises(SettingsError, match="API key"):
            await store.declare(declarations, 1_001.0)
        assert await store.projects() == [project("other")]
        assert await store.find_key(api_key("a").digest) is None

    async def test_a_key_of_a_project_that_left_the_file(self, store: Store) -> None:
        """Its value stays that project's, also when it was revoked: what is declared later cannot have it."""
        theirs = api_key("theirs", "other")
        await store.declare([Declaration(project("other"), (theirs,))], 1_000.0)
        await store.revoke_key("other", "theirs", 1_001.0)
        declared = replace(api_key("a"), digest=theirs.digest)

        with pytest.raises(SettingsError, match="API key"):
            await store.declare([Declaration(project(), (api_key("b"), declared))], 1_002.0)
        assert await store.keys("acme") == []

    async def test_adding_a_key(self, store: Store) -> None:
        """A key is kept as it is; without a project, or where there is one already, it is refused."""
        with pytest.raises(NotFound):
            await store.add_key(api_key("a"))
        await store.declare([Declaration(project()), Declaration(project("other"))], 1_000.0)
        await store.add_key(api_key("a", origin="admin"))

        assert await store.keys("acme") == [api_key("a", origin="admin")]
        for taken in (
            replace(api_key("a"), digest=b"another"),
            replace(api_key("b", "other"), digest=api_key("a").digest),
        ):
            with pytest.raises(AdminRefused):
                await store.add_key(taken)
        await store.add_key(replace(api_key("a", "other"), digest=b"another"))

    async def test_revoking_a_key(self, store: Store) -> None:
        """It is told as it is now; again keeps the first time; a key that is not there is not found."""
        await store.declare([Declaration(project(), (api_key("a"),))], 1_000.0)
        revoked = replace(api_key("a"), revoked_at=1_001.0)

        assert await store.revoke_key("acme", "a", 1_001.0) == revoked
        assert await store.revoke_key("acme", "a", 1_002.0) == revoked
        assert await store.find_key(api_key("a").digest) == revoked
        for place in (("acme", "b"), ("other", "a")):
            with pytest.raises(NotFound):
                await store.revoke_key(*place, 1_001.0)

    async def test_a_declared_grant_is_tried(self, store: Store) -> None:
        """The link waits for its first SYNC, which is due at once, because of the link."""
        scene = Scene(store)
        await scene.declare("anna")
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert (link.state, link.agent_user_id, link.tokens) == (LinkState.LINKING, "", TOKENS)
        assert (link.grant_digest, link.created_at, link.origin) == (b"1", 1_000.0, "file")
        claim = await scene.claim()
        assert claim.lease.target == first_sync()
        assert (claim.work.run_cause, claim.work.run_requested_at) == (Cause.LINK, 1_000.0)

    async def test_a_grant_is_taken_over_once(self, store: Store) -> None:
        """The same grant again changes nothing: neither tokens that were refreshed nor work."""
        scene = Scene(store)
        await scene.link()
        renewed = Tokens(b"renewed")
        await store.follow_tokens("acme", "anna", Refreshed(TOKENS, renewed), 1_001.0)
        await scene.declare("anna")
        link = await store.find_link("acme", "anna")

        assert link is not None
        assert link.tokens == renewed
        assert await store.works() == []

    async def test_a_new_grant_of_a_linked_user(self, store: Store) -> None:
        """Its tokens are taken over, what was broken is mended, and a sync of the agent user shows it."""
        scene = Scene(store)
        await scene.link()
        declared = DeclaredLink("anna", Tokens(b"new"), b"2")
        await store.declare([Declaration(project(), (), (declared,))], 1_001.0)
        link = await store.find_link("acme", "anna")
        scene.now = 1_001.0
        claim = await scene.claim()

        assert link is not None
        assert (link.tokens, link.state, link.problem) == (Tokens(b"new"), LinkState.LINKED, "")
        assert (claim.lease.target, claim.work.run_cause) == (target(), Cause.LINK)
        assert claim.links == (link,)

    async def test_a_new_grant_of_a_link_in_its_first_sync(self, store: Store) -> None:
        """It joins the first SYNC that waits."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim(), step=Retry(1_010.0))
        await scene.declare("anna", grant=b"2")
        scene.now = 1_010.0
        claim = await scene.claim()

        assert (claim.lease.target, claim.work.attempts) == (first_sync(), 2)
        assert [link.grant_digest for link in claim.links] == [b"2"]

    async def test_a_new_grant_of_a_link_whose_first_sync_is_over(self, store: Store) -> None:
        """A first SYNC that failed for good is tried again with it."""
        scene = Scene(store)
        await scene.declare("anna")
        await scene.settle(await scene.claim())
        await scene.declare("anna", grant=b"2")

        assert (await scene.claim()).lease.target == first_sync()
