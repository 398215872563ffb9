"""Access tokens: issued for what an account has signed, believed while they are good, refused from the moment they are not.

The store here is a few dictionaries with the promises of the port that matter; the real one is held to them in its own suite,
and everything together is tried by sockets in tests/integration/test_token_endpoint.py.
"""

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from homegraph.errors import CallRefused, NotFound, TokenRequestRefused
from homegraph.graph.model import ApiKey, Project, ServiceKey
from homegraph.service import budgets
from homegraph.service.budgets import Budgets
from homegraph.service.credentials import REMEMBERED_SECONDS, Credentials
from homegraph.service.events import Events, TokenDenied, TokenIssued
from homegraph.service.identity import Presented, identify, recall
from homegraph.service.tokens import issue_token, own_addresses, token_audiences
from homegraph.service.vault import digest
from homegraph.settings.server import Settings
from homegraph.testing.clock import ManualClock
from homegraph.wire.assertions import GOOGLE_AUDIENCES
from support.signing import HOME_GRAPH, claims, key, public_pem, signed

EMAIL = "sync@acme.iam.gserviceaccount.com"
KEY = "AIzaSyEXAMPLE"
RPC = "google.home.graph.v1.HomeGraphApiService.Sync"
API = "https://homegraph.googleapis.com/"
OWN = "http://127.0.0.1:4663"
NOW = 1_000_000.0


def a_key(number=1, **members):
    """A key of the account."""
    return ServiceKey(
        **{
            "id": f"k{number}",
            "project_id": "acme",
            "email": EMAIL,
            "public_pem": public_pem(key(number)),
            "created_at": 0.0,
            **members,
        }
    )


def an_api_key(text, project_id):
    """An API key."""
    return ApiKey(text[:2], project_id, digest(text), "", 0.0)


class Shelf:
    """The methods of a store that are asked here, over dictionaries."""

    def __init__(self):
        self.known = [
            Project("acme", "http://127.0.0.1/", "123456789012"),
            Project("other", "http://127.0.0.1/", "1"),
        ]
        self.service = [a_key(1), a_key(2)]
        self.tokens = {}
        self.api_keys = {
            digest(text): an_api_key(text, project)
            for text, project in ((KEY, "acme"), ("other-key", "other"))
        }
        self.looked_up = 0

    async def find_project(self, project_id):
        return next((one for one in self.known if one.id == project_id), None)

    async def find_key(self, key_digest):
        return self.api_keys.get(key_digest)

    async def find_service_keys(self, email):
        self.looked_up += 1
        return [one for one in self.service if one.email == email]

    async def add_token(self, token):
        if not any(one.id == token.key_id and one.revoked_at is None for one in self.service):
            raise NotFound("no such key")
        self.tokens[token.digest] = token

    async def find_token(self, token_digest):
        self.looked_up += 1
        return self.tokens.get(token_digest)

    def revoke(self, key_id):
        """As ``revoke_service_key``: the tokens of the key go with it."""
        self.service = [
            replace(one, revoked_at=1.0) if one.id == key_id else one for one in self.service
        ]
        self.tokens = {d: token for d, token in self.tokens.items() if token.key_id != key_id}

    def set(self, **members):
        """Change the project."""
        self.known[0] = replace(self.known[0], **members)


class Numbers:
    """Ids that count."""

    def __init__(self):
        self.last = 0

    def secret(self):
        self.last += 1
        return f"secret-{self.last}"


@dataclass
class Household:
    """The parts of a house that are asked here."""

    store: Shelf = field(default_factory=Shelf)
    clock: ManualClock = field(default_factory=ManualClock)
    ids: Numbers = field(default_factory=Numbers)
    events: Events = field(default_factory=Events)
    settings: Settings = field(default_factory=Settings)
    budgets: Budgets = field(default_factory=lambda: Budgets.of(0))
    heard: list = field(default_factory=list)
    credentials: Credentials = None

    def __post_init__(self):
        self.credentials = Credentials(self.store, self.clock, {OWN, f"{OWN}/"})
        self.events.subscribe(self.heard.append)

    async def issue(self, *, by=1, kid=None, **members):
        """Ask for a token with an assertion of these claims."""
        assertion = signed(claims(**members), by=key(by), header={"kid": kid} if kid else None)
        return await issue_token(self, assertion, audiences=token_audiences({OWN}))

    async def identify(self, token, **more):
        """Present a token; what is remembered of it then says the same, or nothing."""
        shown = Presented(token=token, **more)
        try:
            project = await identify(self, shown, rpc=RPC)
        except CallRefused:
            assert recall(self, shown, self.clock.now(), "") is None
            raise
        assert recall(self, shown, self.clock.now(), "") is (None if shown.key else project)
        return project

    async def refused(self, token):
        """Present a token that must be refused; returns the refusal."""
        with pytest.raises(CallRefused) as caught:
            await self.identify(token)
        return caught.value

    async def denied(self, **how):
        """Ask for a token that must not be issued; returns the code."""
        with pytest.raises(TokenRequestRefused) as caught:
            await self.issue(**how)
        return caught.value.code


# --- issuing -----------------------------------------------------------------------------------------------------------


def test_a_token_speaks_for_the_project_of_the_key_that_signed():
    """From an assertion to a token to the project."""
    house = Household()

    async def story():
        return await house.identify(await house.issue())

    assert asyncio.run(story()).id == "acme"


def test_of_a_token_the_hash_is_kept():
    """With whose it is, what it is good for, and when it ends; the text itself is nowhere."""
    house = Household()

    text = asyncio.run(house.issue(by=2, kid="k2", scope=f"{HOME_GRAPH} openid"))

    (token,) = house.store.tokens.values()
    assert text == "ya29.secret-1"
    assert token.digest == digest(text)
    assert (token.project_id, token.email, token.key_id) == ("acme", EMAIL, "k2")
    assert token.scopes == (HOME_GRAPH, "openid")
    assert (token.issued_at, token.expires_at) == (NOW, NOW + 3599)
    assert text not in repr(house.store.tokens)


@pytest.mark.parametrize(
    "audience",
    [f"{OWN}/token", f"{OWN}/o/oauth2/token", f"{OWN}/oauth2/v4/token", *sorted(GOOGLE_AUDIENCES)],
)
def test_every_address_of_the_endpoint_is_an_audience(audience):
    """Ours at three paths, and those that clients have built in."""
    assert asyncio.run(Household().issue(aud=audience)).startswith("ya29.")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"iss": "nobody@acme.iam.gserviceaccount.com"}, "SERVICE_ACCOUNT_UNKNOWN"),
        ({"by": 3}, "ASSERTION_SIGNATURE"),
        ({"by": 1, "kid": "k2"}, "ASSERTION_SIGNATURE"),
        ({"aud": "https://elsewhere.example/token"}, "ASSERTION_AUDIENCE"),
        ({"exp": NOW}, "ASSERTION_LIFETIME"),
        ({"scope": None}, "ASSERTION_SCOPE"),
    ],
)
def test_what_is_not_good_brings_no_token(how, code):
    """Nothing is kept, and listeners hear why, with whom it claimed to be."""
    house = Household()

    assert asyncio.run(house.denied(**how)) == code
    assert house.store.tokens == {}
    assert house.heard == [TokenDenied(how.get("iss", EMAIL), code)]


def test_what_cannot_be_read_comes_from_nobody():
    """Listeners hear of it all the same."""
    house = Household()

    with pytest.raises(TokenRequestRefused):
        asyncio.run(issue_token(house, "nonsense", audiences=GOOGLE_AUDIENCES))

    assert house.heard == [TokenDenied("", "ASSERTION_UNREADABLE")]


def test_a_key_that_is_revoked_while_it_asks_gets_nothing():
    """The store has the last word."""
    house = Household()
    looked_up = house.store.find_service_keys

    async def overtaken(email):
        found = await looked_up(email)
        house.store.revoke("k1")
        return found

    house.store.find_service_keys = overtaken

    assert asyncio.run(house.denied()) == "SERVICE_ACCOUNT_UNKNOWN"
    assert house.store.tokens == {}


def test_a_project_gets_so_many_tokens_a_minute(monkeypatch):
    """Each is kept for an hour, so nobody gets them without end; a minute later there are more."""
    monkeypatch.setattr(budgets, "TOKENS_PER_MINUTE_MAX", 2)
    house = Household(budgets=Budgets.of(0))

    async def story():
        await house.issue()
        await house.issue()
        code = await house.denied()
        house.clock.advance(60)
        await house.issue()
        return code

    assert asyncio.run(story()) == "TOKEN_REQUESTS_TOO_MANY"
    assert len(house.store.tokens) == 3


def test_an_issued_token_is_announced_without_it():
    """Who got one, with which key."""
    house = Household()

    asyncio.run(house.issue())

    assert house.heard == [TokenIssued("acme", EMAIL, "k1")]


# --- believing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["nobodys", "ya29.guess", "a.b.c", "..", "Basic dTpw", "ä"])
def test_what_nobody_issued_is_unknown(token):
    """Whatever it looks like."""
    assert asyncio.run(Household().refused(token)).code == "ACCESS_TOKEN_UNKNOWN"


def test_a_token_ends_by_the_clock_while_it_is_remembered():
    """At its instant, with Google's word for it in the facts."""
    house = Household()

    async def story():
        token = await house.issue()
        house.clock.advance(3598.9)
        await house.identify(token)
        house.clock.advance(0.1)
        return await house.refused(token)

    refusal = asyncio.run(story())
    assert refusal.code == "ACCESS_TOKEN_UNKNOWN"
    assert refusal.facts["token_reason"] == "ACCESS_TOKEN_EXPIRED"
    assert refusal.facts["method"] == RPC


def test_a_token_for_other_scopes_is_not_enough():
    """403 and the method's name; not even the scope of everything else in the cloud will do."""
    house = Household()

    async def story():
        scope = "https://www.googleapis.com/auth/cloud-platform openid"
        return await house.refused(await house.issue(scope=scope))

    refusal = asyncio.run(story())
    assert (refusal.code, refusal.facts["method"]) == ("SCOPE_MISSING", RPC)


@pytest.mark.parametrize(
    ("members", "code"),
    [({"api_enabled": False}, "API_DISABLED"), ({"suspended": True}, "PROJECT_SUSPENDED")],
)
def test_the_project_may_be_switched_off(members, code):
    """With the facts of Google's sentences, and whose token it was."""
    house = Household()
    house.store.set(**members)

    async def story():
        return await house.refused(await house.issue())

    refusal = asyncio.run(story())
    assert refusal.code == code
    assert refusal.facts["project_number"] == "123456789012"
    assert refusal.facts["consumer"] == "project_number:123456789012"
    assert refusal.facts["metadata"] == {"project": "acme", "service_account": EMAIL}


def test_the_scope_is_looked_at_before_the_project():
    """First the credential, then whom it belongs to."""
    house = Household()
    house.store.set(api_enabled=False, suspended=True)

    async def story():
        return await house.refused(await house.issue(scope="openid"))

    assert asyncio.run(story()).code == "SCOPE_MISSING"


def test_a_token_is_looked_up_once_within_its_second():
    """Calls within a second share one lookup."""
    house = Household()

    async def story():
        token = await house.issue()
        before = house.store.looked_up
        for _ in range(5):
            await house.identify(token)
        house.clock.advance(REMEMBERED_SECONDS)
        await house.identify(token)
        return house.store.looked_up - before

    assert asyncio.run(story()) == 2


def bearer(**members):
    """A JWT that an account has signed for the API itself."""
    return signed(claims(**{"aud": API, "scope": None, **members}))


@pytest.mark.parametrize("kind", ["issued", "signed"])
def test_a_revoked_key_ends_its_tokens_at_once_here_and_within_a_second_elsewhere(kind):
    """Two processes on one database: the one that revokes forgets at once, the other believes for a second at most."""
    house = Household()
    elsewhere = Credentials(house.store, house.clock)

    async def code_of(credentials, token):
        try:
            await credentials.identify_token(token, rpc=RPC)
        except CallRefused as exc:
            return exc.code
        return ""

    async def story():
        token = await house.issue() if kind == "issued" else bearer()
        before = [await code_of(one, token) for one in (house.credentials, elsewhere)]
        house.store.revoke("k1")
        house.credentials.forget()
        at_once = await code_of(house.credentials, token)
        house.clock.advance(REMEMBERED_SECONDS)
        return before, at_once, await code_of(elsewhere, token)

    assert REMEMBERED_SECONDS <= 1.0
    assert asyncio.run(story()) == (["", ""], "ACCESS_TOKEN_UNKNOWN", "ACCESS_TOKEN_UNKNOWN")


def test_another_key_of_the_account_goes_on():
    """So keys can be exchanged without a gap."""
    house = Household()

    async def story():
        first, second = await house.issue(by=1), await house.issue(by=2)
        house.store.revoke("k1")
        house.credentials.forget()
        await house.refused(first)
        return await house.identify(second)

    assert asyncio.run(story()).id == "acme"


# --- self-signed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"aud": API[:-1]},
        {"aud": f"{API}google.home.graph.v1.HomeGraphApiService"},
        {"aud": OWN},
        {"aud": f"{OWN}/"},
        {"aud": None, "scope": HOME_GRAPH},
    ],
)
def test_a_self_signed_bearer_speaks_for_its_project(members):
    """For the API, for this server, or with the scope."""
    assert asyncio.run(Household().identify(bearer(**members))).id == "acme"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(claims()), "ASSERTION_AUDIENCE"),
        (bearer(aud="https://elsewhere.example/"), "ASSERTION_AUDIENCE"),
        (bearer(exp=NOW), "ASSERTION_LIFETIME"),
        (bearer(exp=NOW + 3601), "ASSERTION_LIFETIME"),
        (bearer(iss="nobody@acme"), "SERVICE_ACCOUNT_UNKNOWN"),
        (signed(claims(aud=API), by=key(3)), "ASSERTION_SIGNATURE"),
        ("a.b.c", "ASSERTION_UNREADABLE"),
    ],
)
def test_what_is_wrong_with_a_self_signed_bearer_is_a_further_reason(token, why):
    """In public it is one and the same 401, as for an assertion that was meant for the token endpoint."""
    refusal = asyncio.run(Household().refused(token))

    assert (refusal.code, refusal.facts["also"]) == ("ACCESS_TOKEN_UNKNOWN", (why,))


def test_a_self_signed_bearer_without_the_scope_is_not_enough():
    """As with an issued token."""
    refusal = asyncio.run(Household().refused(bearer(aud=None, scope="openid")))

    assert refusal.code == "SCOPE_MISSING"


def test_a_self_signed_bearer_is_verified_once_a_second_and_ends_when_it_says():
    """Between its verifications it is remembered, but never beyond its end."""
    house = Household()
    token = bearer(exp=NOW + 10)

    async def story():
        for _ in range(5):
            await house.identify(token)
        once = house.store.looked_up
        house.clock.advance(9.5)
        await house.identify(token)
        house.clock.advance(0.5)
        return once, house.store.looked_up, await house.refused(token)

    once, twice, refusal = asyncio.run(story())
    assert (once, twice) == (1, 2)
    assert refusal.code == "ACCESS_TOKEN_UNKNOWN"


def test_guessed_bearers_push_nothing_out(monkeypatch):
    """What is not good is not remembered."""
    monkeypatch.setattr("homegraph.service.credentials.REMEMBERED_MAX", 1)
    house = Household()

    async def story():
        token = await house.issue()
        await house.identify(token)
        for guess in range(10):
            await house.refused(f"guess-{guess}")
            await house.refused(f"a.b.{guess}")
        before = house.store.looked_up
        await house.identify(token)
        return house.store.looked_up - before

    assert asyncio.run(story()) == 0


# --- which credential --------------------------------------------------------------------------------------------------


def outcome(house, *, takes_key, **presented):
    """The project that calls, or the code of the refusal."""
    method = "devices.requestSync" if takes_key else ""

    async def story():
        shown = dict(presented)
        if "token" in shown and shown["token"] == "good":
            shown["token"] = await house.issue()
        caller = Presented(**shown, address="127.0.0.1")
        try:
            return (await identify(house, caller, rpc=RPC, key_method=method)).id
        except CallRefused as exc:
            return exc.code

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("presented", "request_sync", "others"),
    [
        ({}, "CREDENTIAL_MISSING", "ACCESS_TOKEN_MISSING"),
        ({"key": KEY}, "acme", "API_KEY_NOT_ACCEPTED"),
        ({"key": "nobodys"}, "API_KEY_UNKNOWN", "API_KEY_NOT_ACCEPTED"),
        ({"token": "good"}, "acme", "acme"),
        ({"token": "bad"}, "ACCESS_TOKEN_UNKNOWN", "ACCESS_TOKEN_UNKNOWN"),
        ({"token": "good", "key": KEY}, "acme", "acme"),
        ({"token": "good", "key": "nobodys"}, "acme", "acme"),
        ({"token": "good", "key": "other-key"}, "CREDENTIALS_DISAGREE", "CREDENTIALS_DISAGREE"),
        ({"token": "bad", "key": KEY}, "ACCESS_TOKEN_UNKNOWN", "ACCESS_TOKEN_UNKNOWN"),
        ({"token": "bad", "key": "other-key"}, "ACCESS_TOKEN_UNKNOWN", "ACCESS_TOKEN_UNKNOWN"),
    ],
)
def test_which_credential_a_method_takes(presented, request_sync, others):
    """Request Sync a key or a token, the others a token; the token decides, and a key of another project is refused."""
    assert outcome(Household(), takes_key=True, **presented) == request_sync
    assert outcome(Household(), takes_key=False, **presented) == others


def test_keys_can_be_switched_off():
    """Then Request Sync takes no key, either; without any credential it is answered as before."""
    house = Household(settings=Settings(accept_api_keys=False))

    assert outcome(house, takes_key=True, key=KEY) == "API_KEY_NOT_ACCEPTED"
    assert outcome(house, takes_key=True) == "CREDENTIAL_MISSING"
    assert outcome(house, takes_key=True, token="good") == "acme"


def test_what_was_presented_is_not_shown():
    """It may stand in a traceback."""
    assert repr(Presented(key="key", token="token", address="::1")) == "Presented(address='::1')"


# --- budgets -----------------------------------------------------------------------------------------------------------


def test_a_project_has_its_calls_a_minute():
    """The next one is refused with the number that Google's sentence prints."""
    spent = Budgets.of(2)
    project = Project("acme", "http://127.0.0.1/", "123456789012")
    spent.spend_call(project, NOW)
    spent.spend_call(project, NOW)

    with pytest.raises(CallRefused) as caught:
        spent.spend_call(project, NOW + 59)
    spent.spend_call(project, NOW + 60)

    assert caught.value.code == "QUOTA_EXHAUSTED"
    assert caught.value.facts["project_number"] == "123456789012"


# --- addresses ---------------------------------------------------------------------------------------------------------


def test_own_addresses_are_all_names_with_and_without_the_port():
    """By both schemes, since a proxy in front may speak TLS."""
    settings = Settings(allowed_hosts=("home.example",), base_url="https://public.example")

    found = own_addresses(settings, "http://127.0.0.1:4663")

    assert {
        "http://127.0.0.1:4663",
        "http://localhost:4663",
        "http://[::1]:4663",
        "https://home.example",
        "http://home.example:4663",
        "https://public.example",
    } <= found
    assert "" not in found
    assert not any(one.endswith("/") for one in found)


def test_a_server_without_a_port_has_addresses_all_the_same():
    """On a Unix socket behind a proxy."""
    assert "https://localhost" in own_addresses(Settings(), "http://localhost")
