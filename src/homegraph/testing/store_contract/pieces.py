"""Pieces that move: databases as they may be, drawn by chance, and single homes with a part to play in a test."""
# ruff: noqa: S101  # a test suite that lives in the package

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from homegraph.graph.model import (
    Cause,
    Finding,
    HeldDevice,
    Link,
    LinkState,
    Mode,
    Placement,
    RefreshState,
    Tokens,
)
from homegraph.graph.syncing import Work
from homegraph.store.copies import Copy, DeviceCopy, HomeCopy, LinkCopy
from homegraph.testing.store_contract.scene import TOKENS

EXAMPLES = 40
"""Databases that go through another one."""

ODD = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["\0", "\1", "\1\1", "\1\2", "a\0b", "\x7f", "\ufeff", "\U0001f4a1", "e\u0301", "'; --", '"\\']
)
"""Texts as fulfillments may send them."""

NAME = ODD.filter(bool)
MOMENT_MAX = 4e9
MOMENT = st.floats(0, MOMENT_MAX, allow_nan=False)
COUNTER = st.integers(0, 2**63 - 1)
BYTES = st.binary(max_size=40)
OBJECT = st.dictionaries(ODD, st.integers() | ODD, max_size=2).map(msgspec.json.encode)

WORKS = st.builds(
    lambda done, more, **others: Work(
        requested=done + more, done=done, async_generation=done + more, **others
    ),
    st.integers(0, 2**40),
    st.integers(1, 9),
    fence=COUNTER,
    attempts=st.integers(0, 12),
    due_at=MOMENT,
    cause=st.sampled_from(Cause),
    requested_at=MOMENT,
    run_mode=st.sampled_from(Mode),
)

DEVICES = st.builds(
    DeviceCopy,
    id=NAME,
    fingerprint=BYTES,
    definition=OBJECT,
    traits=st.tuples(ODD),
    notifies=st.booleans(),
    attributes=OBJECT | st.just(b""),
    placement=st.builds(
        Placement,
        ODD,
        ODD,
        st.tuples(ODD),
        st.frozensets(st.sampled_from(["room", "name", "nicknames"])),
    ),
    added_at=MOMENT,
    changed_at=MOMENT,
    states=st.dictionaries(ODD, st.tuples(MOMENT, OBJECT), max_size=2),
)

HELD = st.builds(
    HeldDevice,
    BYTES,
    ODD,
    ODD,
    ODD,
    st.tuples(st.builds(Finding, ODD, ODD, ODD, ODD, ODD, ODD, ODD, ODD)),
)


def links_of(agent_user_id: str, states: tuple[LinkState, ...]) -> st.SearchStrategy[LinkCopy]:
    """Links of an agent user, or of none."""
    return st.builds(
        LinkCopy,
        st.builds(
            Link,
            st.just("acme"),
            NAME,
            st.sampled_from(states),
            st.builds(Tokens, BYTES, BYTES, st.none() | MOMENT, st.none() | MOMENT),
            MOMENT,
            st.just(agent_user_id),
            BYTES,
            st.sampled_from(["file", "linked"]),
            ODD,
            MOMENT,
            st.builds(RefreshState, st.just(0.0), st.integers(0, 99), MOMENT, ODD),
        ),
        COUNTER,
    )


@st.composite
def homes(draw: Any, agent_user_id: str) -> HomeCopy:
    """An agent user that is linked, or was."""
    linked = draw(st.booleans())
    ended = (LinkState.UNLINKED,)
    living = (LinkState.LINKED, LinkState.BROKEN)
    links = draw(
        st.lists(
            links_of(agent_user_id, living if linked else ended),
            min_size=int(linked),
            max_size=2,
            unique_by=lambda one: one.link.user_id,
        )
    )
    work = draw(st.none() | WORKS) if linked else None
    return HomeCopy(
        project_id="acme",
        agent_user_id=agent_user_id,
        linked=linked,
        linked_at=draw(MOMENT),
        unlinked_at=None if linked else draw(MOMENT),
        fence=draw(COUNTER) if work is None else work.fence,
        work=work,
        links=tuple(sorted(links, key=lambda one: (one.link.created_at, one.link.user_id))),
        held=tuple(draw(st.lists(HELD, max_size=1))) if linked else (),
        devices=tuple(
            sorted(
                draw(st.lists(DEVICES, max_size=3, unique_by=lambda one: one.id)) if linked else (),
                key=lambda one: one.id,
            )
        ),
    )


def same_users(copies: list[Copy]) -> bool:
    """Whether two pieces are about a link of one user, which no database can have."""
    users: list[str] = []
    for copy in copies:
        if isinstance(copy, HomeCopy):
            users += [one.link.user_id for one in copy.links]
        elif isinstance(copy, LinkCopy):
            users.append(copy.link.user_id)
    return len(set(users)) < len(users)


@st.composite
def databases(draw: Any) -> list[Copy]:
    """What a database of one project may hold, in the order of an export."""
    ids = sorted(draw(st.sets(NAME, max_size=3)))
    copies: list[Copy] = [draw(homes(agent_user_id)) for agent_user_id in ids]
    states = (LinkState.LINKING, LinkState.BROKEN)
    alone: list[LinkCopy] = draw(
        st.lists(links_of("", states), max_size=2, unique_by=lambda one: one.link.user_id)
    )
    works = [draw(st.none() | WORKS) for _ in alone]
    with_work = [
        one if work is None else LinkCopy(one.link, work.fence, work, draw(MOMENT))
        for one, work in zip(alone, works, strict=True)
    ]
    with_work.sort(key=lambda one: one.link.user_id)
    copies += with_work
    return copies


@cache  # making them up takes longer than a database needs to take them
def some_databases() -> list[list[Copy]]:
    """Examples, of which no two pieces are about a link of one user."""
    found: list[list[Copy]] = []

    @settings(max_examples=EXAMPLES, database=None, deadline=None)
    @given(databases())
    def collect(copies: list[Copy]) -> None:
        assume(not same_users(copies))
        found.append(copies)

    collect()
    return found


def home(agent_user_id: str, *users: str) -> HomeCopy:
    """A linked agent user with links, devices and a sync that is due."""
    return HomeCopy(
        project_id="acme",
        agent_user_id=agent_user_id,
        linked=True,
        linked_at=800.0,
        fence=41,
        work=Work(requested=7, done=5, fence=41, async_generation=7, due_at=900.0),
        links=tuple(
            LinkCopy(Link("acme", user, LinkState.LINKED, TOKENS, 800.0, agent_user_id), 2)
            for user in users
        ),
        devices=(device("lamp"), device("plug")),
    )


def device(device_id: str) -> DeviceCopy:
    """A device with a state."""
    return DeviceCopy(
        id=device_id,
        fingerprint=b"print",
        definition=b"{}",
        traits=("OnOff",),
        notifies=False,
        attributes=b"",
        placement=Placement("Hall", "Lamp"),
        added_at=1.0,
        changed_at=2.0,
        states={"OnOff": (3.0, b'{"on":true}')},
    )


def of_project(copy: Copy, project_id: str) -> Copy:
    """The same agent user or link in another project."""
    if isinstance(copy, HomeCopy):
        return replace_project(copy, project_id)
    assert isinstance(copy, LinkCopy)
    return replace(copy, link=replace(copy.link, project_id=project_id))


def replace_project(copy: HomeCopy, project_id: str) -> HomeCopy:
    """The same agent user in another project."""
    links = tuple(replace(one, link=replace(one.link, project_id=project_id)) for one in copy.links)
    return replace(copy, project_id=project_id, links=links)
