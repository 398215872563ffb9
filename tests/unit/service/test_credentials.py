"""Credentials, through ``identify_key``: whom a key speaks for, when it does not, and how long that is believed."""

import asyncio

import pytest
from msgspec.structs import replace

from homegraph.errors import CallRefused
from homegraph.graph.model import ApiKey, Project
from homegraph.service import credentials
from homegraph.service.credentials import REMEMBERED_SECONDS, Credentials
from homegraph.service.vault import digest
from homegraph.testing.clock import ManualClock

KEY = "AIzaSyEXAMPLE"
METHOD = "devices.requestSync"
HERE = "127.0.0.1"


class Shelf:
    """The two methods of a store that credentials ask, over dictionaries; counts how often keys are looked up."""

    def __init__(self, project, *keys):
        self.project = project
        self.keys = {key.digest: key for key in keys}
        self.looked_up = 0
        self.held: asyncio.Event | None = None

    async def find_key(self, key_digest):
        self.looked_up += 1
        found = self.keys.get(key_digest)
        if self.held is not None:
            await self.held.wait()
        return found

    async def find_project(self, project_id):
        return self.project if project_id == self.project.id else None


def a_key(text=KEY, **members):
    """A key of the project, good unless said otherwise."""
    return ApiKey(
        **{
            "id": "k1",
            "project_id": "acme",
            "digest": digest(text),
            "hint": text[:8],
            "created_at": 0.0,
            **members,
        }
    )


PROJECT = Project("acme", "http://127.0.0.1/", "123456789012")


def house_of(key=None, project=PROJECT):
    """Credentials over a shelf with one key, and what they are made of."""
    clock = ManualClock()
    shelf = Shelf(project, *([a_key()] if key is None else [key]))
    return Credentials(shelf, clock), shelf, clock


async def identify(known, text=KEY, address=HERE):
    """Present a key; what is remembered of it then says the same, or nothing."""
    at = known._clock.now()
    try:
        project = await known.identify_key(text, method=METHOD, address=address)
    except CallRefused:
        assert known.recall_key(digest(text), at, METHOD, address) is None
        raise
    assert known.recall_key(digest(text), at, METHOD, address) in (project, None)
    return project


async def refused(known, **how):
    """Present a key that must be refused; returns the refusal."""
    with pytest.raises(CallRefused) as caught:
        await identify(known, **how)
    return caught.value


def test_a_key_is_remembered_for_a_second_for_what_it_may_do():
    """Not for another method or address, and not when the second is over."""
    known, _, clock = house_of(a_key(methods=(METHOD,), addresses=(HERE,)))
    project = asyncio.run(identify(known))

    def recalled(method=METHOD, address=HERE):
        return known.recall_key(digest(KEY), clock.now(), method, address)

    assert recalled() == project
    assert recalled(method="devices.sync") is None
    assert recalled(address="127.0.0.2") is None
    clock.advance(REMEMBERED_SECONDS)
    assert recalled() is None


def test_a_key_speaks_for_its_project():
    """The project is the one that the key belongs to."""
    known, _, _ = house_of()

    assert asyncio.run(identify(known)) == PROJECT


@pytest.mark.parametrize(
    ("key", "project", "code"),
    [
        (a_key("another key"), PROJECT, "API_KEY_UNKNOWN"),
        (a_key(project_id="gone"), PROJECT, "API_KEY_UNKNOWN"),
        (a_key(revoked_at=1.0), PROJECT, "API_KEY_REVOKED"),
        (a_key(expires_at=1_000_000.0), PROJECT, "API_KEY_EXPIRED"),
        (a_key(methods=("devices.query",)), PROJECT, "API_KEY_RESTRICTED"),
        (a_key(addresses=("192.0.2.0/24",)), PROJECT, "API_KEY_IP_REFUSED"),
        (a_key(), replace(PROJECT, api_enabled=False), "API_DISABLED"),
        (a_key(), replace(PROJECT, suspended=True), "PROJECT_SUSPENDED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_key_has_its_own_reason(key, project, code):
    """Every cause is told apart."""
    known, _, _ = house_of(key, project)

    assert code == asyncio.run(refused(known)).code


def test_of_several_causes_the_first_in_googles_order_is_told():
    """The key itself, then its restrictions, then its project."""
    wrong = a_key(
        revoked_at=1.0, expires_at=1.0, methods=("devices.query",), addresses=("192.0.2.1",)
    )
    project = replace(PROJECT, api_enabled=False, suspended=True)
    mended = [
        wrong,
        replace(wrong, revoked_at=None),
        replace(wrong, revoked_at=None, expires_at=None),
        replace(wrong, revoked_at=None, expires_at=None, methods=()),
        replace(wrong, revoked_at=None, expires_at=None, methods=(), addresses=()),
    ]

    told = [asyncio.run(refused(house_of(key, project)[0])).code for key in mended]
    told.append(asyncio.run(refused(house_of(a_key(), replace(project, api_enabled=True))[0])).code)

    assert told == [
        "API_KEY_REVOKED",
        "API_KEY_EXPIRED",
        "API_KEY_RESTRICTED",
        "API_KEY_IP_REFUSED",
        "API_DISABLED",
        "PROJECT_SUSPENDED",
    ]


def test_a_refusal_has_the_facts_of_googles_sentences():
    """Project number, caller's address and consumer are what the row's message and details print."""
    known, _, _ = house_of(a_key(addresses=("192.0.2.0/24",)))

    refusal = asyncio.run(refused(known, address="198.51.100.7"))

    assert refusal.facts["ip"] == "198.51.100.7"
    assert refusal.facts["project_number"] == "123456789012"
    assert refusal.facts["consumer"] == f"api_key:{KEY}"
    assert refusal.facts["metadata"] == {"project": "acme", "key_id": "k1"}
    assert KEY not in str(refusal)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("192.0.2.9", True),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::1", True),
        ("198.51.100.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("not an address", False),
    ],
)
def test_an_address_is_in_one_of_the_networks_or_refused(address, good):
    """IPv4, IPv6 and IPv4 seen through an IPv6 socket; a caller without an address is refused."""
    known, _, _ = house_of(a_key(addresses=("192.0.2.0/24", "2001:db8::/32")))

    if good:
        assert asyncio.run(identify(known, address=address)) == PROJECT
    else:
        assert asyncio.run(refused(known, address=address)).code == "API_KEY_IP_REFUSED"


def test_a_key_expires_by_the_clock_while_it_is_remembered():
    """Expiry needs no lookup: a remembered key stops at its instant."""
    known, _, clock = house_of(a_key(expires_at=1_000_000.5))

    async def story():
        await identify(known)
        clock.advance(0.5)
        return await refused(known)

    assert asyncio.run(story()).code == "API_KEY_EXPIRED"


def test_a_key_is_looked_up_once_within_its_time():
    """Calls within a second share one lookup; the next one after it looks again."""
    known, shelf, clock = house_of()

    async def story():
        for _ in range(5):
            await identify(known)
        within = shelf.looked_up
        clock.advance(REMEMBERED_SECONDS)
        await identify(known)
        return within, shelf.looked_up

    assert asyncio.run(story()) == (1, 2)


def test_a_revocation_by_another_process_is_seen_when_the_time_is_over():
    """What another process has changed counts after a second at the latest."""
    known, shelf, clock = house_of()

    async def story():
        await identify(known)
        shelf.keys[digest(KEY)] = a_key(revoked_at=1.0)
        clock.advance(REMEMBERED_SECONDS)
        return await refused(known)

    assert asyncio.run(story()).code == "API_KEY_REVOKED"


def test_after_forgetting_the_next_call_sees_the_change():
    """A revocation in this process counts from the next call on."""
    known, shelf, _ = house_of()

    async def story():
        await identify(known)
        shelf.keys[digest(KEY)] = a_key(revoked_at=1.0)
        known.forget()
        return await refused(known)

    assert asyncio.run(story()).code == "API_KEY_REVOKED"


def test_a_lookup_that_a_change_overtook_is_not_remembered():
    """A lookup that has read the old row before ``forget`` does not bring it back afterwards."""
    known, shelf, _ = house_of()

    async def story():
        shelf.held = asyncio.Event()
        early = asyncio.create_task(identify(known))
        while not shelf.looked_up:
            await asyncio.wait([early], timeout=0)
        shelf.keys[digest(KEY)] = a_key(revoked_at=1.0)
        known.forget()
        shelf.held.set()
        await early
        return await refused(known)

    assert asyncio.run(story()).code == "API_KEY_REVOKED"


def test_a_clock_that_was_set_back_makes_nothing_last_longer():
    """A remembered key from the future is looked up again."""
    known, shelf, clock = house_of()

    async def story():
        await identify(known)
        clock.advance(-3600)
        await identify(known)
        return shelf.looked_up

    assert asyncio.run(story()) == 2


def test_guesses_push_nothing_out(monkeypatch):
    """Unknown keys take no place; of known ones the longest unused goes when the places are full."""
    monkeypatch.setattr(credentials, "REMEMBERED_MAX", 2)
    shelf = Shelf(PROJECT, *(a_key(text) for text in ("one", "two", "three")))
    known = Credentials(shelf, ManualClock())

    async def story():
        await identify(known, "one")
        await identify(known, "two")
        for guess in range(10):
            await refused(known, text=f"guess {guess}")
        looked_up = shelf.looked_up
        await identify(known, "one")  # remembered, and used last from now on
        assert shelf.looked_up == looked_up
        await identify(known, "three")
        await identify(known, "one")
        assert shelf.looked_up == looked_up + 1
        await identify(known, "two")
        return shelf.looked_up - looked_up

    assert asyncio.run(story()) == 2
