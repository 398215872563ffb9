"""Service accounts: key files in Google's format, made and read, and what is kept of them.

The store here is a list; the real one is tried in tests/integration/test_token_endpoint.py.
"""

import asyncio
import itertools
import json
from dataclasses import dataclass, field

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from msgspec.structs import replace

from homegraph.errors import NotFound, SettingsError
from homegraph.graph.model import Project
from homegraph.service import service_accounts as accounts
from homegraph.service.key_files import KEY_BITS_MAX, make_key_file, read_key_file
from homegraph.service.service_accounts import KEYS_MAX
from homegraph.settings.file import Problems
from homegraph.settings.projects import ProjectSettings
from homegraph.testing.clock import ManualClock
from homegraph.wire.assertions import verify
from support.signing import claims, key, private_pem, public_pem, signed

EMAIL = "home-graph@acme.iam.gserviceaccount.com"
TOKEN_URI = "http://127.0.0.1:4663/token"


@dataclass
class House:
    """The parts of a house that are asked here; it is its own store, and its own credentials."""

    kept: list = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)
    forgotten: int = 0

    @property
    def store(self):
        return self

    @property
    def credentials(self):
        return self

    def forget(self):
        self.forgotten += 1

    async def find_project(self, project_id):
        return Project("acme", "http://127.0.0.1/", "1") if project_id == "acme" else None

    async def service_keys(self, project_id=None):
        return [one for one in self.kept if project_id in (None, one.project_id)]

    async def add_service_key(self, one):
        self.kept.append(one)

    async def revoke_service_key(self, project_id, key_id, now):
        for at, one in enumerate(self.kept):
            if (one.project_id, one.id) == (project_id, key_id):
                self.kept[at] = replace(one, revoked_at=now)
                return self.kept[at]
        raise NotFound(f"no key {key_id!r}")

    def create(self, **members):
        """Make a key."""
        asked = msgspec.convert({"project": "acme", **members}, accounts.ServiceKeyWanted)
        return asyncio.run(accounts.create_key(self, asked, token_uri=TOKEN_URI))

    def revoke(self, **members):
        """Withdraw keys; returns their states by id."""
        asked = accounts.WhichServiceKey(project="acme", **members)
        return {one.id: one.state for one in asyncio.run(accounts.revoke(self, asked)).keys}


@pytest.fixture
def quick(monkeypatch):
    """Keys from the tests' own supply, because making one takes a while."""
    supply = itertools.cycle([key(1), key(2), key(3)])
    monkeypatch.setattr(rsa, "generate_private_key", lambda *_: next(supply))


# --- key files ---------------------------------------------------------------------------------------------------------


def test_a_key_file_has_all_members_of_googles_format():
    """Google's libraries read it; its token_uri is ours."""
    file, half = asyncio.run(make_key_file("acme", EMAIL, TOKEN_URI))

    members = json.loads(msgspec.json.encode(file))
    assert list(members) == [
        *("type", "project_id", "private_key_id", "private_key", "client_email", "client_id"),
        *("auth_uri", "token_uri", "auth_provider_x509_cert_url", "client_x509_cert_url"),
        "universe_domain",
    ]
    assert members["type"] == "service_account"
    assert (members["project_id"], members["client_email"]) == ("acme", EMAIL)
    assert members["token_uri"] == TOKEN_URI
    assert members["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert members["client_x509_cert_url"].endswith("/home-graph%40acme.iam.gserviceaccount.com")
    assert members["private_key_id"] == half.id
    assert len(half.id) == 40
    assert len(members["client_id"]) == 21
    assert members["client_id"].isdigit()


def test_what_the_file_signs_the_kept_half_verifies():
    """The two belong together; the key has 2,048 bits."""
    file, half = asyncio.run(make_key_file("acme", EMAIL, TOKEN_URI))
    private = serialization.load_pem_private_key(file.private_key.encode(), None)

    verify(signed(claims(), by=private), half.public_pem)

    assert private.key_size == 2048


def test_a_key_file_shows_nothing_of_its_key():
    """It may stand in a traceback."""
    file, half = asyncio.run(make_key_file("acme", EMAIL, TOKEN_URI))

    assert "PRIVATE" not in repr(file)
    assert EMAIL in repr(file)
    assert "BEGIN" not in repr(half)


def written(path, **members):
    """A key file as Google writes it."""
    made = {
        "type": "service_account",
        "private_key_id": "0123abcd",
        "private_key": private_pem(key()),
        "client_email": "sync@acme-1.iam.gserviceaccount.com",
        "client_id": "1",
        **members,
    }
    path.write_text(json.dumps({name: value for name, value in made.items() if value is not None}))
    return path


def test_a_key_file_is_read_for_its_public_half(tmp_path):
    """Whose it is, the id that its tokens will name, and the half that verifies them."""
    half = read_key_file(written(tmp_path / "key.json"))

    assert (half.email, half.id) == ("sync@acme-1.iam.gserviceaccount.com", "0123abcd")
    assert half.public_pem == public_pem(key())


def test_a_key_without_an_id_is_given_one(tmp_path):
    """Always the same for a key."""
    one = read_key_file(written(tmp_path / "one.json", private_key_id=None))
    same = read_key_file(written(tmp_path / "two.json", private_key_id=""))

    assert len(one.id) == 40
    assert one.id == same.id


ED25519 = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"type": "authorized_user"}, "is no key file"),
        ({"type": None}, "is no key file"),
        ({"client_email": "nobody"}, "is no key file"),
        ({"client_email": None}, "is no key file"),
        ({"private_key": None}, "is no key file"),
        ({"private_key": 7}, "is no key file"),
        ({"private_key": "secret nonsense"}, "its private_key is damaged"),
        ({"private_key": private_pem(key())[:-60]}, "its private_key is damaged"),
        ({"private_key": ED25519}, "is no RSA key"),
        ({"private_key": private_pem(key(1, 1024))}, "has 1024 bits"),
    ],
)
def test_what_is_no_key_file_is_told_with_its_path(tmp_path, members, told):
    """And with nothing of what is in it."""
    path = written(tmp_path / "key.json", **members)

    with pytest.raises(SettingsError) as caught:
        read_key_file(path)

    assert told in caught.value.message
    assert caught.value.place == str(path)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no key file"),
        (b"\xff", "is no key file"),
        (b"[" * 5_000, "is no key file"),
        (b" " * 70_000, "is larger than 64 KiB"),
        (None, "cannot be read: No such file"),
    ],
)
def test_any_content_is_read_or_refused(tmp_path, content, told):
    """Also no content at all."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=told):
        read_key_file(path)


def test_the_most_bits_are_what_a_signature_may_have():
    """The library that verifies takes signatures of up to 1,024 bytes."""
    assert KEY_BITS_MAX == 8 * 1_024


# --- made, listed, withdrawn -------------------------------------------------------------------------------------------


def test_of_a_new_key_the_public_half_is_kept(quick):
    """The answer has the file; the house has what verifies."""
    house = House()

    made = house.create()

    (kept,) = house.kept
    assert (made.email, made.state, made.origin) == (EMAIL, "active", "admin")
    assert (kept.id, kept.project_id, kept.email) == (made.id, "acme", EMAIL)
    assert kept.created_at == house.clock.now()
    assert made.key_file.token_uri == TOKEN_URI
    assert "PRIVATE" not in kept.public_pem.decode()


@pytest.mark.parametrize(
    ("members", "email"),
    [
        ({"name": "sync-1"}, "sync-1@acme.iam.gserviceaccount.com"),
        ({"email": "mine@example.com"}, "mine@example.com"),
    ],
)
def test_an_account_may_be_named(quick, members, email):
    """In Google's manner, or wholly."""
    assert House().create(**members).key_file.client_email == email


@pytest.mark.parametrize(
    "members",
    [{"name": "a"}, {"name": "A1"}, {"name": "a" * 31}, {"name": "a@b"}, {"email": "a"}]
    + [{"email": text} for text in ("a@b@c", "a b@c", "@c", "a@", "a@c\n")],
)
def test_a_name_that_cannot_be_is_refused(members):
    """Before anything is made."""
    house = House()

    with pytest.raises(msgspec.ValidationError):
        house.create(**members)


def test_an_account_has_several_keys_up_to_a_bound(quick):
    """Revoked ones do not count."""
    house = House()
    for number in range(KEYS_MAX):
        house.create()
        house.kept[-1] = replace(house.kept[-1], id=f"k{number}")

    with pytest.raises(SettingsError, match="has 10 keys already"):
        house.create()
    house.create(name="another-one")
    house.revoke(id="k0")
    house.create()

    assert len(house.kept) == KEYS_MAX + 2


def test_a_project_that_is_not_there_has_no_accounts():
    """Neither to list nor to make."""
    house = House()

    with pytest.raises(NotFound):
        asyncio.run(accounts.list_keys(house, accounts.WhichAccounts(project="nowhere")))
    with pytest.raises(NotFound):
        house.create(project="nowhere")
    assert house.kept == []


def test_keys_are_listed_revoked_ones_too(quick):
    """With their state and when they were made."""
    house = House()
    first, second = house.create().id, house.create().id
    house.revoke(id=first)

    listed = asyncio.run(accounts.list_keys(house, accounts.WhichAccounts(project="acme"))).keys

    assert [(one.id, one.state) for one in listed] == [(first, "revoked"), (second, "active")]
    assert listed[0].revoked_at == listed[1].created_at == "1970-01-12T13:46:40.000Z"


def test_a_key_is_withdrawn_and_what_was_remembered_forgotten(quick):
    """Other keys stay."""
    house = House()
    first, second = house.create().id, house.create().id

    assert house.revoke(id=first) == {first: "revoked"}
    assert [one.id for one in house.kept if one.revoked_at is None] == [second]
    assert house.forgotten == 1


def test_an_account_is_withdrawn_with_all_its_keys(quick):
    """Those of other accounts stay."""
    house = House()
    ids = {house.create().id, house.create().id}
    other = house.create(name="another-one").id

    assert house.revoke(email=EMAIL) == dict.fromkeys(ids, "revoked")
    assert [one.id for one in house.kept if one.revoked_at is None] == [other]


@pytest.mark.parametrize("members", [{"id": "k9"}, {"email": "nobody@acme"}])
def test_what_is_not_there_cannot_be_withdrawn(members):
    """A key or an account."""
    with pytest.raises(NotFound):
        House().revoke(**members)


@pytest.mark.parametrize("members", [{}, {"id": "k1", "email": EMAIL}])
def test_either_a_key_or_an_account_is_withdrawn(members):
    """Neither and both say nothing clear."""
    with pytest.raises(SettingsError):
        House().revoke(**members)


# --- what homegraph.toml lists -----------------------------------------------------------------------------------------


def project(project_id, *paths):
    """A project with these key files."""
    return ProjectSettings(project_id, "http://127.0.0.1/", service_accounts=paths)


def declared(*projects):
    """The keys of these projects' files."""
    problems = Problems()
    keys = asyncio.run(accounts.declared_keys(projects, 7.0, problems))
    problems.raise_any()
    return keys


def test_listed_files_become_keys_of_their_projects(tmp_path):
    """With the file as their origin; a project may list several, or none."""
    one = written(tmp_path / "1.json")
    two = written(tmp_path / "2.json", private_key=private_pem(key(2)), private_key_id="k2")

    keys = declared(project("acme", one, two), project("other"))

    assert [(one.id, one.origin, one.created_at) for one in keys["acme"]] == [
        ("0123abcd", "file", 7.0),
        ("k2", "file", 7.0),
    ]
    assert keys["other"] == ()


def test_a_key_cannot_be_in_two_files(tmp_path):
    """The key is what tells the project, so it tells one."""
    one, two = written(tmp_path / "1.json"), written(tmp_path / "2.json", client_email="b@c")

    with pytest.raises(SettingsError, match="holds the same key as"):
        declared(project("acme", one), project("other", two))


def test_a_listed_file_that_is_not_there_is_told(tmp_path):
    """With its path, before anything is declared."""
    with pytest.raises(SettingsError, match=r"nothing\.json: cannot be read"):
        declared(project("acme", tmp_path / "nothing.json"))
