"""A device cloud's side of gRPC: stubs on channels with Google's credentials, and errors taken apart as a caller does."""

from contextlib import ExitStack, contextmanager

import google.auth.transport.urllib3
import grpc
import pytest
import urllib3
from google.auth.transport.grpc import AuthMetadataPlugin
from google.oauth2 import service_account
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from homegraph.settings.addresses import ListenAddress
from support.served import KEY, WAIT_SECONDS
from support.signing import HOME_GRAPH
from support.stubs import stubs

API = "google.home.graph.v1.HomeGraphApiService"
ANYWHERE = ListenAddress("127.0.0.1", 0)
BY_KEY = (("x-goog-api-key", KEY),)


def credentials_of(served):
    """Google's credentials, of a key file that the server made."""
    info = served.admin("POST", "service-accounts", project="acme").json["key_file"]
    return service_account.Credentials.from_service_account_info(info, scopes=[HOME_GRAPH])


def token_of(served):
    """An access token, for metadata written by hand."""
    credentials = credentials_of(served)
    with urllib3.PoolManager() as pool:
        credentials.refresh(google.auth.transport.urllib3.Request(pool))
    return credentials.token


def bearer(token):
    """Metadata with a token."""
    return (("authorization", f"Bearer {token}"),)


@contextmanager
def a_channel(served):
    """A channel; credentials go by hand."""
    with grpc.insecure_channel(served.server.grpc) as channel:
        yield channel


@contextmanager
def a_stub(served):
    """A stub on a channel of its own."""
    with a_channel(served) as channel:
        yield stubs().grpc.HomeGraphApiServiceStub(channel)


@contextmanager
def a_stub_of_google(served):
    """A stub as Google's clients make it: the credentials belong to the channel, which fetches tokens by itself."""
    with ExitStack() as stack:
        pool = stack.enter_context(urllib3.PoolManager())
        plugin = AuthMetadataPlugin(
            credentials_of(served), google.auth.transport.urllib3.Request(pool)
        )
        together = grpc.composite_channel_credentials(
            grpc.local_channel_credentials(), grpc.metadata_call_credentials(plugin)
        )
        channel = stack.enter_context(grpc.secure_channel(served.server.grpc, together))
        yield stubs().grpc.HomeGraphApiServiceStub(channel)


def refused(call, *args, **options):
    """The error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, timeout=WAIT_SECONDS, **options)
    return caught.value


def details_of(error):
    """The details of an error, unpacked by the types that a caller imports."""
    status = rpc_status.from_call(error)
    found = []
    for packed in status.details if status is not None else ():
        detail = getattr(error_details_pb2, packed.TypeName().rpartition(".")[2])()
        assert packed.Unpack(detail)
        found.append(detail)
    return found


def reason_of(error):
    """Our reason among the details."""
    return next(d.reason for d in details_of(error) if getattr(d, "domain", "") == "homegraph")
