"""The key that secrets are sealed with: it is noted once, and again only by whoever means it."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

import asyncio

from homegraph.store.port import Declaration, DeclaredLink, Store
from homegraph.testing.store_contract.scene import TOKENS, project


class Sealing:
    """``sealed_with`` and ``seal_with``."""

    async def test_the_first_key_counts(self, store: Store) -> None:
        """Whoever comes with another one is told which it is, and changes nothing."""
        assert await store.sealed_with() == ""
        assert await store.seal_with("a" * 32, 1_000.0) == "a" * 32

        assert await store.seal_with("b" * 32, 1_001.0) == "a" * 32
        assert await store.sealed_with() == "a" * 32

    async def test_of_many_that_come_together_one_counts(self, store: Store) -> None:
        """All are told the same one."""
        keys = [str(number) * 32 for number in range(8)]

        told = await asyncio.gather(*(store.seal_with(key, 1_000.0) for key in keys))

        assert set(told) == {await store.sealed_with()}
        assert set(told) <= set(keys)

    async def test_a_key_that_is_replaced(self, store: Store) -> None:
        """The one that is noted gives way to the first that says so, and to no other."""
        await store.seal_with("a" * 32, 1_000.0)
        keys = [str(number) * 32 for number in range(8)]

        asking = (store.seal_with(key, 1_001.0, instead_of="a" * 32) for key in keys)
        told = await asyncio.gather(*asking)

        assert set(told) == {await store.sealed_with()}
        assert set(told) <= set(keys)
        assert await store.seal_with("b" * 32, 1_002.0, instead_of="a" * 32) == told[0]

    async def test_grants_of_the_file_are_adopted_again(self, store: Store) -> None:
        """What was sealed with the old key is lost, and the file has it still; but whoever has left has left."""
        links = tuple(DeclaredLink(user, TOKENS, b"1") for user in ("anna", "ben"))
        file = [Declaration(project(), links=links)]
        await store.declare(file, 1_000.0)
        await store.unlink("acme", "ben", 1_001.0)
        await store.seal_with("a" * 32, 1_002.0)
        await store.declare(file, 1_003.0)
        assert [one.changed_at for one in await store.links()] == [1_000.0, 1_001.0]

        await store.seal_with("b" * 32, 1_004.0, instead_of="a" * 32)
        await store.declare(file, 1_005.0)

        assert [one.changed_at for one in await store.links()] == [1_005.0, 1_001.0]
