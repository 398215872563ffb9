"""The story, step by step. A step tells, does, and checks; it returns in a few words what was seen.

The order is part of the story: each step starts from what the one before has left. What a step tells in the present tense it
has done by a real call; what it claims, it has checked, and a claim that does not hold raises ``NotAsTold``.

The reader is somebody who has never heard of a Home Graph. One idea to a step, no word that was not explained.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from homegraph.client.calls import Request, Response
from homegraph.demo import documents
from homegraph.demo.browser import heading
from homegraph.demo.calls import TIMEOUT_SECONDS, Call
from homegraph.demo.claims import check
from homegraph.demo.cloud.config import SAMPLE_PASSWORDS
from homegraph.demo.cloud.devices import Device
from homegraph.demo.stage import ACCOUNT, PROJECT, TRAIT_PREFIX, Stage
from homegraph.errors import ApiError
from homegraph.wire.status import REASONS, parse_error

ROOM: Final = "Kitchen"
WRONG_KEY: Final = "this-key-is-wrong"
UNKNOWN_USER: Final = "user-2"

Tell: TypeAlias = Callable[[Stage], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One scene: its title, and what happens in it."""

    title: str
    tell: Tell


async def link_the_account(stage: Stage) -> str:
    """Sign in at the cloud, agree, and come back: OAuth, as a person sees it."""
    stage.narrator.say(
        "You have things by a maker, and an account at his cloud. So you tell the Home Graph to link it, on its page "
        f"{stage.server.url}/link/{PROJECT} or by a command. It sends your browser to the login page of the cloud. There you sign "
        "in and allow it, and the browser comes back with a code. The two servers change the code for tokens among themselves; your "
        "password never leaves the cloud."
    )
    url = await stage.begin_linking()
    password, _ = SAMPLE_PASSWORDS[ACCOUNT]
    browser = stage.browser
    page = await browser.go(await browser.sign_in(url, name=ACCOUNT, password=password))
    check(page.status == HTTPStatus.OK, f"the linking ended with {heading(page) or page.status}")
    link = await stage.link()
    check(link.state == "linked", f"your link is {link.state}")
    check(link.agent_user_id == stage.who, f"your link belongs to {link.agent_user_id!r}")
    return f"linked, as {link.agent_user_id}"


async def first_sync(stage: Stage) -> str:
    """A link's first SYNC comes by itself."""
    stage.narrator.say(
        "Before the browser was answered, the Home Graph has asked the cloud which devices you have. The question is called "
        "SYNC; the answer is always the full list. QUERY, asked once after it, is about how the devices are."
    )
    stage.show_sync(await stage.newest_run() or await stage.next_run())
    devices = await stage.show_devices()
    check(set(devices) == set(stage.home.devices), f"the Home Graph has {_names(devices)}")
    return f"{len(devices)} devices"


async def move_the_lamp(stage: Stage) -> str:
    """What a user chooses stays here and is not told to the cloud."""
    stage.narrator.say(
        "The cloud guessed a room. In your home the lamp stands elsewhere, and you have the last word:"
    )
    before = {device.id: device for device in await stage.devices()}
    stage.narrator.paste(f"homegraph devices place lamp --agent-user {stage.who} --room {ROOM}")
    await stage.place("lamp", room=ROOM)
    devices = {device.id: device for device in await stage.devices()}
    stage.narrator.result(
        f"lamp  {before['lamp'].placement.room} -> {devices['lamp'].placement.room}"
    )
    _check_lamp(devices)
    return f"the lamp is in the {ROOM}"


async def turn_on_the_lamp(stage: Stage) -> str:
    """EXECUTE goes to the cloud, and what it has changed comes back as a report."""
    stage.narrator.say(
        "Now you want light. The Home Graph sends EXECUTE, and the cloud switches the lamp. What is known here of the lamp changes "
        "only when the cloud tells it, by a call of its own: Report State. It tells in the same way when somebody presses "
        "the button on the lamp."
    )
    before = await stage.states("lamp")
    stage.finished.forget()
    stage.narrator.paste(
        f'homegraph execute "{ROOM.lower()} lamp" on=true --agent-user {stage.who}'
    )
    done = await stage.execute(f"{ROOM.lower()} lamp", "on=true")
    for one in done.devices:
        stage.narrator.result(f"{one.id}  {one.status}")
    check([(one.id, one.ok) for one in done.devices] == [("lamp", True)], f"it did {done.devices}")
    reported = await stage.finished.next_report()
    after = await stage.states("lamp")
    stage.narrator.meanwhile(
        "reportStateAndNotification from the cloud", HTTPStatus.OK, f"about {', '.join(reported)}"
    )
    stage.narrator.result(f"on  {_word(before)} -> {_word(after)}")
    check((before["on"], after["on"]) == (False, True), f"the lamp is known as {after}")
    return "the lamp is on, and known to be"


async def add_at_the_cloud(stage: Stage) -> str:
    """News at the cloud is no news here."""
    stage.narrator.say(
        "You buy a coffee maker and set it up in the app of its maker. Now the cloud has one device more than "
        "the Home Graph, which was not told and does not ask."
    )
    syncs = stage.home.syncs
    stage.home.add(
        Device("coffee", "COFFEE_MAKER", "Coffee maker", ["OnOff"], {"on": False}, room_hint=ROOM)
    )
    answer = await stage.send(Call("GET", f"{stage.cloud_url}/"))
    stage.narrator.came(answer.status, f"{len(stage.home.devices)} devices at the cloud")
    check(b'"coffee"' in answer.body, "the cloud does not list the new device")
    devices = await stage.devices()
    check("coffee" not in {device.id for device in devices}, "the new device is here already")
    check(stage.home.syncs == syncs, "a SYNC came by itself")
    stage.narrator.result(f"still {len(devices)} in the Home Graph")
    return f"{len(stage.home.devices)} devices there, {len(devices)} here"


async def request_sync(stage: Stage) -> str:
    """The documented call, letter by letter."""
    stage.narrator.say(
        "So the cloud calls Request Sync: please ask me again about this user. This is the call of Google's "
        "documentation with another host, key and user. The name in the braces has no quotes; Google forgives that, "
        "and so does this server. While the caller waits, the Home Graph sends SYNC and takes over the list."
    )
    before, old = await stage.link(), {device.id: device for device in await stage.devices()}
    stage.finished.forget()
    answer = await stage.send(stage.request_sync(f'{{agentUserId: "{stage.who}"}}'))
    run = await stage.next_run()
    stage.show_sync(run)
    stage.show_answer(answer)
    _check_accepted(answer)
    stage.show_changes(run)
    check(run.changes == documents.Changes(added=("coffee",)), f"it changed {run.changes}")
    devices = await stage.show_devices()
    _check_lamp(devices)
    check(await stage.link() == before, "your link has changed")
    check(all(devices.get(name) == was for name, was in old.items()), "other devices have changed")
    stage.narrator.say(
        f"The coffee maker is here. You did not link your account again, and the lamp is still in the {ROOM}."
    )
    return "+1 added; link and room untouched"


async def change_three_things(stage: Stage) -> str:
    """A new name, a new trait, a removal, and one asynchronous call for all of them."""
    stage.narrator.say(
        "More news at the cloud: the heater gets another name, an update teaches the vacuum to be found, and the blind "
        'is taken down. One call is enough. With "async": true nobody waits: the call is kept safe and answered at once.'
    )
    stage.home.rename("heater", "Bath heater")
    stage.home.teach("vacuum", "Locator")
    stage.home.remove("blind")
    stage.finished.forget()
    answer = await stage.send(
        stage.request_sync(f'{{"agentUserId": "{stage.who}", "async": true}}')
    )
    stage.show_answer(answer)
    _check_accepted(answer)
    run = await stage.next_run()
    stage.show_sync(run)
    stage.show_changes(run)
    changed = {one.device_id: one.fields for one in run.changes.changed}
    stage.narrator.facts(
        [(f"~ {device_id}", ", ".join(fields)) for device_id, fields in sorted(changed.items())]
        + [(f"- {device_id}", "") for device_id in run.changes.removed]
    )
    expected = {"heater": ("name",), "vacuum": ("traits",)}
    check(not run.changes.added, f"it added {run.changes.added}")
    check(changed == expected, f"it changed {changed}")
    check(run.changes.removed == ("blind",), f"it removed {run.changes.removed}")
    devices = await stage.show_devices()
    _check_lamp(devices)
    check(TRAIT_PREFIX + "Locator" in devices["vacuum"].traits, "the vacuum cannot be found")
    check(devices["heater"].placement.name == "Heater", "the heater's name here has changed")
    stage.narrator.say(
        "The heater keeps its name here: a cloud's name counts when a device is seen for the first time, "
        "and is yours from then on. So it is at Google."
    )
    return "~2 changed, -1 removed"


async def request_during_a_run(stage: Stage) -> str:
    """What is requested while a SYNC is under way may not be in its answer any more."""
    stage.narrator.say(
        "Now the awkward moment. A SYNC is under way, and the cloud has just given its list. Then you set up a pump, and the cloud "
        'calls again, twice. A Home Graph that said "I am at it already" would miss the pump.'
    )
    syncs = stage.home.syncs
    stage.finished.forget()
    call = stage.request_sync(f'{{"agentUserId": "{stage.who}", "async": true}}')
    with stage.curtain.closed():
        answer = await stage.send(call)
        stage.show_answer(answer)
        _check_accepted(answer)
        await stage.sync_under_way()
        stage.narrator.result("SYNC is under way; here comes the pump")
        stage.home.add(Device("pump", "OUTLET", "Pump", ["OnOff"], {"on": False}))
        for _ in range(2):
            answer = await stage.send(call)
            stage.show_answer(answer)
            _check_accepted(answer)
    first, second = await stage.next_run(), await stage.next_run()
    for run in (first, second):
        stage.show_sync(run)
        stage.show_changes(run)
    check(first.changes == documents.Changes(), f"the first SYNC changed {first.changes}")
    check(second.changes == documents.Changes(added=("pump",)), f"it changed {second.changes}")
    check(second.merged == 2, f"the second SYNC was for {second.merged} requests")  # noqa: PLR2004
    check(stage.home.syncs == syncs + 2, f"there were {stage.home.syncs - syncs} SYNCs")
    stage.narrator.say(
        "So a request that comes during a SYNC leads to another one after it; two such requests share it. No accepted request is "
        "without a SYNC that began after it."
    )
    return "2 requests during a SYNC, 1 SYNC more"


async def use_a_wrong_key(stage: Stage) -> str:
    """The first of the usual mistakes."""
    stage.narrator.say(
        "What goes wrong is explained. Google says the sentence after the number, and nothing more; the rest is ours."
    )
    call = stage.request_sync(f'{{agentUserId: "{stage.who}"}}', api_key=WRONG_KEY)
    return await _refused(stage, call, HTTPStatus.BAD_REQUEST, "API_KEY_UNKNOWN")


async def name_an_unknown_user(stage: Stage) -> str:
    """The other one: Google's 404 has a dozen causes."""
    stage.narrator.say(
        "The same sentence stands for a dozen mistakes. This one is a user whom nobody has linked:"
    )
    call = stage.request_sync(f'{{agentUserId: "{UNKNOWN_USER}"}}')
    return await _refused(stage, call, HTTPStatus.NOT_FOUND, "AGENT_USER_NEVER_LINKED")


STORY: Final = (
    Step("You link your account", link_the_account),
    Step("The first SYNC", first_sync),
    Step("You move the lamp", move_the_lamp),
    Step("You turn it on", turn_on_the_lamp),
    Step("The cloud gets a new device", add_at_the_cloud),
    Step("Request Sync", request_sync),
    Step("Three changes, one call", change_three_things),
    Step("A request during a SYNC", request_during_a_run),
    Step("A wrong key", use_a_wrong_key),
    Step("An unknown user", name_an_unknown_user),
)


async def _refused(stage: Stage, call: Call, status: HTTPStatus, reason: str) -> str:
    """Make a call that is refused, and show the explanation."""
    answer = await stage.send(call)
    stage.show_answer(answer)
    check(answer.status == status, f"the call was answered {answer.status}")
    error = parse_error(answer.status, answer.body)
    check(error.reason == reason, f"the reason that is given is {error.reason or 'none'}")
    explained = REASONS[reason]
    link = _page_of(error)
    stage.narrator.facts(
        [
            ("reason", reason),
            ("what", explained.title),
            ("why", explained.why),
            ("fix", explained.fix),
            ("more", link),
        ]
    )
    page = await stage.http.send(Request("GET", link, (), b"", TIMEOUT_SECONDS))
    check(page.status == HTTPStatus.OK, f"the page {link} answers {page.status}")
    return f"{answer.status} {reason}"


def _check_accepted(answer: Response) -> None:
    check(answer.status == HTTPStatus.OK, f"Request Sync was answered {answer.status}")
    check(answer.body.split() == [b"{}"], "the answer is not an empty object")


def _page_of(error: ApiError) -> str:
    """The page that explains the error, by the link in its details."""
    links = [link["url"] for detail in error.details for link in detail.get("links", ())]
    check(bool(links), "the error has no link to a page that explains it")
    return str(links[0])


def _check_lamp(devices: dict[str, documents.Device]) -> None:
    room = devices["lamp"].placement.room if "lamp" in devices else "nowhere"
    check(room == ROOM, f"the lamp is in {room!r}")


def _names(devices: dict[str, documents.Device]) -> str:
    return ", ".join(sorted(devices)) or "nothing"


def _word(states: dict[str, Any]) -> str:
    return str(states.get("on")).lower()
