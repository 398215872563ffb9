"""Service accounts and their access tokens: kept, found, declared, withdrawn."""
# ruff: noqa: PLR2004, S101  # a test suite that lives in the package

from __future__ import annotations

import pytest
from msgspec.structs import replace

from homegraph.errors import AdminRefused, NotFound, SettingsError
from homegraph.graph.model import ServiceKey
from homegraph.store.journal_port import Limits
from homegraph.store.port import Declaration, Store
from homegraph.testing.store_contract.scene import ACCOUNT, project, service_key, token

KEEP_ALL = Limits(1_000, 1_000, 1e9)


def declared(project_id: str = "acme", *keys: ServiceKey) -> Declaration:
    """A project of the file with these keys."""
    return Declaration(project(project_id), service_keys=keys)


def filed(key_id: str, project_id: str = "acme", email: str = ACCOUNT) -> ServiceKey:
    """A key of the file."""
    return service_key(key_id, project_id, email, origin="file")


class Issuing:
    """Keys of service accounts, and tokens."""

    async def test_keys_of_accounts_are_kept(self, store: Store) -> None:
        """Every member of every key: of a project, of all, by account; in order of project and id."""
        await store.declare([declared(), declared("other")], 1_000.0)
        one, two = service_key("b"), service_key("a", email="second@acme.example")
        three = service_key("a", "other", "robot@other.example")
        for key in (one, two, three):
            await store.add_service_key(key)
        four = service_key("c")
        await store.add_service_key(four)

        assert await store.service_keys("acme") == [two, one, four]
        assert await store.service_keys("third") == []
        assert await store.service_keys() == [two, one, four, three]
        assert await store.find_service_keys(ACCOUNT) == [one, four]
        assert await store.find_service_keys("robot@other.example") == [three]
        assert await store.find_service_keys("") == []

    async def test_an_account_without_a_project(self, store: Store) -> None:
        """There is no such project: nothing is kept."""
        with pytest.raises(NotFound):
            await store.add_service_key(service_key("a"))
        assert await store.service_keys() == []

    async def test_an_id_that_is_taken(self, store: Store) -> None:
        """A project has one key of an id, also when that is revoked; another project may have it, too."""
        await store.declare([declared(), declared("other")], 1_000.0)
        await store.add_service_key(service_key("a"))
        for _ in range(2):
            with pytest.raises(AdminRefused):
                await store.add_service_key(service_key("a", email="second@acme.example"))
            await store.revoke_service_key("acme", "a", 1_001.0)
        await store.add_service_key(service_key("a", "other", "robot@other.example"))

        assert [key.email for key in await store.service_keys()] == [ACCOUNT, "robot@other.example"]

    async def test_an_account_belongs_to_one_project(self, store: Store) -> None:
        """That with a valid key of it; when the last one is revoked, it may belong to another."""
        await store.declare([declared(), declared("other")], 1_000.0)
        await store.add_service_key(service_key("a"))
        await store.add_service_key(service_key("b"))
        theirs = service_key("c", "other")
        await store.revoke_service_key("acme", "a", 1_001.0)
        with pytest.raises(AdminRefused):
            await store.add_service_key(theirs)
        await store.revoke_service_key("acme", "b", 1_001.0)
        await store.add_service_key(theirs)

        assert [key.id for key in await store.find_service_keys(ACCOUNT)] == ["a", "b", "c"]
        with pytest.raises(AdminRefused):
            await store.add_service_key(service_key("d"))

    async def test_revoking_a_key_of_an_account(self, store: Store) -> None:
        """It is told as it is now; again keeps the first time; a key that is not there is not found."""
        await store.declare([declared()], 1_000.0)
        await store.add_service_key(service_key("a"))
        revoked = replace(service_key("a"), revoked_at=1_001.0)

        assert await store.revoke_service_key("acme", "a", 1_001.0) == revoked
        assert await store.revoke_service_key("acme", "a", 1_002.0) == revoked
        assert await store.find_service_keys(ACCOUNT) == [revoked]
        for place in (("acme", "b"), ("other", "a")):
            with pytest.raises(NotFound):
                await store.revoke_service_key(*place, 1_001.0)

    async def test_a_token_comes_back_as_it_was(self, store: Store) -> None:
        """Every member; by its digest only."""
        await store.declare([declared()], 1_000.0)
        await store.add_service_key(key := service_key("a"))
        one, two = token("one", key), token("two", key)
        await store.add_token(one)
        await store.add_token(two)

        assert await store.find_token(one.digest) == one
        assert await store.find_token(two.digest) == two
        assert await store.find_token(b"unknown") is None

    async def test_tokens_end_with_their_key(self, store: Store) -> None:
        """All of them and at once, those of other keys of the account go on; a revoked key gets no new ones."""
        await store.declare([declared(), declared("other")], 1_000.0)
        for key_id in ("a", "b"):
            await store.add_service_key(service_key(key_id))
        # Another project's key of the same id is another key.
        await store.add_service_key(theirs := service_key("a", "other", "robot@other.example"))
        ours = [token(text, service_key("a")) for text in ("one", "two")]
        others = [token("three", service_key("b")), token("four", theirs)]
        for one in (*ours, *others):
            await store.add_token(one)
        await store.revoke_service_key("acme", "a", 1_001.0)

        assert [await store.find_token(one.digest) for one in ours] == [None, None]
        assert [await store.find_token(one.digest) for one in others] == others
        for key in (service_key("a"), service_key("z"), service_key("b", "other")):
            with pytest.raises(NotFound):
                await store.add_token(token("five", key))
        assert await store.find_token(token("five", service_key("a")).digest) is None

    async def test_tokens_whose_time_is_over(self, store: Store) -> None:
        """They are found until they are pruned, so many at a time, those first that ended first."""
        await store.declare([declared()], 1_000.0)
        await store.add_service_key(key := service_key("a"))
        tokens = [token(f"{at}", key, at) for at in (1_003.0, 1_001.0, 1_002.0, 1_004.0)]
        for one in tokens:
            await store.add_token(one)
        assert await store.find_token(tokens[1].digest) == tokens[1]
        assert await store.prune(KEEP_ALL, 1_000.9) == 0

        assert await store.prune(KEEP_ALL, 1_003.0, batch=2) == 2
        found = [await store.find_token(one.digest) for one in tokens]
        assert found == [tokens[0], None, None, tokens[3]]
        assert await store.prune(KEEP_ALL, 1_003.0, batch=2) == 1
        assert await store.prune(KEEP_ALL, 1_003.0, batch=2) == 0
        assert await store.find_token(tokens[3].digest) == tokens[3]

    async def test_accounts_of_the_file(self, store: Store) -> None:
        """They come as declared, belong to the file, and are revoked when they left it; what people made stays."""
        keys = (service_key("a"), service_key("b"))
        await store.declare([declared("acme", *keys)], 1_000.0)
        await store.add_service_key(service_key("made"))
        assert await store.service_keys() == [filed("a"), filed("b"), service_key("made")]
        await store.add_token(one := token("one", service_key("a")))
        for now in (1_001.0, 1_002.0):
            await store.declare([declared("acme", service_key("b"))], now)

        left = replace(filed("a"), revoked_at=1_001.0)
        assert await store.service_keys() == [left, filed("b"), service_key("made")]
        assert await store.find_token(one.digest) is None

    async def test_accounts_of_projects_that_the_file_does_not_name(self, store: Store) -> None:
        """Their keys are left alone."""
        await store.declare([declared("acme", service_key("a"))], 1_000.0)
        await store.declare([declared("other")], 1_001.0)

        assert await store.service_keys() == [filed("a")]

    async def test_a_revoked_key_of_an_account_stays_revoked(self, store: Store) -> None:
        """Declaring it again does not bring it back, and is no mistake; it is told."""
        await store.declare([declared("acme", service_key("a"), service_key("b"))], 1_000.0)
        await store.revoke_service_key("acme", "a", 1_001.0)
        told = await store.declare([declared("acme", service_key("a"), service_key("b"))], 1_002.0)

        revoked = replace(filed("a"), revoked_at=1_001.0)
        assert list(told) == [revoked]
        assert await store.service_keys() == [revoked, filed("b")]

    async def test_a_key_of_an_account_is_known_again(self, store: Store) -> None:
        """One that somebody made is the file's from now on, as old as it is."""
        await store.declare([declared()], 1_000.0)
        await store.add_service_key(service_key("a"))
        await store.declare([declared("acme", replace(filed("a"), created_at=1_001.0))], 1_001.0)
        assert await store.service_keys() == [filed("a")]
        await store.declare([declared()], 1_002.0)

        assert await store.service_keys() == [replace(filed("a"), revoked_at=1_002.0)]

    @pytest.mark.parametrize(
        "other",
        [
            replace(filed("a"), public_pem=b"another"),
            replace(filed("a"), email="second@acme.example"),
            filed("b", email="robot@other.example"),
        ],
        ids=["another key", "another account", "an account of another project"],
    )
    async def test_an_account_that_cannot_be(self, store: Store, other: ServiceKey) -> None:
        """An id that another key has, or an account of another project, refuses the whole declaration."""
        theirs = filed("t", "other", "robot@other.example")
        await store.declare([declared("acme", filed("a")), declared("other", theirs)], 1_000.0)

        with pytest.raises(SettingsError, match="service account"):
            await store.declare([declared("third"), declared("acme", other)], 1_001.0)
        assert await store.service_keys() == [filed("a"), theirs]
        assert [one.id for one in await store.projects()] == ["acme", "other"]

    @pytest.mark.parametrize("order", [1, -1])
    async def test_an_account_that_moves_in_the_file(self, store: Store, order: int) -> None:
        """From one project to another at once, whichever of them comes first in the file."""
        await store.declare([declared("acme", filed("a")), declared("other")], 1_000.0)
        after = [declared("acme"), declared("other", filed("a", "other"))]
        await store.declare(after[::order], 1_001.0)

        assert await store.service_keys() == [
            replace(filed("a"), revoked_at=1_001.0),
            filed("a", "other"),
        ]
