"""The documents that describe the API, by real sockets: where callers are sent, whatever stands before the server."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from homegraph.wire.api_v1 import METHODS
from support.served import WAIT_SECONDS, Served, settings_in

DISCOVERY = "/$discovery/rest?version=v1"
LEGACY = "/discovery/v1/apis/homegraph/v1/rest"
OPENAPI = "/openapi.json"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server that nobody is linked to: the documents say nothing about projects."""
    with Served(settings_in(tmp_path_factory.mktemp("data"))) as running:
        yield running


def root_in(document):
    """Where a document sends its reader."""
    return document["rootUrl"] if "rootUrl" in document else document["servers"][0]["url"] + "/"


def fetch(served, target, **headers):
    """A document."""
    answer = served.send("GET", target, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.json


@pytest.mark.parametrize("target", [DISCOVERY, LEGACY, OPENAPI])
def test_a_caller_is_sent_to_the_host_that_he_asked(served, target):
    """Without base_url the Host is all that is known, and it is right for callers through a plain forwarder."""
    assert root_in(fetch(served, target)) == f"{served.url}/"
    assert root_in(fetch(served, target, Host="graph.lan:8443")) == "http://graph.lan:8443/"


@pytest.mark.parametrize("target", [DISCOVERY, LEGACY, OPENAPI])
def test_nobody_is_sent_where_a_header_says(served, target):
    """Whoever sends X-Forwarded-* or Forwarded may be anybody; a proxy is told of by base_url."""
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "99",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-For": "192.0.2.1",
        "Forwarded": "for=192.0.2.1;host=evil.example;proto=https",
    }

    assert root_in(fetch(served, target, **headers)) == f"{served.url}/"


@pytest.mark.parametrize("target", [DISCOVERY, LEGACY, OPENAPI])
@pytest.mark.parametrize("base_url", ["https://graph.example", "https://example.org:8443/graph"])
def test_a_server_behind_a_proxy_sends_callers_to_the_proxy(tmp_path, target, base_url):
    """base_url decides, with scheme, port and path; not the Host that the proxy asks for."""
    with Served(settings_in(tmp_path, base_url=base_url)) as served:
        assert root_in(fetch(served, target, Host="10.0.0.7")) == f"{base_url}/"


def test_a_caller_without_a_host(served):
    """HTTP/1.0 needs no Host; then the socket's own address is what is known."""
    where = urlsplit(served.url)
    with socket.create_connection((where.hostname, where.port), WAIT_SECONDS) as caller:
        caller.sendall(f"GET {DISCOVERY} HTTP/1.0\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: caller.recv(65_536), b"")).partition(b"\r\n\r\n")

    assert head.split()[1] == b"200"
    assert root_in(json.loads(body)) == f"{served.url}/"


def test_one_document_at_both_addresses(served):
    """The older address is no other version."""
    assert fetch(served, DISCOVERY) == fetch(served, LEGACY)


@pytest.mark.parametrize(
    "target",
    [
        "/$discovery/rest",
        "/$discovery/rest?version=v2",
        "/discovery/v1/apis/homegraph/v2/rest",
        "/discovery/v1/apis/drive/v3/rest",
    ],
)
def test_there_is_no_other_version_and_no_other_api(served, target):
    """404, which Google's libraries turn into their own error."""
    assert served.send("GET", target).status == 404


def test_every_method_that_is_described_is_there(served):
    """A stranger's call of each is refused for want of a credential, which only a known path and method is."""
    described = [
        method
        for resource in fetch(served, DISCOVERY)["resources"].values()
        for method in resource["methods"].values()
    ]

    assert {one["id"] for one in described} == {f"homegraph.{one.id}" for one in METHODS.values()}
    missing = {"CREDENTIAL_MISSING", "ACCESS_TOKEN_MISSING"}
    for method in described:
        path = "/" + method["path"].replace("{+agentUserId}", "agentUsers/user-1")
        assert served.send(method["httpMethod"], path).reason in missing
