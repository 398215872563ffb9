"""Who calls: API keys, key files, and whatever google-auth knows, by real google-auth and a real token endpoint."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl

import google.auth.credentials
import google.oauth2.credentials
import pytest
from google.auth.exceptions import RefreshError

from homegraph import ApiError, AsyncClient, Client, ServerUnreachable
from homegraph.client import ADC, Request, Response, calls
from homegraph.client.auth import Grant
from homegraph.client.credentials import ApiKey
from homegraph.client.driving import AsyncDriver, BlockingDriver
from homegraph.client.google_credentials import READY_SECONDS, GoogleCredential
from homegraph.errors import SettingsError
from support.http_stub import UNAUTHENTICATED, Answer, closed_port, stub_server
from support.signing import HOME_GRAPH, key, key_file, private_pem

KEY = "AIzaSyA-secret_secret_secret_secret_123"
SYNC = "/v1/devices:sync"
REQUEST_SYNC = "/v1/devices:requestSync"
TOKEN = "/token"


def token(value, **members):
    """The answer of a token endpoint."""
    return {"access_token": value, "expires_in": 3599, "token_type": "Bearer", **members}


class Blocking:
    """Uses ``Client``."""

    @contextmanager
    def opened(self, **options):
        with Client(**options) as client:
            yield lambda *calls: [getattr(client, name)("u") for name in calls]


class Asynchronous:
    """Uses ``AsyncClient``, in one event loop."""

    @contextmanager
    def opened(self, **options):
        with asyncio.Runner() as runner:
            client = AsyncClient(**options)

            async def all_of(calls):
                return [await getattr(client, name)("u") for name in calls]

            yield lambda *calls: runner.run(all_of(calls))
            runner.run(client.close())


@pytest.fixture(params=[Blocking, Asynchronous], ids=["Client", "AsyncClient"])
def client(request):
    """Either client."""
    return request.param()


@pytest.fixture
def server():
    """A Home Graph and token endpoint that answers what the test says."""
    with stub_server() as stub:
        stub.on("POST", TOKEN, token("first"), token("second"))
        stub.on("POST", SYNC, {})
        stub.on("POST", REQUEST_SYNC, {})
        yield stub


def asked(stub, path=TOKEN):
    """The requests to a path."""
    return [seen for seen in stub.seen if seen.path == path]


def bearers(stub, path=SYNC):
    """The tokens of the calls."""
    return [seen.headers.get("authorization") for seen in asked(stub, path)]


class TestServiceAccount:
    def test_token_endpoint_of_the_key_file_is_asked(self, client, server):
        """What is signed goes to token_uri, is for the scope of the API, and the token goes to the Home Graph."""
        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            call("sync")

        (request,) = asked(server)
        form = dict(parse_qsl(request.body.decode()))
        claims = form["assertion"].split(".")[1]
        read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert (read["iss"], read["scope"]) == ("sync@acme.iam.gserviceaccount.com", HOME_GRAPH)
        assert bearers(server) == ["Bearer first"]

    def test_path_of_a_key_file(self, client, server, tmp_path):
        """A text and a Path both name the file."""
        path = tmp_path / "key.json"
        path.write_text(json.dumps(key_file(server.url)))

        for given in (path, str(path)):
            with client.opened(credentials=given, base_url=server.url) as call:
                call("sync")

        assert bearers(server) == ["Bearer first", "Bearer second"]

    def test_token_is_used_again(self, client, server):
        """One token for many calls, whichever they are."""
        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            call("sync", "request_sync", "sync")

        assert len(asked(server)) == 1
        assert bearers(server) == ["Bearer first"] * 2

    def test_token_is_renewed_before_it_ends(self, client, server):
        """A token that is about to end is not used any more."""
        server.on("POST", TOKEN, token("first", expires_in=60), token("second"))

        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            call("sync", "sync", "sync")

        assert bearers(server) == ["Bearer first", "Bearer second", "Bearer second"]

    def test_refused_token_is_renewed_once(self, client, server):
        """After a 401 one other token is asked for, and the call is made once more."""
        server.on("POST", SYNC, UNAUTHENTICATED, {})

        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            assert call("sync") == [[]]

        assert bearers(server) == ["Bearer first", "Bearer second"]
        assert len(asked(server)) == 2

    def test_second_refusal_is_told(self, client, server):
        """A server that refuses fresh tokens is believed."""
        server.on("POST", SYNC, UNAUTHENTICATED)

        with (
            client.opened(credentials=key_file(server.url), base_url=server.url) as call,
            pytest.raises(ApiError) as caught,
        ):
            call("sync")

        assert caught.value.http_status == 401
        assert len(asked(server)) == len(bearers(server)) == 2

    def test_nothing_else_is_asked(self, client, server):
        """google-auth has look-ups of its own, which go to Google whatever the key file says; they are not made."""
        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            call("sync", "sync")

        assert {seen.path for seen in server.seen} == {TOKEN, SYNC}


class TestTokenEndpoint:
    @pytest.fixture
    def failing(self, client, server):
        """Make a call that gets no token; returns the error and everything that a traceback would print."""

        def call(credentials=None, call="request_sync"):
            given = credentials or key_file(server.url)
            with (
                client.opened(credentials=given, base_url=server.url) as made,
                pytest.raises(ApiError) as caught,
            ):
                made(call)
            assert not bearers(server, REQUEST_SYNC)
            return caught.value, "".join(traceback.format_exception(caught.value))

        return call

    @pytest.mark.parametrize(
        ("description", "page", "reason"),
        [
            ("Invalid JWT Signature.", "", "ASSERTION_SIGNATURE"),
            (
                "Invalid JWT: Token must be a short-lived token (60 minutes)",
                "",
                "ASSERTION_LIFETIME",
            ),
            ("Invalid grant: account not found", "", "SERVICE_ACCOUNT_UNKNOWN"),
            ("Something new.", "", "invalid_grant"),
            ("Something.", "http://h/errors/ASSERTION_AUDIENCE", "ASSERTION_AUDIENCE"),
            ("Something.", "http://h/errors/OTHER", "invalid_grant"),
        ],
    )
    def test_refusal(self, failing, server, description, page, reason):
        """The endpoint's own words, and the reason by our page or by Google's sentence."""
        body = {"error": "invalid_grant", "error_description": description, "error_uri": page}
        server.on("POST", TOKEN, Answer(body, 400))

        error, _ = failing()

        assert error.message == f"No access token: {description}"
        assert (error.http_status, error.status, error.reason) == (400, "UNAUTHENTICATED", reason)
        assert error.hint
        assert not error.retryable
        assert len(asked(server)) == 1

    def test_endpoint_that_is_not_there(self, failing):
        """The error tells that it was the token endpoint which could not be reached."""
        error, told = failing(key_file(closed_port()))

        assert isinstance(error, ServerUnreachable)
        assert error.message.startswith("No access token: http://127.0.0.1")
        assert "PRIVATE KEY" not in told

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_endpoint_that_is_busy_is_asked_once(self, failing, server, status):
        """google-auth would wait and ask again; whether that is right is the call's policy to say."""
        server.on("POST", TOKEN, Answer(b"", status))

        error, _ = failing()

        assert (error.http_status, error.retryable, len(asked(server))) == (status, True, 1)

    def test_repeatable_call_asks_again(self, client, server):
        """A token endpoint that is away for a moment does not fail a call that may be repeated."""
        server.on("POST", TOKEN, Answer(b"", 503), token("first"))

        with client.opened(credentials=key_file(server.url), base_url=server.url) as call:
            assert call("sync") == [[]]

        assert len(asked(server)) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>"),
            Answer(b"\xff"),
            Answer([]),
            Answer({"id_token": "secret-token"}),
            Answer({"access_token": "secret-token", "expires_in": "soon"}),
        ],
        ids=["page", "no text", "list", "other token", "bad time"],
    )
    def test_success_without_a_token(self, failing, server, answer):
        """What is no token answer is told without repeating what may be secret in it."""
        server.on("POST", TOKEN, answer)

        error, told = failing()

        assert error.reason == "NO_ACCESS_TOKEN"
        assert server.url in error.message
        assert "secret-token" not in told + error.body

    @pytest.mark.parametrize(
        "answer", [Answer(b"", 302, {"location": "http://h/?secret"}), Answer(b"<html>", 404)]
    )
    def test_something_else_is_there(self, failing, server, answer):
        """A wrong token_uri is named as the mistake."""
        server.on("POST", TOKEN, answer)

        error, told = failing()

        assert f"answers {answer.status}" in error.message
        assert "token_uri" in error.hint
        assert "?secret" not in told


class TestSingleFlight:
    def test_threads_share_a_renewal(self, server):
        """However many threads need a token at once, one is asked for."""
        with (
            Client(credentials=key_file(server.url), base_url=server.url) as client,
            ThreadPoolExecutor(8) as threads,
        ):
            list(threads.map(client.sync, [f"u{number}" for number in range(24)]))

        assert len(asked(server)) == 1
        assert bearers(server) == ["Bearer first"] * 24

    def test_tasks_share_a_renewal(self, server):
        """However many tasks need a token at once, one is asked for."""

        async def call_all():
            async with AsyncClient(credentials=key_file(server.url), base_url=server.url) as client:
                await asyncio.gather(*(client.sync(f"u{number}") for number in range(24)))

        asyncio.run(call_all())

        assert len(asked(server)) == 1
        assert bearers(server) == ["Bearer first"] * 24

    def test_threads_share_the_renewal_of_a_refused_token(self, server):
        """A token that was revoked is replaced once, although all calls that used it are refused."""
        with (
            Client(credentials=key_file(server.url), base_url=server.url) as client,
            ThreadPoolExecutor(8) as threads,
        ):
            client.sync("first")
            server.revoked.add("Bearer first")
            barrier = threading.Barrier(8)

            def call(_):
                barrier.wait(10)
                return client.sync("u")

            outcomes = list(threads.map(call, range(8)))

        assert outcomes == [[]] * 8
        assert len(asked(server)) == 2

    def test_threads_share_a_failure(self, server):
        """A token endpoint that refuses is not asked by one thread after the other."""
        server.on("POST", TOKEN, Answer({"error": "invalid_grant"}, 400))
        barrier = threading.Barrier(8)

        with (
            Client(credentials=key_file(server.url), base_url=server.url) as client,
            ThreadPoolExecutor(8) as threads,
        ):
            waiting = WaitingLock(8)
            client._driver._credential._renewing = waiting

            def call(_):
                barrier.wait(10)
                with pytest.raises(ApiError, match="invalid_grant"):
                    client.sync("u")

            list(threads.map(call, range(8)))
            with pytest.raises(ApiError, match="invalid_grant"):
                client.sync("later")

        assert len(asked(server)) == 2

    @pytest.mark.parametrize("driver", [AsyncDriver, BlockingDriver])
    def test_a_token_that_is_good_is_not_asked_for(self, driver):
        """No thread and no lock is in the way of a call that has its token."""

        class Good:
            def ready(self):
                return Grant((("authorization", "Bearer t"),))

            def renew(self, refused, send):
                raise AssertionError("asked for")

        class Silent:
            def send(self, request: Request) -> Response:
                return Response(200, {}, b"{}")

        class Awaited(Silent):
            async def send(self, request: Request) -> Response:
                return super().send(request)

        if driver is AsyncDriver:
            made = driver(Awaited(), Good(), "http://h", None)
            assert asyncio.run(made.run(calls.sync("u"))) == []
        else:
            assert driver(Silent(), Good(), "http://h", None).run(calls.sync("u")) == []

    def test_tasks_share_a_thread(self):
        """A thousand tasks that need a token do not wait in a thousand threads."""
        renewals = []

        class Slow:
            def ready(self):
                return None

            def renew(self, refused, send):
                renewals.append(refused)
                return Grant((("authorization", "Bearer t"),))

        class Silent:
            async def send(self, request: Request) -> Response:
                return Response(200, {}, b"{}")

        async def call_all():
            driver = AsyncDriver(Silent(), Slow(), "http://h", None)
            await asyncio.gather(*(driver.run(calls.sync("u")) for _ in range(1000)))

        asyncio.run(call_all())

        assert renewals == [None]

    def test_cancelled_task_does_not_take_the_token_from_others(self):
        """The renewal goes on when the task that began it is gone."""
        sent = []

        async def call_all():
            arrived, released = asyncio.Event(), asyncio.Event()

            class Held:
                async def send(self, request: Request) -> Response:
                    sent.append(request.url)
                    if request.url.endswith(TOKEN):
                        arrived.set()
                        await released.wait()
                        return Response(200, {}, json.dumps(token("first")).encode())
                    return Response(200, {}, b"{}")

            client = AsyncClient(
                credentials=key_file("http://h"), base_url="http://h", transport=Held()
            )
            began = asyncio.create_task(client.sync("u"))
            await arrived.wait()
            joined = asyncio.create_task(client.sync("u"))
            began.cancel()
            with pytest.raises(asyncio.CancelledError):
                await began
            released.set()
            assert await joined == []

        asyncio.run(call_all())

        assert sent == [f"http://h{TOKEN}", f"http://h{SYNC}"]


class WaitingLock:
    """A lock that lets nobody in before so many want to."""

    def __init__(self, wanted):
        self._lock = threading.Lock()
        self._gate = threading.Barrier(wanted)
        self._open = False

    def __enter__(self):
        if not self._open:
            self._gate.wait(10)
            self._open = True
        self._lock.acquire()

    def __exit__(self, *_):
        self._lock.release()


class Fixed(google.auth.credentials.Credentials):
    """Credentials of a caller's own."""

    def refresh(self, request):
        self.token = "own"


class TestOtherCredentials:
    def test_object_of_google_auth(self, client, server):
        """Whatever google-auth has a class for can be given."""
        with client.opened(credentials=Fixed(), base_url=server.url) as call:
            call("sync")

        assert bearers(server) == ["Bearer own"]

    def test_credentials_that_cannot_be_renewed(self, client, server):
        """Nobody was asked, so google-auth's own words are told: in one line, as many as can be read."""

        class Worn(google.auth.credentials.Credentials):
            def refresh(self, request):
                raise RefreshError("worn\nout " + "x" * 1_000)

        with (
            client.opened(credentials=Worn(), base_url=server.url) as call,
            pytest.raises(ApiError) as caught,
        ):
            call("sync")

        assert caught.value.message == f"No access token: worn out {'x' * 1_000}"[: 17 + 300]
        assert caught.value.hint == "These credentials cannot be renewed; take others."
        assert server.seen == []

    def test_user_credentials(self, client, server):
        """A refresh token is exchanged at the endpoint that the credentials name, with the quota project in a header."""
        mine = google.oauth2.credentials.Credentials(
            None,
            refresh_token="r",
            token_uri=f"{server.url}{TOKEN}",
            client_id="c",
            client_secret="s",
            quota_project_id="acme",
        )

        with client.opened(credentials=mine, base_url=server.url) as call:
            call("sync")

        (seen,) = asked(server, SYNC)
        assert seen.headers["authorization"] == "Bearer first"
        assert seen.headers["x-goog-user-project"] == "acme"

    def test_token_that_its_owner_replaces(self, client, server):
        """The token that a caller's object has now is the one that is used."""
        mine = google.oauth2.credentials.Credentials("one")

        with client.opened(credentials=mine, base_url=server.url) as call:
            call("sync", "sync")
            mine.token = "two"
            call("sync")

        assert bearers(server) == ["Bearer one", "Bearer one", "Bearer two"]

    def test_token_that_ends_is_noticed(self):
        """google-auth is not asked each time whether a token is good, but soon again."""

        class Ending(Fixed):
            valid = True

        mine, now = Ending(), 100.0
        mine.token = "own"
        credential = GoogleCredential(lambda _door: mine, lambda: now)
        grant = credential.renew(None, send=None)
        mine.valid = False

        assert credential.ready() is grant
        now += READY_SECONDS
        assert credential.ready() is None

    def test_token_that_cannot_be_renewed(self, client, server):
        """A fixed token that is refused leads to an error that says so, and google-auth's reason."""
        server.on("POST", SYNC, UNAUTHENTICATED)
        mine = google.oauth2.credentials.Credentials("fixed")

        with (
            client.opened(credentials=mine, base_url=server.url) as call,
            pytest.raises(
                ApiError, match="No access token: The credentials do not contain"
            ) as caught,
        ):
            call("sync")

        assert caught.value.reason == "NO_ACCESS_TOKEN"
        assert bearers(server) == ["Bearer fixed"]

    def test_application_default_credentials(self, client, server, tmp_path, monkeypatch):
        """ADC finds what GOOGLE_APPLICATION_CREDENTIALS names, and asks for the scope of the API."""
        path = tmp_path / "key.json"
        path.write_text(json.dumps(key_file(server.url)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

        with client.opened(credentials=ADC, base_url=server.url) as call:
            call("sync", "sync")

        assert bearers(server) == ["Bearer first"] * 2

    def test_no_application_default_credentials(self, client, server, tmp_path, monkeypatch):
        """Nothing in the environment is told with what to do, when a token is first needed."""
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

        with (
            client.opened(credentials=ADC, base_url=server.url) as call,
            pytest.raises(SettingsError, match="Application Default Credentials") as caught,
        ):
            call("sync")

        assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint
        assert not server.seen

    def test_refused_key_is_not_renewed(self, client, server):
        """With an API key a 401 is the answer."""
        server.on("POST", SYNC, UNAUTHENTICATED)

        with (
            client.opened(api_key=KEY, base_url=server.url) as call,
            pytest.raises(ApiError) as caught,
        ):
            call("sync")

        assert (caught.value.http_status, len(server.seen)) == (401, 1)


class TestRefusedCredentials:
    @pytest.mark.parametrize("kind", [Client, AsyncClient])
    @pytest.mark.parametrize("given", [{}, {"api_key": KEY, "credentials": {}}])
    def test_one_of_the_two_is_needed(self, kind, given):
        """None would be guessed, and of two one would be ignored."""
        with pytest.raises(SettingsError, match="One credential"):
            kind(base_url="http://h", **given)

    @pytest.mark.parametrize(
        "given", ["", "has blank", "line\nbreak", "ключ", "\r\nHost: x", "k\x00"]
    )
    def test_impossible_keys(self, given):
        """A key that cannot be a header is refused at once, and not repeated."""
        with pytest.raises(SettingsError, match="api_key") as caught:
            Client(api_key=given, base_url="http://h")

        assert not given or given not in str(caught.value)

    @pytest.mark.parametrize(
        ("members", "match"),
        [
            ({"private_key": None}, "lacks private_key"),
            ({"token_uri": None, "client_email": 7}, "lacks client_email, token_uri"),
            ({"private_key": "-----BEGIN PRIVATE KEY-----\nsecret\n"}, "cannot be used"),
            ({"type": "authorized_user"}, "no key file of a service account"),
        ],
    )
    def test_incomplete_key_files(self, members, match):
        """The message tells what is wrong with the file, and nothing that is in it."""
        with pytest.raises(SettingsError, match=match) as caught:
            Client(credentials=key_file("http://h", **members), base_url="http://h")

        told = "".join(traceback.format_exception(caught.value))
        assert "secret" not in told
        assert private_pem(key())[40:80] not in told

    @pytest.mark.parametrize("content", [b"[]", b"no json", b"\xff", b"[" * 100_000])
    def test_files_that_are_none(self, content, tmp_path):
        """Another file than a key file is named."""
        path = tmp_path / "other.json"
        path.write_bytes(content)

        with pytest.raises(SettingsError, match=r"other\.json cannot be read"):
            Client(credentials=path, base_url="http://h")

    @pytest.mark.parametrize("given", [KEY, json.dumps(key_file("http://h")), "a\x00b", "x" * 9999])
    def test_secrets_in_place_of_a_path_are_not_repeated(self, given):
        """People put the key, or the content of the file, where its path belongs."""
        with pytest.raises(SettingsError, match="the given path") as caught:
            Client(credentials=given, base_url="http://h")

        told = "".join(traceback.format_exception(caught.value))
        assert given[:30] not in told.replace("given", "")

    def test_missing_file_is_named(self):
        """What is surely a path is shown."""
        with pytest.raises(SettingsError, match=r"no/such\.json cannot be read: No such file"):
            Client(credentials=Path("no/such.json"), base_url="http://h")

    def test_strange_objects(self):
        """What is no credential is refused by its type."""
        with pytest.raises(SettingsError, match="int is no credential"):
            Client(credentials=7, base_url="http://h")


class TestSecrecy:
    def test_grants_do_not_show_themselves(self):
        """Printing a grant gives nothing away."""
        assert KEY not in repr(ApiKey(KEY).ready())
        assert "t0ken" not in repr(Grant((("authorization", "Bearer t0ken"),)))

    @pytest.mark.parametrize("kind", [Client, AsyncClient])
    def test_clients_do_not_show_their_credential(self, kind):
        """Nor does printing a client."""
        shown = repr(kind(credentials=key_file("http://h"), base_url="http://h"))

        assert shown == f"{kind.__name__}(base_url='http://h')"

    def test_nothing_is_logged(self, client, server, caplog):
        """Neither token nor assertion is in any log line, at any level."""
        with (
            caplog.at_level(logging.DEBUG),
            client.opened(credentials=key_file(server.url), base_url=server.url) as call,
        ):
            call("sync")

        assert "Bearer" not in caplog.text
        assert "assertion" not in caplog.text
