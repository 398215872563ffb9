"""The package's own clients against a real server, with key files that the server has made: all calls, by real sockets."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from google.oauth2 import service_account

from homegraph import ApiError, AsyncClient, Client
from homegraph.cli.app import run as run_command
from homegraph.client import ADC
from homegraph.testing.fulfillment import Home, ScriptedFulfillment, lamp
from support.served import KEY, linked
from support.signing import HOME_GRAPH

ODD_IDS = [
    "1836.15267389",
    "a/b//c/",
    "a/../b",
    "./a",
    "...",
    "a b?c#d%2Fe&f=g;h:i@j+k'\"\\",
    "用户/家",
    "line\nbreak",
]


@contextmanager
def blocking(**options):
    """Make calls with ``Client``: ``call("query", "user-1", ["lamp"])``."""
    with Client(**options) as client:
        yield lambda name, *given, **named: getattr(client, name)(*given, **named)


@contextmanager
def asynchronous(**options):
    """The same with ``AsyncClient``, in one event loop."""
    with asyncio.Runner() as runner:
        client = AsyncClient(**options)

        async def make(name, given, named):
            return await getattr(client, name)(*given, **named)

        yield lambda name, *given, **named: runner.run(make(name, given, named))
        runner.run(client.close())


@pytest.fixture(params=[blocking, asynchronous], ids=["Client", "AsyncClient"])
def opened(request):
    """Either client."""
    return request.param


@pytest.fixture
def cloud():
    """A device cloud with one home of two lamps."""
    with ScriptedFulfillment() as scripted:
        scripted.home.devices = [lamp("lamp"), lamp("desk", "Desk lamp")]
        yield scripted


@pytest.fixture
def served(cloud, tmp_path):
    """A server to which the home is linked."""
    with linked(tmp_path, cloud) as running:
        yield running


@pytest.fixture
def key_file(served):
    """A key file of the project."""
    return new_key_file(served)


def new_key_file(served, **members):
    """A key file that the server makes."""
    return served.admin("POST", "service-accounts", project="acme", **members).json["key_file"]


def test_one_asynchronous_client_in_several_threads(served, key_file):
    """Each thread has a loop of its own; all of them get a token, and none waits for what another loop does."""
    client = AsyncClient(credentials=key_file, base_url=served.url)
    together = threading.Barrier(4)

    async def asked():
        together.wait()
        found = await asyncio.gather(*(client.query("user-1", ["lamp"]) for _ in range(10)))
        await asyncio.to_thread(together.wait)
        await client.close()
        await asyncio.to_thread(together.wait)
        return found

    with ThreadPoolExecutor() as threads:
        work = [threads.submit(asyncio.run, asked()) for _ in range(4)]
        assert all(one.keys() == {"lamp"} for each in work for one in each.result())


def refusal(caught):
    """Status and reason of an error."""
    return caught.value.http_status, caught.value.reason


class TestEveryCall:
    def test_from_report_to_deletion(self, opened, served, key_file):
        """States that were reported are the states that are asked for, until the user is forgotten."""
        with opened(credentials=key_file, base_url=served.url) as call:
            assert call("request_sync", "user-1") is None
            assert call("request_sync", "user-1", async_=True) is None
            assert call("report_state", "user-1", {"lamp": {"on": True}}, request_id="r") is None
            call("report_state", "user-1", {"lamp": {"online": True}, "desk": {"on": False}})

            found = call("query", "user-1", ["lamp", "desk"], request_id="r")
            devices = call("sync", "user-1", request_id="r")
            call("delete_agent_user", "user-1", request_id="r")
            with pytest.raises(ApiError) as caught:
                call("sync", "user-1")

        assert found["lamp"] == {"on": True, "online": True}
        assert found["desk"]["on"] is False
        assert {one["id"]: one["name"]["name"] for one in devices} == {
            "lamp": "lamp",
            "desk": "Desk lamp",
        }
        assert refusal(caught) == (404, "AGENT_USER_UNLINKED")

    def test_api_key_is_good_for_request_sync_alone(self, opened, served):
        """The key is taken where it always was, and the other calls say what they need."""
        with opened(api_key=KEY, base_url=served.url) as call:
            call("request_sync", "user-1")
            with pytest.raises(ApiError) as caught:
                call("sync", "user-1")

        assert refusal(caught) == (401, "API_KEY_NOT_ACCEPTED")
        assert caught.value.hint

    def test_errors_carry_reason_and_hint(self, opened, served, key_file):
        """What the server explains arrives typed."""
        with opened(credentials=key_file, base_url=served.url) as call:
            with pytest.raises(ApiError) as unknown_user:
                call("query", "nobody", ["lamp"])
            with pytest.raises(ApiError) as unknown_device:
                call("report_state", "user-1", {"other": {"on": True}})
            with pytest.raises(ApiError) as null:
                call("report_state", "user-1", {"lamp": {"on": None}})

        assert refusal(unknown_user) == (404, "AGENT_USER_NEVER_LINKED")
        assert unknown_device.value.http_status == 404
        assert refusal(null) == (400, "STATE_NULL")
        assert all(one.value.hint for one in (unknown_user, unknown_device, null))

    @pytest.mark.parametrize("agent_user_id", ODD_IDS)
    def test_any_agent_user_can_be_deleted(self, opened, agent_user_id, tmp_path):
        """Slashes, dots, escapes: it is that agent user who goes, and nobody else."""
        with ScriptedFulfillment() as cloud:
            cloud.homes["token-1"] = Home(agent_user_id)
            with linked(tmp_path, cloud) as served:
                with opened(credentials=new_key_file(served), base_url=served.url) as call:
                    assert len(call("sync", agent_user_id)) == 1
                    call("delete_agent_user", agent_user_id)
                    with pytest.raises(ApiError) as caught:
                        call("sync", agent_user_id)

                assert refusal(caught) == (404, "AGENT_USER_UNLINKED")


class TestCredentials:
    def test_application_default_credentials(self, opened, served, key_file, tmp_path, monkeypatch):
        """A program that knows nothing but the variables calls our server."""
        path = tmp_path / "key.json"
        path.write_text(json.dumps(key_file))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setenv("HOMEGRAPH_BASE_URL", served.url)

        with opened(credentials=ADC) as call:
            assert len(call("sync", "user-1")) == 2

    def test_token_that_the_server_does_not_know_any_more(self, opened, served, key_file):
        """Another one is fetched, and the caller notices nothing."""
        mine = service_account.Credentials.from_service_account_info(key_file, scopes=[HOME_GRAPH])

        with opened(credentials=mine, base_url=served.url) as call:
            call("sync", "user-1")
            mine.token = "ya29.nobody"
            devices = call("sync", "user-1")

        assert len(devices) == 2
        assert mine.token != "ya29.nobody"

    def test_revoked_key(self, opened, served, key_file):
        """Its token ends at once, no other is given, and the error says why."""
        with opened(credentials=key_file, base_url=served.url) as call:
            call("sync", "user-1")
            key_id = key_file["private_key_id"]
            served.admin("POST", "service-accounts/revoke", project="acme", id=key_id)
            with pytest.raises(ApiError, match="No access token") as caught:
                call("sync", "user-1")

        assert caught.value.status == "UNAUTHENTICATED"
        assert caught.value.reason in ("ASSERTION_SIGNATURE", "SERVICE_ACCOUNT_UNKNOWN")

    def test_key_file_of_another_server(self, opened, served, key_file):
        """The token endpoint does not know the account, and the hint says how to make one."""
        stranger = {**key_file, "client_email": "other@else.iam.gserviceaccount.com"}

        with (
            opened(credentials=stranger, base_url=served.url) as call,
            pytest.raises(ApiError) as caught,
        ):
            call("sync", "user-1")

        assert refusal(caught) == (400, "SERVICE_ACCOUNT_UNKNOWN")
        assert "service-accounts create" in caught.value.hint


class TestCommands:
    @pytest.fixture
    def run(self, served, key_file, tmp_path, monkeypatch, capsys):
        """Run a command that calls the server; returns its exit code and its JSON document."""
        path = tmp_path / "key.json"
        path.write_text(json.dumps(key_file))
        path.chmod(0o600)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setenv("HOMEGRAPH_SERVER", served.url)
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", served.server.admin_token)

        def call(*arguments):
            code = run_command([*arguments, "--json"])
            return code, json.loads(capsys.readouterr().out or "null")

        return call

    def test_report_and_query(self, run):
        """What one command reports, the other shows."""
        assert run("report", "user-1", "lamp", "on=true", "online=true") == (0, {})

        code, shown = run("query", "user-1", "lamp")

        assert (code, shown["payload"]["devices"]) == (0, {"lamp": {"on": True, "online": True}})

    @pytest.mark.parametrize("mode", [[], ["--async"]])
    def test_sync_shows_what_it_brought(self, run, cloud, mode):
        """A lamp that is new is in the run that is shown, however soon after another one it is."""
        run("sync", "user-1")
        cloud.home.devices.append(lamp("new"))

        code, shown = run("sync", "user-1", "--wait", *mode)

        assert (code, shown["changes"]["added"]) == (0, ["new"])

    def test_agent_users_delete(self, run):
        """Afterwards nobody knows the user."""
        assert run("agent-users", "delete", "user-1", "--yes") == (0, {})
        assert run("query", "user-1", "lamp")[0] == 5

    def test_doctor(self, run):
        """A key file of the server passes all checks."""
        _, shown = run("doctor")

        checks = {check["name"]: check for check in shown["checks"]}
        for name in ("service account", "key file", "token clock", "access token", "HomeGraph API"):
            assert checks[name]["ok"], checks[name]
