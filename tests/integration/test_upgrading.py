"""A server on the database of the release before: what it finds there counts, and is brought up to date as it goes."""

import contextlib
import json
from base64 import b64encode
from hashlib import blake2b

import apsw
import pytest

from homegraph.graph import judging
from homegraph.graph.applying import fingerprint
from homegraph.graph.model import Changes, Outcome
from homegraph.testing.fulfillment import ScriptedFulfillment, lamp
from support.served import Served, an_integration, settings_in

HELD = lamp("bad", attributes=[])


def before(definition):
    """A fingerprint as releases before this one made them."""
    return blake2b(definition, digest_size=16).digest()


@contextlib.contextmanager
def stored(path):
    """The devices of a database, and a function that gives them other fingerprints."""
    with contextlib.closing(apsw.Connection(str(path))) as file:
        rows = "SELECT d.id, d.fingerprint, f.definition FROM device AS d JOIN definition AS f ON f.device = d.id"

        def written(digest):
            for number, _, definition in file.execute(rows).fetchall():
                values = (digest(definition), number)
                file.execute("UPDATE device SET fingerprint = ? WHERE id = ?", values)
            (held,) = json.loads(file.execute("SELECT held FROM agent_user").fetchone()[0])
            held["fingerprint"] = b64encode(digest(json.dumps(HELD).encode())).decode()
            file.execute("UPDATE agent_user SET held = ?", (json.dumps([held]),))

        yield {definition: digest for _, digest, definition in file.execute(rows)}, written


def devices(served):
    """What is kept of the devices that were taken, but for the time of their newest bytes."""
    found = served.do(served.house.store.devices("acme", "user-1"))
    return [(one.id, one.definition, one.placement, one.added_at) for one in found]


@pytest.fixture
def looked_into(monkeypatch):
    """Ids of the devices that were looked into."""
    ids, right = [], judging.right_device

    def noted(definition, catalog):
        ids.append(json.loads(definition)["id"])
        return right(definition, catalog)

    monkeypatch.setattr(judging, "right_device", noted)
    return ids


def test_fingerprints_of_before(tmp_path, looked_into):
    """The first SYNC looks at every device once more, held ones, too, and tells no change; the next one looks into nothing."""
    path = tmp_path / "home.db"
    with ScriptedFulfillment() as cloud:
        cloud.home.devices = [lamp("lamp"), lamp("plug"), HELD]
        integration = an_integration(cloud, sync_mode="quarantine")
        settings = settings_in(tmp_path, integration, database=f"sqlite:{path}")
        with Served(settings) as served:
            served.until_link(lambda link: link.agent_user_id)
        with stored(path) as (_, written):
            written(before)
        told = []
        with Served(settings) as served:
            shown = devices(served)
            for _ in range(2):
                looked_into.clear()
                assert served.request_sync().status == 200
                (run, *_) = served.do(served.house.store.runs("acme", "user-1"))
                told.append((run.outcome, run.changes, sorted(looked_into)))
            assert devices(served) == shown

    same = Changes((), (), (), ("bad",))
    assert told == [
        (Outcome.DONE, same, ["bad", "lamp", "plug"]),
        (Outcome.DONE, same, []),
    ]
    with stored(path) as (fingerprints, _):
        assert len(fingerprints) == 2
        assert all(digest.startswith(fingerprint(one)) for one, digest in fingerprints.items())
