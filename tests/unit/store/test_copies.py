"""Copies that contradict themselves: what no export has, but a file that somebody else has written, or mended by hand."""

import pytest
from msgspec.structs import replace

from homegraph.graph.model import HeldDevice, Link, LinkState, Placement, Project, Tokens
from homegraph.graph.syncing import Work
from homegraph.store.copies import (
    COUNTER_MAX,
    DeviceCopy,
    HomeCopy,
    LinkCopy,
    ProjectCopy,
    mistake_in,
)
from homegraph.testing.store_contract.scene import api_key, service_key

LINK = Link("acme", "anna", LinkState.LINKED, Tokens(b"a"), 1.0, "1836")
OVER = replace(LINK, state=LinkState.UNLINKED)
LAMP = DeviceCopy(
    "lamp", b"f", b"{}", ("OnOff",), False, b"", Placement("", "Lamp"), 1.0, 1.0,
    {"OnOff": (1.0, b'{"on":true}')},
)  # fmt: skip
DUE = Work(requested=1)
HOME = HomeCopy(
    "acme", "1836", True, 1.0, fence=3, work=DUE, links=(LinkCopy(LINK),), devices=(LAMP,)
)
TOMBSTONE = HomeCopy("acme", "1836", False, 1.0, 2.0, links=(LinkCopy(OVER),))
WAITING = LinkCopy(replace(LINK, state=LinkState.LINKING, agent_user_id=""), work=DUE)
PROJECT = ProjectCopy(Project("acme", "https://x/", "1"), (api_key("k"),), (service_key("s"),))


def linked_as(link, **members):
    """The home with another link."""
    return replace(HOME, links=(LinkCopy(link, **members),))


def reported(state):
    """The home with another state of its lamp."""
    return replace(HOME, devices=(replace(LAMP, states={"OnOff": (1.0, state)}),))


@pytest.mark.parametrize(
    "copy",
    [
        HOME,
        TOMBSTONE,
        WAITING,
        PROJECT,
        linked_as(LINK, unlinking_at=1.0),
        replace(HOME, links=(LinkCopy(replace(OVER, user_id="ben")), LinkCopy(LINK))),
        replace(HOME, fence=COUNTER_MAX),
    ],
)
def test_a_copy_without_a_mistake(copy):
    """What the mistakes below are made of."""
    assert mistake_in(copy) == ""


@pytest.mark.parametrize(
    ("copy", "mistake"),
    [
        (replace(PROJECT, keys=(api_key("k", "other"),)), "a key of another project"),
        (replace(PROJECT, service_keys=(service_key("s", "other"),)), "a key of another project"),
        (replace(HOME, agent_user_id=""), "an agent user without a name"),
        *(
            (
                replace(TOMBSTONE, **{member: value}),
                "devices or work of an agent user that is not linked",
            )
            for member, value in (
                ("devices", (LAMP,)),
                ("held", (HeldDevice(b"f", "lamp", "", "", ()),)),
                ("work", DUE),
            )
        ),
        (replace(HOME, devices=(LAMP, LAMP)), "a device twice"),
        *(
            (reported(state), "a state that is no JSON object")
            for state in (b"1", b"{", b"\xff", b"[" * 9_999)
        ),
        (replace(HOME, links=(LinkCopy(LINK), LinkCopy(LINK))), "a link twice"),
        (linked_as(OVER), "a linked agent user without a link"),
        (linked_as(replace(LINK, project_id="other")), "a link of another project"),
        (linked_as(replace(LINK, agent_user_id="1837")), "a link of another agent user"),
        (replace(WAITING, link=LINK), "a link of another agent user"),
        (linked_as(LINK, work=DUE), "work of a first SYNC that has succeeded"),
        (
            replace(TOMBSTONE, links=(LinkCopy(LINK),)),
            "a link that has not ended, of an agent user that has",
        ),
        (
            replace(WAITING, link=replace(WAITING.link, state=LinkState.UNLINKED)),
            "a first SYNC of a link that has ended",
        ),
        (
            replace(TOMBSTONE, links=(LinkCopy(OVER, unlinking_at=1.0),)),
            "an unlinking of a link that has ended",
        ),
        *(
            (
                replace(HOME, work=replace(DUE, **{member: value})),
                "a run that somebody has in hands",
            )
            for member, value in (("taken", 1), ("worker", "w"), ("lease_until", 1.0))
        ),
        *(
            (replace(HOME, work=replace(DUE, **{member: value})), "a counter out of range")
            for member in (
                "requested",
                "done",
                "fence",
                "attempts",
                "sync_generation",
                "async_generation",
            )
            for value in (-1, COUNTER_MAX + 1)
        ),
        (replace(HOME, fence=-1), "a counter out of range"),
        (replace(WAITING, fence=COUNTER_MAX + 1), "a counter out of range"),
    ],
)
def test_a_mistake_is_named(copy, mistake):
    """Whoever imports it is told so, with the number of its line; nothing of it is stored."""
    assert mistake_in(copy) == mistake
