"""An attacker sets up a project, and a slow one is set up by accident: the whole server, by real sockets."""

import socket
import threading
from contextlib import contextmanager
from datetime import datetime

import pytest

from homegraph.errors import SettingsError
from homegraph.graph.model import LinkState
from homegraph.service.loop import RESERVE_SHARE
from homegraph.settings.projects import KeySettings, LinkSettings, OAuthSettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment
from support.certificates import a_certificate, an_authority
from support.served import Served, an_integration, linked, settings_in

QUEUED = 500
"""Runs that wait for fulfillments that do not answer."""

SLOW = 4
"""Projects with such a fulfillment: with all that each may hold they would hold every place there is."""

OTHER_KEY = "AIzaSyOTHER"
AUTHORITY = an_authority()


@pytest.fixture
def cloud():
    """A device cloud."""
    with ScriptedFulfillment() as cloud:
        yield cloud


def attackers(cloud, url, **members):
    """A project with an attacker's fulfillment, whose user has been adopted with a grant."""
    return an_integration(
        cloud,
        id="evil",
        number="222222222222",
        fulfillment_url=url,
        api_keys=(KeySettings(Secret(OTHER_KEY)),),
        **members,
    )


def first_sync_of(served, project="evil", user="ann"):
    """Wait until the first SYNC of a link has failed; its problem, and the newest run."""
    served.until_link(lambda link: link.problem, project=project, user=user)
    link = served.do(served.house.store.find_link(project, user))
    run = served.admin("GET", f"runs?project={project}").json["runs"][0]
    return link.problem, run


FORBIDDEN = {
    "metadata": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "metadata-ipv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "private": "http://192.168.0.1/admin",
    "in-the-clear": "http://8.8.8.8/",
    "loopback-in-disguise": "http://0x7f.1/",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_an_address_that_no_fulfillment_has(cloud, tmp_path, name):
    """Nothing is sent; the run says why, in words, and a project beside it is served."""
    evil = attackers(cloud, FORBIDDEN[name])
    with Served(settings_in(tmp_path, an_integration(cloud), evil)) as served:
        problem, run = first_sync_of(served)
        served.until_link(lambda link: link.state is LinkState.LINKED)

        answer = served.request_sync()

    assert problem == "ADDRESS_REFUSED"
    assert run["reason"] == "ADDRESS_REFUSED"
    assert answer.status == 200


def test_a_redirect_to_this_machine(cloud, tmp_path):
    """It is an answer like any other that is no answer to SYNC; where it points to, nobody calls."""
    with ScriptedFulfillment() as inside, linked(tmp_path, cloud) as served:
        cloud.answer_next(Answer(307, b"", headers=(("Location", inside.url),)))

        answer = served.request_sync()

        assert answer.reason == "FULFILLMENT_REFUSED"
        assert inside.calls == []


def test_a_token_endpoint_that_leads_inside(cloud, tmp_path):
    """The same rules hold where refresh tokens are sent to."""
    oauth = OAuthSettings(client_id="homegraph", token_url="http://169.254.169.254/token")
    project = an_integration(cloud, oauth=oauth)
    with Served(settings_in(tmp_path, project)) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED)
        cloud.homes = {}

        answer = served.request_sync()

    assert answer.reason == "TOKEN_ENDPOINT_FAILED"
    assert [call.path for call in cloud.calls if call.path == "/token"] == []


def test_this_machine_may_be_closed(cloud, tmp_path):
    """With outbound_loopback off the loopback is as closed as a private network; a listed network opens it again."""
    closed = {"outbound_loopback": False}
    with Served(settings_in(tmp_path, an_integration(cloud), **closed)) as served:
        assert first_sync_of(served, "acme")[0] == "ADDRESS_REFUSED"
    assert cloud.calls == []

    with linked(tmp_path, cloud, **closed, outbound_networks=("127.0.0.0/8",)) as served:
        assert served.request_sync().status == 200


@contextmanager
def a_secure_cloud(folder, identity):
    """A device cloud that speaks TLS."""
    cloud = ScriptedFulfillment()
    cloud._server.socket = identity.context(folder).wrap_socket(
        cloud._server.socket, server_side=True
    )
    with cloud:
        yield cloud


def test_an_authority_of_ones_own(tmp_path):
    """With ca_file a fulfillment is trusted whose authority nobody else knows; without it the error names the setting."""
    file = tmp_path / "authority.pem"
    file.write_text(AUTHORITY.pem)
    identity = a_certificate("127.0.0.1", by=AUTHORITY)
    with a_secure_cloud(tmp_path, identity) as cloud:
        url = cloud.url.replace("http://", "https://")
        oauth = OAuthSettings()
        strangers = an_integration(cloud, fulfillment_url=url, oauth=oauth)
        with Served(settings_in(tmp_path, strangers)) as served:
            problem, run = first_sync_of(served, "acme")
            assert problem == "FULFILLMENT_UNTRUSTED"
            assert "ca_file" in run["message"]
            assert cloud.calls == []

        friends = an_integration(cloud, fulfillment_url=url, oauth=oauth, ca_file=file)
        with Served(settings_in(tmp_path, friends)) as served:
            served.until_link(lambda link: link.state is LinkState.LINKED)
            assert served.request_sync().status == 200


BAD_FILES = {
    "missing": (None, "cannot be read"),
    "empty": ("", "holds no certificates"),
    "something-else": ("hello\n", "holds no certificates"),
    "damaged": (AUTHORITY.pem.replace("M", "N"), "holds no certificates"),
    "not-ascii": (AUTHORITY.pem + "é", "holds no certificates"),
    "with-its-key": (AUTHORITY.pem + AUTHORITY.key_pem, "holds a private key"),
    "too-large": ("#" * 70_000, "is larger than 64 KiB"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_ca_file_that_is_none(cloud, tmp_path, name):
    """The server does not start, and names the file."""
    text, said = BAD_FILES[name]
    file = tmp_path / "authority.pem"
    if text is not None:
        file.write_text(text)

    with (
        pytest.raises(SettingsError) as caught,
        Served(settings_in(tmp_path, an_integration(cloud, ca_file=file))),
    ):
        pass

    assert said in caught.value.message
    assert str(file) in caught.value.message
    assert "BEGIN" not in caught.value.message


def test_all_files_that_are_wrong_are_named_at_once(cloud, tmp_path):
    """Whatever they are for, and whichever project names them: who mends one need not start again to learn of the next."""
    files = {name: tmp_path / name for name in ("key.json", "catalog.json", "one.pem", "two.pem")}
    files["catalog.json"].write_text("[]")
    files["two.pem"].write_text("hello\n")
    one = an_integration(
        cloud,
        service_accounts=(files["key.json"],),
        catalog=files["catalog.json"],
        ca_file=files["one.pem"],
    )
    two = ProjectSettings("two", cloud.url, ca_file=files["two.pem"])

    with pytest.raises(SettingsError) as caught, Served(settings_in(tmp_path, one, two)):
        pass

    assert [line.split(": ")[:2] for line in caught.value.message.splitlines()] == [
        [str(files["key.json"]), "cannot be read"],
        [str(files["catalog.json"]), "is no catalog"],
        [str(files["one.pem"]), "cannot be read"],
        [str(files["two.pem"]), "holds no certificates in PEM form"],
    ]


def test_slow_projects_do_not_delay_another(cloud, tmp_path):
    """500 runs wait for four fulfillments that do not answer; another project's calls, waiting or not, are served meanwhile."""
    hold = threading.Event()
    with ScriptedFulfillment() as slow:
        slow.homes = {"token-slow": Home("user-slow")}
        slow.answer_next(*[Answer(hold=hold)] * QUEUED)
        links = tuple(
            LinkSettings(f"user-{n}", Secret("token-slow")) for n in range(QUEUED // SLOW)
        )
        projects = [
            an_integration(
                slow,
                id=f"slow-{number}",
                number=f"22222222222{number}",
                api_keys=(),
                links=links,
            )
            for number in range(SLOW)
        ]
        settings = settings_in(tmp_path, an_integration(cloud), *projects, grace_seconds=0.0)
        held = settings.concurrency - settings.concurrency // RESERVE_SHARE
        with Served(settings) as served:
            slow.wait_for(held)
            served.until_link(lambda link: link.state is LinkState.LINKED)
            before = len(cloud.intents())

            answers = [served.request_sync() for _ in range(3)]
            served.request_sync(**{"async": True})
            cloud.wait_for(before + 4)

            running = served.house.runs.running_by_project()
            hold.set()

    assert [answer.status for answer in answers] == [200, 200, 200]
    slow_ones = [running[f"slow-{number}"] for number in range(SLOW)]
    assert max(slow_ones) <= settings.project_concurrency
    assert sum(slow_ones) >= held


def test_calls_of_all_kinds_share_the_places_of_a_project(cloud, tmp_path):
    """With one place a sync-mode run waits for another one's SYNC, however it was asked for."""
    hold = threading.Event()
    cloud.homes["token-2"] = Home("user-2")
    links = (LinkSettings("ann", Secret("token-1")), LinkSettings("bob", Secret("token-2")))
    settings = settings_in(tmp_path, an_integration(cloud, links=links), project_exchanges=1)
    with Served(settings) as served:
        for user in ("ann", "bob"):
            served.until_link(lambda link: link.state is LinkState.LINKED, user=user)
        before = len(cloud.intents())
        cloud.answer_next(Answer(hold=hold))
        served.request_sync(**{"async": True})
        cloud.wait_for(before + 1)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(served.request_sync("user-2")))
        caller.start()

        async def both_run(house):
            return house.runs.running_by_project()["acme"] == 2

        served.until(both_run)
        seen = len(cloud.intents())
        hold.set()
        caller.join()

    assert seen == before + 1
    assert answers[0].status == 200


def test_a_fulfillment_that_hangs_up_at_once(tmp_path, cloud):
    """A peer that accepts and closes, for ever: the link says so, and the server goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept():
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with Served(settings_in(tmp_path, attackers(cloud, url))) as served:
            problem, run = first_sync_of(served)
        listening.shutdown(socket.SHUT_RDWR)

    assert problem == "FULFILLMENT_UNREACHABLE"
    assert run["outcome"] == "retrying"


def test_a_fulfillment_that_says_when_it_can(tmp_path, cloud):
    """A cloud that is busy names the seconds; it is left alone for so long, and not for the two that were next."""
    cloud.answer_next(Answer(503, headers=[("Retry-After", "300")]))
    with Served(settings_in(tmp_path, attackers(cloud, cloud.url))) as served:
        problem, run = first_sync_of(served)

    assert problem == "FULFILLMENT_FAILED"
    assert run["outcome"] == "retrying"
    waits = datetime.fromisoformat(run["next_at"]) - datetime.fromisoformat(run["finished_at"])
    assert waits.total_seconds() == pytest.approx(300, abs=5)
