"""The admin API by real sockets: every call answers as its reference says, and does what it says.

docs/reference/http.md has an example for each call; here the real answers are held against them, member by member. Who is let in, and
what is refused, is in test_admin_refusals.
"""

import json
import re
from pathlib import Path

import pytest

from homegraph.service import doctor, reading
from homegraph.service.events import LinkChanged
from homegraph.service.interpreter import interpreter
from homegraph.settings.projects import LinkSettings, OAuthSettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.testing.fulfillment import Answer, Home, ScriptedFulfillment, lamp
from homegraph.web.admin import ROUTES
from support.program import Program
from support.served import KEY, Served, an_integration, linked, settings_in

PAGE = (Path(__file__).parents[2] / "docs/reference/http.md").read_text()


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with a linked user."""
    with linked(tmp_path_factory.mktemp("data"), cloud) as running:
        yield running


# --- the documented shapes ---------------------------------------------------------------------------------------------

FREE = {"links", "headers", "params", "states", "stored"}
"""Members whose own members are data."""


def shape(value, name=""):
    """The members of a document; of a list those of its first element, of a single value nothing."""
    if isinstance(value, dict):
        return "data" if name in FREE else {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None if value is None else "value"


def same(documented, real, where="answer"):
    """Hold a real shape against the documented one; a list that is empty in either says nothing, nor does a null."""
    if documented is None or real is None:
        return
    if isinstance(documented, dict) and isinstance(real, dict):
        assert sorted(documented) == sorted(real), where
        for key, inner in documented.items():
            same(inner, real[key], f"{where}.{key}")
    elif isinstance(documented, list) and isinstance(real, list):
        if documented and real:
            same(documented[0], real[0], f"{where}[0]")
    else:
        assert "data" in (documented, real) or documented == real, where


def example(call):
    """The JSON document under the heading of a call."""
    section = PAGE.partition(f"\n### `{call}`\n")[2].partition("\n### ")[0]
    (block,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    return json.loads(block)


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    """A server on which something of everything has happened; its newest run, and an errand with a follow-up."""
    folder = tmp_path_factory.mktemp("eventful")
    with ScriptedFulfillment() as scripted, linked(folder, scripted) as served:
        device = lamp("heater", "Heater")
        locking = {"traits": ["action.devices.traits.LockUnlock"]}
        lock = lamp("lock", **locking, notificationSupportedByAgent=True)
        scripted.home.devices = [lamp("lamp"), device, lock, lamp("desk", "Desk lamp")]
        assert served.request_sync().status == 200
        scripted.home.devices = [
            lamp("lamp"),
            {**device, "roomHint": "Attic"},
            lamp("fan"),
            lock,
        ]
        reply = {
            "requestId": "another",
            "payload": {"agentUserId": "user-1", "devices": scripted.home.devices},
        }
        scripted.answer_next(Answer(200, json.dumps(reply).encode()))
        assert served.request_sync().status == 200
        (run,) = served.admin("GET", "runs?project=acme&agent_user=user-1&limit=1").json["runs"]
        asked = {"project": "acme", "agent_user": "user-1", "devices": ["lock"]}
        errand = served.admin("POST", "execute", **asked, params=["lock=true"]).json
        told = {"followUpToken": errand["follow_ups"][0]["token"], "status": "SUCCESS"}
        notified = {"priority": 0, "followUpResponse": {**told, "isLocked": True}}
        reported = Program(served).report(notifications={"lock": {"LockUnlock": notified}})
        assert reported.status == 200
        yield served, run["id"], errand["id"]


def ask(call, run_id, errand_id, key_id):
    """How a documented call is made."""
    home = {"project": "acme", "agent_user": "user-1"}
    return {
        "GET /-/api/status": ("GET", "status", {}),
        "GET /-/api/doctor": ("GET", "doctor", {}),
        "GET /-/api/projects": ("GET", "projects", {}),
        "GET /-/api/projects/ID": ("GET", "projects/acme", {}),
        "GET /-/api/keys": ("GET", "keys?project=acme", {}),
        "POST /-/api/keys": ("POST", "keys", {"project": "acme"}),
        "POST /-/api/keys/revoke": ("POST", "keys/revoke", {"project": "acme", "id": key_id}),
        "GET /-/api/service-accounts": ("GET", "service-accounts?project=acme", {}),
        "POST /-/api/service-accounts": ("POST", "service-accounts", {"project": "acme"}),
        "POST /-/api/service-accounts/revoke": (
            *("POST", "service-accounts/revoke"),
            {"project": "acme", "id": key_id},
        ),
        "GET /-/api/links": ("GET", "links?project=acme", {}),
        "GET /-/api/link": ("GET", "link?project=acme&user=ann", {}),
        "GET /-/api/devices": ("GET", "devices?project=acme&agent_user=user-1", {}),
        "GET /-/api/device": ("GET", "device?project=acme&agent_user=user-1&id=fan", {}),
        "POST /-/api/devices/place": ("POST", "devices/place", {**home, "device": "fan"}),
        "POST /-/api/execute": (
            *("POST", "execute"),
            {**home, "devices": ["fan"], "params": ["on=true"]},
        ),
        "POST /-/api/query": ("POST", "query", {**home, "devices": ["fan"]}),
        "GET /-/api/errands": ("GET", "errands", {}),
        "GET /-/api/errand": ("GET", f"errand?id={errand_id}", {}),
        "GET /-/api/instances": ("GET", "instances", {}),
        "GET /-/api/runs": ("GET", "runs", {}),
        "POST /-/api/export": ("POST", "export", {}),
        "GET /-/api/run": ("GET", f"run?id={run_id}", {}),
    }[call]


ELSEWHERE = (
    *("links/unlink", "links/refresh", "links/expire", "links/revoke", "link"),
    *("links/start", "links/finish", "links/trace", "linking", "runs/accept", "import"),
)
"""Calls that need a link with a problem, a login page (test_linking.py), a run that is held, or an export."""

SHAPED = sorted(f"{method} /-/api/{name}" for method, name in ROUTES if name not in ELSEWHERE)


@pytest.mark.parametrize("call", SHAPED)
def test_an_answer_has_the_members_of_its_reference(eventful, call):
    """No member more and none less, at any depth that the example shows."""
    served, run_id, errand_id = eventful
    kind = "service-accounts" if "service-accounts" in call else "keys"
    key_id = served.admin("POST", kind, project="acme").json["id"]
    method, path, members = ask(call, run_id, errand_id, key_id)

    answer = served.admin(method, path, **members)

    assert answer.status == 200
    same(shape(example(call)), shape(answer.json))


def test_a_link_is_explained_and_ended_as_its_reference_says(tmp_path):
    """A link with a problem, and the same link unlinked."""
    with ScriptedFulfillment() as scripted:
        scripted.homes.clear()
        with Served(settings_in(tmp_path, an_integration(scripted))) as served:
            served.until_link(lambda link: link.problem)
            heard = []
            served.house.events.subscribe(heard.append)

            shown = served.admin("GET", "link?project=acme&user=ann")
            ended = served.admin("POST", "links/unlink", project="acme", user="ann")

    same(shape(example("GET /-/api/link")), shape(shown.json))
    assert shown.json["explanation"]["title"].startswith("The token endpoint has refused")
    same(shape(example("POST /-/api/links/unlink")), shape(ended.json))
    assert ended.json["state"] == "unlinked"
    assert [event.state for event in heard if isinstance(event, LinkChanged)] == ["unlinked"]


@pytest.mark.parametrize("what", ["refresh", "expire", "revoke"])
def test_tokens_are_tried_as_their_reference_says(tmp_path, what):
    """The three calls of a link's tokens."""
    with ScriptedFulfillment() as scripted, linked(tmp_path, scripted) as served:
        scripted.refresh_tokens["refresh-1"] = "token-1"
        answer = served.admin("POST", f"links/{what}", project="acme", user="ann")

    documented = example(f"POST /-/api/links/{what}")
    same(shape(documented | {"findings": []}), shape(answer.json | {"findings": []}))


def test_a_held_run_is_accepted_as_its_reference_says(tmp_path):
    """It is answered with the run that was held; any other run is refused."""
    with ScriptedFulfillment() as scripted, linked(tmp_path, scripted) as served:
        scripted.home.devices = [lamp("another")]
        assert served.request_sync().status == 200
        (held,) = served.admin("GET", "runs?project=acme&agent_user=user-1").json["runs"]
        assert held["outcome"] == "held"

        accepted = served.admin("POST", "runs/accept", id=held["id"])
        unknown = served.admin("POST", "runs/accept", id="0000")

        assert accepted.status == 200
        same(shape(example("POST /-/api/runs/accept")), shape(accepted.json))
        assert accepted.json["id"] == held["id"]
        assert unknown.status == 404


def test_an_export_is_imported_as_its_reference_says(served):
    """All of it is here already, a link of somebody else's is refused, and what is no line ends the reading."""
    page = served.admin("POST", "export").json
    home = next(line for line in page["lines"] if line["kind"] == "agent_user")
    asked = {"version": page["header"]["version"], "key": page["header"]["key"]}
    again = served.admin("POST", "import", **asked, lines=page["lines"]).json
    other = {**home, "agent_user_id": "other", "links": [dict(one) for one in home["links"]]}
    for one in other["links"]:
        one["link"] = {**one["link"], "agent_user_id": "other"}
    refused = served.admin("POST", "import", **asked, lines=[other, {"kind": "else"}, home]).json
    unlike = served.admin("POST", "import", version=1, key="another", lines=[])

    assert (again["added"], again["present"]) == (0, len(page["lines"]))
    same(shape(example("POST /-/api/import")), shape({**refused, "unreadable": None}))
    assert (refused["added"], refused["present"], refused["unreadable"]["line"]) == (0, 0, 2)
    assert (unlike.status, unlike.json["error"]["reason"]) == (400, "EXPORT_UNUSABLE")


def test_an_export_goes_on_after_any_line(served):
    """Page by page it is the same as at once."""
    whole = served.admin("POST", "export").json["lines"]
    for number, line in enumerate(whole):
        after = {
            "project": ("project", line.get("project", {}), ""),
            "agent_user": ("agent_user", line, line.get("agent_user_id")),
            "link": ("link", line.get("link", {}), line.get("link", {}).get("user_id")),
        }[line["kind"]]
        kind, owner, name = after
        project = owner["id"] if kind == "project" else owner["project_id"]
        rest = served.admin("POST", "export", kind=kind, project=project, id=name).json
        assert (rest["lines"], rest["done"]) == (whole[number + 1 :], True)


def test_every_call_has_its_place_in_the_reference():
    """No call without a heading, and no heading without a call."""
    documented = set(re.findall(r"\n### `((?:GET|POST) /-/api/\S+)`", PAGE))
    served_calls = {f"{method} /-/api/{name}" for method, name in ROUTES}

    assert documented == served_calls


def test_the_example_of_an_error_is_a_real_one(served):
    """To the letter."""
    (block,) = re.findall(r"Errors:\n\n```json\n(.*?)```", PAGE, re.DOTALL)

    assert json.loads(block) == served.admin("GET", "projects/acne").json


# --- what the calls do -------------------------------------------------------------------------------------------------


def test_a_new_key_works_at_once_and_is_shown_once(served):
    """It speaks for its project; later only its beginning is told."""
    made = served.admin("POST", "keys", project="acme").json

    assert served.request_sync(key=made["key"], **{"async": True}).status == 200
    listed = served.admin("GET", "keys?project=acme")
    assert made["key"] not in listed.body.decode()
    assert made["key"].startswith(made["hint"])
    (found,) = [key for key in listed.json["keys"] if key["id"] == made["id"]]
    assert found == {name: value for name, value in made.items() if name != "key"}


def test_a_revoked_key_is_refused_from_the_next_call_on(served):
    """Although it was good a moment ago; revoking it again changes nothing."""
    made = served.admin("POST", "keys", project="acme").json
    assert served.request_sync(key=made["key"], **{"async": True}).status == 200

    first = served.admin("POST", "keys/revoke", project="acme", id=made["id"]).json
    refused = served.request_sync(key=made["key"], **{"async": True})
    again = served.admin("POST", "keys/revoke", project="acme", id=made["id"]).json

    assert refused.reason == "API_KEY_REVOKED"
    assert first["state"] == "revoked"
    assert again == first


def test_a_key_is_restricted_as_asked(served):
    """Networks are kept in CIDR form, what comes twice counts once."""
    made = served.admin(
        "POST",
        "keys",
        project="acme",
        expires_at="2001-01-31T12:00:00+01:00",
        methods=["devices.query", "devices.query"],
        addresses=["10.1.2.3/8", "192.0.2.1", "2001:db8::/32"],
    ).json

    assert (made["state"], made["expires_at"]) == ("expired", "2001-01-31T11:00:00.000Z")
    assert made["methods"] == ["devices.query"]
    assert made["addresses"] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.000Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_key_that_ends_beyond_all_years_is_told_of(served, given, told):
    """In UTC its year would have five digits, or be none; neither its making nor the list of all keys fails."""
    made = served.admin("POST", "keys", project="acme", expires_at=given).json
    listed = served.admin("GET", "keys?project=acme").json["keys"]

    assert made["expires_at"] == told
    assert made["id"] in {key["id"] for key in listed}


def test_what_is_set_by_hand_stays_and_the_rest_is_left_alone(cloud, tmp_path):
    """Each call sets what it names; a later SYNC touches nothing of it."""
    home = {"project": "acme", "agent_user": "user-1", "device": "lamp"}
    with linked(tmp_path, cloud) as served:
        served.admin("POST", "devices/place", **home, room="Kitchen")
        placed = served.admin("POST", "devices/place", **home, nicknames=["night light"]).json
        assert served.request_sync().status == 200
        (device,) = served.admin("GET", "devices?project=acme&agent_user=user-1").json["devices"]

        cleared = served.admin("POST", "devices/place", **home, room="").json

    assert placed["placement"] == {
        "room": "Kitchen",
        "name": "lamp",
        "nicknames": ["night light"],
        "chosen": ["nicknames", "room"],
    }
    assert device == placed
    assert cleared["placement"]["room"] == ""


def test_links_are_handed_out_in_pages(cloud, tmp_path):
    """``next_after`` leads through all of them, and is missing at the end."""
    users = tuple(LinkSettings(name, Secret("token-1")) for name in ("ann", "ben", "cy"))
    with Served(settings_in(tmp_path, an_integration(cloud, links=users))) as served:
        first = served.admin("GET", "links?project=acme&limit=2").json
        rest = served.admin("GET", f"links?project=acme&limit=2&after={first['next_after']}").json

    assert [link["user"] for link in first["links"]] == ["ann", "ben"]
    assert [link["user"] for link in rest["links"]] == ["cy"]
    assert "next_after" not in rest


def test_counts_go_through_all_pages(tmp_path, monkeypatch):
    """However many links and agent users there are, all of them count, and the doctor looks at each."""
    monkeypatch.setattr(reading, "PAGE", 1)
    monkeypatch.setattr(doctor, "NAMED_MAX", 1)
    names = ("ann", "ben", "cy", "di")
    with ScriptedFulfillment() as scripted:
        scripted.homes = {name: Home(f"agent-{name}") for name in names[:2]}
        users = tuple(LinkSettings(name, Secret(name)) for name in names)
        with Served(settings_in(tmp_path, an_integration(scripted, links=users))) as served:
            for name in names:
                served.until_link(lambda link: link.agent_user_id or link.problem, user=name)
            project = served.admin("GET", "projects/acme").json
            found = ill(served)

    assert (project["links"], project["agent_users"]) == ({"linked": 2, "linking": 2}, 2)
    assert found["links"] == "1 more with a problem"
    assert "link of cy to acme" in found


def test_a_link_tells_when_it_is_tried_again(tmp_path):
    """A first SYNC that failed is repeated; how often it was tried and when it is next is shown."""
    gone = ProjectSettings(
        "acme",
        "http://127.0.0.1:9/smarthome",
        links=(LinkSettings("ann", Secret("token-1")),),
    )
    with Served(settings_in(tmp_path, gone)) as served:
        served.until_link(lambda link: link.problem)
        link = served.admin("GET", "link?project=acme&user=ann").json

    assert (link["state"], link["problem"]) == ("linking", "FULFILLMENT_UNREACHABLE")
    assert link["attempts"] >= 1
    assert link["next_attempt_at"] is None or link["next_attempt_at"] > link["created_at"]


def test_runs_are_handed_out_newest_first_from_where_one_was(eventful):
    """``before`` goes on behind a run, filters hold."""
    served, newest, _ = eventful
    runs = served.admin("GET", "runs").json["runs"]
    older = served.admin("GET", f"runs?before={newest}").json["runs"]
    others = served.admin("GET", "runs?project=acme&agent_user=nobody").json["runs"]

    assert runs[0]["id"] == newest
    assert older == runs[1:]
    assert others == []


@pytest.mark.parametrize("journal", ["runs", "errands", "links", "keys"])
def test_a_project_that_is_not_there_has_no_list(eventful, journal):
    """A name that is mistyped is not taken for one that nothing has happened to."""
    served, _, _ = eventful
    answer = served.admin("GET", f"{journal}?project=acne")

    assert (answer.status, answer.json["error"]["reason"]) == (404, "NOT_FOUND")
    assert answer.json["error"]["message"] == "There is no project 'acne'."


def test_the_newest_run_tells_what_it_did(eventful):
    """Changes by device, the finding, and the exchange with its token masked."""
    served, run_id, _ = eventful
    run = served.admin("GET", f"run?id={run_id}").json

    assert run["changes"] == {
        "added": ["fan"],
        "changed": [{"device_id": "heater", "fields": ["roomHint"]}],
        "removed": ["desk"],
        "held": [],
    }
    assert (run["added"], run["changed"], run["removed"]) == (1, 1, 1)
    rules = [finding["rule"] for finding in run["findings"]]
    assert rules == ["request-id-not-echoed", "change-without-effect"]
    (exchange,) = run["exchanges"]
    assert exchange["request"]["headers"]["authorization"] == "Bearer ***"
    assert run["explanation"] is None


def test_no_secret_of_a_project_is_shown(cloud, tmp_path):
    """Of addresses neither query nor user, of the client secret whether there is one."""
    oauth = OAuthSettings(
        client_id="us", client_secret=Secret("hush-1"), token_url=f"{cloud.token_url}?s=hush-2"
    )
    project = an_integration(cloud, fulfillment_url=f"{cloud.url}?token=hush-3", oauth=oauth)
    with Served(settings_in(tmp_path, project, encryption_key=Secret("A" * 43 + "="))) as served:
        served.until_link(lambda link: link.agent_user_id)
        answers = [
            served.admin("GET", path).body.decode()
            for path in ("projects", "projects/acme", "status", "doctor", "runs", "links")
        ]
        (run,) = served.admin("GET", "runs?project=acme&limit=1").json["runs"]
        answers.append(served.admin("GET", f"run?id={run['id']}").body.decode())

    assert json.loads(answers[1])["oauth"]["has_client_secret"] is True
    for secret in ("hush", "token-1", "refresh-1", "A" * 43, KEY):
        assert not [answer for answer in answers if secret in answer]


# --- the doctor --------------------------------------------------------------------------------------------------------


def ill(served):
    """The checks that failed, by name."""
    checks = served.admin("GET", "doctor").json["checks"]
    assert all(check["fix"] for check in checks if not check["ok"])
    advised = {check["name"] for check in checks if check["ok"] and check["fix"]}
    assert advised == (set() if interpreter()[1] else {"python"})
    return {check["name"]: check["detail"] for check in checks if not check["ok"]}


def test_a_fulfillment_that_says_too_much_is_there(tmp_path):
    """The doctor asks only whether somebody answers, and does not read to the end what he says."""
    with ScriptedFulfillment() as talker:
        talker.answer_token_next(Answer(body=b"x" * (doctor.TRY_REPLY_MAX_BYTES + 1)))
        project = ProjectSettings("acme", talker.token_url)
        with Served(settings_in(tmp_path, project)) as served:
            checks = served.admin("GET", "doctor").json["checks"]

    (found,) = [one for one in checks if one["name"] == "fulfillment of acme"]
    assert (found["ok"], found["detail"]) == (True, f"{talker.token_url} answers")


def test_the_doctor_finds_nothing_where_all_is_well(served):
    """Every check is there and good; the interpreter is named, and is no failure however it was built."""
    assert ill(served) == {}
    checks = {one["name"]: one for one in served.admin("GET", "doctor").json["checks"]}
    assert checks["python"]["detail"] == interpreter()[0]


def test_the_doctor_names_what_is_wrong(tmp_path):
    """An unreachable fulfillment, a refresh token without an address, a link in trouble, a file that others may read."""
    gone = ProjectSettings(
        "acme",
        "http://127.0.0.1:9/smarthome?token=hush",
        links=(LinkSettings("ann", Secret("token-1"), Secret("refresh-1")),),
    )
    with Served(settings_in(tmp_path, gone)) as served:
        served.until_link(lambda link: link.problem)
        tmp_path.chmod(0o755)
        (tmp_path / "admin-token").chmod(0o644)
        found = ill(served)

    assert set(found) == {
        "data folder",
        "fulfillment of acme",
        "token endpoint of acme",
        "link of ann to acme",
    }
    assert "admin-token" in found["data folder"]
    assert "hush" not in found["fulfillment of acme"]


@pytest.mark.parametrize("mode", [0o702, 0o770, 0o1777])
def test_the_doctor_knows_who_may_write_into_the_data_folder(tmp_path, mode):
    """Who may can replace key and token, though he may read neither; not where everybody has files of his own."""
    with Served(settings_in(tmp_path)) as served:
        tmp_path.chmod(mode)
        found = ill(served)

    told = f"others on this machine may put files of theirs into {tmp_path}"
    assert found == ({"data folder": told} if mode == 0o702 else {})


def test_the_doctor_notices_a_clock_that_went_back(cloud, tmp_path):
    """The newest run must not have ended in the future."""
    with linked(tmp_path, cloud) as served, pytest.MonkeyPatch.context() as patch:
        clock = type(served.house.clock)
        now = served.house.clock.now()
        patch.setattr(clock, "now", lambda _: now - 3600)
        found = ill(served)

    assert "clock" in found


def test_the_doctor_does_not_wait_for_every_fulfillment(cloud, tmp_path, monkeypatch):
    """Hundreds that hang would keep it from telling what else is wrong; those that it did not come to are counted."""
    monkeypatch.setattr("homegraph.service.doctor.TRYING_SECONDS_MAX", 0.0)
    two = [an_integration(cloud, id=name, api_keys=(), links=()) for name in ("acme", "other")]
    with Served(settings_in(tmp_path, *two)) as served:
        found = ill(served)

    assert found == {"fulfillments": "2 more were not tried within 0 s"}


def test_the_doctor_of_many_projects_is_no_list_of_them(cloud, tmp_path, monkeypatch):
    """Of those that are well, and of those that are not, the first are named and the others counted."""
    monkeypatch.setattr(doctor, "NAMED_MAX", 2)
    addresses = {"well": cloud.url, "ill": "http://127.0.0.1:9/smarthome"}
    many = [
        an_integration(cloud, id=f"{name}-{number}", fulfillment_url=url, api_keys=(), links=())
        for number in range(5)
        for name, url in addresses.items()
    ]
    with Served(settings_in(tmp_path, *many)) as served:
        checks = served.admin("GET", "doctor").json["checks"]
        ill(served)

    told = [(one["name"], one["ok"]) for one in checks if "fulfillment" in one["name"]]
    assert sorted(told[:4]) == [
        *(("fulfillment of ill-0", False), ("fulfillment of ill-1", False)),
        *(("fulfillment of well-0", True), ("fulfillment of well-1", True)),
    ]
    assert told[4:] == [("fulfillments", True), ("fulfillments", False)]
    assert [one["detail"] for one in checks if one["name"] == "fulfillments"] == [
        "3 more without a problem",
        "3 more with a problem",
    ]


def test_the_doctor_survives_a_database_that_is_gone(cloud, tmp_path):
    """What cannot be looked at is left out; the database is named."""
    with linked(tmp_path, cloud) as served:
        served.do(served.house.store.close())
        found = ill(served)

    assert set(found) == {"database"}
