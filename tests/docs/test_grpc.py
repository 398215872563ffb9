"""The reference of gRPC: its bounds and methods are those of the code, and its programs run."""

import json
import re
from pathlib import Path

import grpc
import pytest

from homegraph.rpc import calls, listener, probes, refusals, values
from homegraph.rpc.proto_files import FILES, rpc_name
from homegraph.testing.fulfillment import ScriptedFulfillment
from homegraph.wire.api_v1 import METHODS
from support.rpc import ANYWHERE, API, a_stub
from support.served import linked
from support.stubs import stubs

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference/grpc.md").read_text()
WORDS = " ".join(PAGE.split())
CALLER, READER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_every_method_has_a_line(method):
    """With its twin in HTTP, and what it takes."""
    (line,) = re.findall(rf"^\| `{rpc_name(method)}` \|.*$", PAGE, re.MULTILINE)

    path = method.path + ("…" if method.path.endswith("/") else "")
    assert f"`{method.http} {path}`" in line
    assert ("API key" in line) == method.accepts_api_key


def test_names_are_the_real_ones():
    """Of the service, of its neighbours, and of the files."""
    assert f"`{API}`" in PAGE
    assert f"`{probes.HEALTH}`" in PAGE
    assert f"`{probes.REFLECTION}`" in PAGE
    assert all(file.path in PAGE for file in FILES)
    for place in re.findall(r"\]\((proto/[^)]*)\)", PAGE):
        assert (DOCS / "reference" / place).exists()


@pytest.mark.parametrize(
    "sentence",
    [
        f"more than {values.LEVELS_MAX} levels deep",
        f"at most {refusals.WRONG_FIELDS_TOLD_MAX} wrong fields",
        f"larger than {refusals.DETAILS_BYTES_MAX // 1024} KiB",
        f"every {probes.LOOK_AGAIN_SECONDS:.0f} s for a `Watch`",
        f"| metadata of a call | {listener.METADATA_BYTES_MAX // 1024} KiB |",
        f"| {listener.CALLS_MAX}, {listener.CALLS_PER_CONNECTION_MAX} on one connection |",
        f"| time for sending it | {calls.MESSAGE_SECONDS_MAX:.0f} s,",
        f"health calls without their question | {probes.SEATS_MAX} each |",
        f"| a conversation of reflection | {probes.REFLECTION_SECONDS_MAX:.0f} s |",
        f"| first bytes of a connection | {listener.HANDSHAKE_SECONDS} s |",
        f"| a connection without calls | {listener.IDLE_SECONDS} s |",
        f"asked after {listener.PING_AFTER_SECONDS} s, {listener.PING_ANSWER_SECONDS} s to answer",
        f"| a client's own pings | every {listener.CLIENT_PING_SECONDS_MIN} s |",
    ],
)
def test_bounds_are_those_of_the_code(sentence):
    """Every number on the page is a constant."""
    assert sentence in WORDS


def test_the_programs_on_the_page_run(tmp_path, monkeypatch):
    """As they stand there, but for the port."""
    made = stubs()
    monkeypatch.chdir(tmp_path)
    with ScriptedFulfillment() as cloud, linked(tmp_path, cloud, grpc_listen=ANYWHERE) as served:
        key_file = served.admin("POST", "service-accounts", project="acme").json["key_file"]
        Path("acme-sa.json").write_text(json.dumps(key_file))
        before = len(cloud.intents())

        exec(CALLER.replace("127.0.0.1:4664", served.server.grpc), {})
        assert len(cloud.intents()) == before + 1

        names = {}
        exec(READER, names)
        with a_stub(served) as stub, pytest.raises(grpc.RpcError) as caught:
            stub.Sync(made.pb.SyncRequest(agent_user_id="user-1"))
        assert names["reason_of"](caught.value) == "ACCESS_TOKEN_MISSING"
