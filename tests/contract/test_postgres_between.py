"""What may lie between a server and PostgreSQL: a pooler, TLS, and several hosts of which one is the right one."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homegraph.errors import SettingsError, StoreUnavailable
from homegraph.graph.effects import WriteDevices
from homegraph.graph.model import Mode
from homegraph.service.clock import SystemClock
from homegraph.store.postgres import PostgresStore
from homegraph.store.postgres.opening import CONNECTIONS
from homegraph.testing.store_contract.scene import Scene, stored
from support.postgres import NOBODY, Postgres, again, free_port

pytestmark = pytest.mark.anyio

LAMP = stored("lamp", traits=("OnOff",))
WAIT_SECONDS = 20.0

PATH = f"{os.environ['PATH']}:/usr/sbin"
"""Where programs are; servers are not on the path of everybody."""


async def round_trip(store, runs=0):
    """A bit of everything: groups, transactions of their own, single reads, and readings of several statements."""
    scene = Scene(store, runs=runs)
    await scene.link("anna", "1836", LAMP)
    await asyncio.gather(*(scene.request(Mode.ASYNC) for _ in range(50)))
    claim = await scene.claim()
    await asyncio.gather(*(scene.report({"lamp": {"on": True}}) for _ in range(50)))
    await scene.settle(claim, WriteDevices((stored("plug"),), ()))
    assert await scene.device_ids() == ["lamp", "plug"]
    assert (await scene.states())["lamp"] == {"OnOff": {"on": True}}
    assert (await store.find_run(f"run-{scene.runs:04}")) is not None
    assert (await store.counts()).states == 1
    await store.check()
    return scene


class Pgbouncer:
    """pgbouncer in front of a server, in the mode that gives every transaction any connection."""

    def __init__(self, server, *options):
        self.folder = Path(tempfile.mkdtemp(prefix="homegraph-pgbouncer-"))
        self.port = free_port()
        config = self.folder / "pgbouncer.ini"
        lines = (
            "[databases]",
            f"* = host=127.0.0.1 port={server.port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {self.folder}/users",
            "pool_mode = transaction",
            "default_pool_size = 3",
            *options,
        )
        config.write_text("\n".join(lines).replace("%", str(self.folder)))
        (self.folder / "users").write_text('"postgres" ""\n')
        certify(self.folder / "server.key", self.folder / "server.crt")
        run_as = {}
        if os.geteuid() == 0:
            run_as = {"user": NOBODY, "group": NOBODY}
            for place in (self.folder, *self.folder.iterdir()):
                os.chown(place, NOBODY, NOBODY)
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [shutil.which("pgbouncer", path=PATH), config], stdout=log, stderr=log, **run_as
            )

    def url(self, url, host="127.0.0.1"):
        """The address of a database through it."""
        return f"postgresql://postgres@{host}:{self.port}/{url.rpartition('/')[2]}"

    def close(self):
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(WAIT_SECONDS)
        shutil.rmtree(self.folder)


def certify(key, certificate):
    """Make a certificate for ``localhost``, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate.write_bytes(made.public_bytes(pem))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(pem, *form))


@pytest.fixture
def pooler(postgres):
    """Start poolers; skipped on a desk that has none, never in CI."""
    if shutil.which("pgbouncer", path=PATH) is None:
        message = "a pooler and TLS in front of PostgreSQL were NOT tried: there is no pgbouncer (`make pooler`, as root)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with contextlib.ExitStack() as ends:

        def started(*options):
            pooler = Pgbouncer(postgres, *options)
            ends.callback(pooler.close)
            return pooler

        yield started


async def connected(url):
    """An open store, once whoever is to answer does so."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return await PostgresStore.open(url, ids=str, now=900.0)
        except StoreUnavailable:
            if time.monotonic() > end:
                raise


async def test_through_a_pooler(postgres, pooler):
    """It is noticed, nothing is kept on a connection beyond its transaction, and two stores work through it."""
    url = pooler().url(await postgres.fresh())
    stores = [await connected(url), await connected(url)]
    try:
        assert [store._hints for store in stores] == [None, None]
        scene = await round_trip(stores[0])
        other = Scene(stores[1], runs=5_000)
        calls = [one.request(Mode.ASYNC) for _ in range(100) for one in (scene, other)]
        generations = sorted(one.generation for one in await asyncio.gather(*calls))
        assert generations == [*range(generations[0], generations[0] + 200)]
        await asyncio.gather(
            *(one.store.find_key(b"x") for _ in range(50) for one in (scene, other))
        )
    finally:
        for store in stores:
            await store.close()


async def test_through_a_pooler_that_takes_few_clients(postgres, pooler):
    """Calls wait for the connections that it has taken; it has no code for its refusal, only words."""
    store = await connected(pooler("max_client_conn = 2").url(await postgres.fresh()))
    try:
        scene = await round_trip(store)
        await asyncio.gather(*(store.find_key(b"x") for _ in range(50)), scene.request(Mode.ASYNC))
        assert "no more connections allowed" in store.shortage.message
        assert "the pooler's pool" in store.shortage.hint
    finally:
        await store.close()


async def test_with_tls(postgres, pooler):
    """The certificate is checked as far as the URL says; without TLS nobody talks to us. The wheel's PostgreSQL has no TLS: a pooler has."""
    pooler = pooler(
        "client_tls_sslmode = require",
        "client_tls_key_file = %/server.key",
        "client_tls_cert_file = %/server.crt",
    )
    url = await postgres.fresh()
    checked = f"?sslmode=verify-full&sslrootcert={pooler.folder}/server.crt"
    store = await connected(pooler.url(url, "localhost") + checked)
    await round_trip(store)
    await store.close()
    store = await connected(pooler.url(url) + "?sslmode=require")
    await store.close()
    for refused, words in (
        (pooler.url(url, "127.0.0.1") + checked, "TLS"),  # another name than the certificate's
        (pooler.url(url, "localhost") + "?sslmode=verify-full", "sslrootcert"),
        (pooler.url(url, "localhost") + "?sslmode=disable", "SSL"),
    ):
        with pytest.raises((StoreUnavailable, SettingsError)) as caught:
            await PostgresStore.open(refused, ids=str, now=900.0)
        assert words in f"{caught.value.message} {caught.value.hint}"


async def test_several_hosts(postgres):
    """The one that can be written to is used, wherever it stands; one that is away, or takes no writes, is passed over."""
    reads = Postgres(options=("fsync=off", "default_transaction_read_only=on"))
    try:
        name = (await postgres.fresh()).rpartition("/")[2]
        reads.program(
            "psql",
            "-q",
            f"{reads.url()}?options=-cdefault_transaction_read_only%3Doff",
            "-c",
            f"CREATE DATABASE {name}",
        )
        hosts = f"127.0.0.1:1,127.0.0.1:{reads.port},127.0.0.1:{postgres.port}"
        store = await PostgresStore.open(
            f"postgresql://postgres@{hosts}/{name}", ids=str, now=900.0
        )
        scene = await round_trip(store)
        assert await scene.is_linked()
        await store.close()
        with pytest.raises(StoreUnavailable, match="can be written to") as refused:
            await PostgresStore.open(
                f"postgresql://postgres@127.0.0.1:{reads.port}/postgres", ids=str, now=900.0
            )
        assert "name the primary" in refused.value.hint

        # They change places, with nobody's connection broken.
        reads.configure("default_transaction_read_only=off")
        reads.reload()
        hosts = f"127.0.0.1:{reads.port},127.0.0.1:{postgres.port}"
        both = f"postgresql://postgres@{hosts}/{name}"
        store = await again(lambda: PostgresStore.open(both, ids=str, now=900.0))
        assert not await store.links()
        reads.configure("default_transaction_read_only=on")
        reads.reload()
        refused = []

        async def moved():
            try:
                await store.check()
            except StoreUnavailable as exc:
                refused.append(exc)
                raise
            if not await store.links():
                raise StoreUnavailable

        await again(moved)
        assert len(refused) <= CONNECTIONS
        await store.close()
    finally:
        reads.close()
