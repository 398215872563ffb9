"""Checks of a SYNC reply as a whole: what it says about itself, and what is wrong between its devices.

Not here: what is wrong within one device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from xxhash import xxh3_64_digest

from homegraph.graph.checks.envelopes import check_request_id
from homegraph.graph.checks.rule import Rule, pointer, shown
from homegraph.graph.model import Finding
from homegraph.wire.intents import SyncReply, is_longer
from homegraph.wire.transcoding import AGENT_USER_ID_BYTES_MAX

SLOW_SECONDS: Final = 5.0
"""Google's guidance: an answer to SYNC slower than this is not reliable."""

ADVISED_BYTES_MAX: Final = 256
"""Of an agentUserId, by Google's older documentation."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")


def check_reply(
    reply: SyncReply,
    *,
    request_id: str,
    agent_user_id: str,
    device_ids: Sequence[str],
    took: float,
) -> tuple[Finding, ...]:
    """Findings about one reply. ``agent_user_id`` is empty in a first SYNC; ``took`` is in seconds."""
    return (
        *check_request_id(reply.request_id, request_id),
        *check_list(
            reply.agent_user_id, agent_user_id=agent_user_id, device_ids=device_ids, took=took
        ),
    )


def check_list(
    named: str, *, agent_user_id: str, device_ids: Sequence[str], took: float
) -> Iterator[Finding]:
    """Findings about whose list it is and what is on it. ``named`` is the reply's own agentUserId, empty when it has none."""
    path = "/payload/agentUserId"
    yield from _form_of_id(named)
    if agent_user_id and not named:
        yield AGENT_USER_ID_MISSING.found("The reply has no payload.agentUserId.", path=path)
    elif agent_user_id and named != agent_user_id:
        what = (
            f"agentUserId was {shown(agent_user_id)} until now and is {shown(named)} in this reply."
        )
        yield AGENT_USER_ID_CHANGED.found(what, path=path)
    if not device_ids:
        yield DEVICES_EMPTY.found("The reply lists no devices.", path="/payload/devices")
    yield from _duplicates(device_ids)
    yield from check_time(took)


def check_time(took: float) -> Iterator[Finding]:
    """A finding about an answer that came late, after ``took`` seconds."""
    if took > SLOW_SECONDS:
        yield REPLY_SLOW.found(f"The answer took {took:.1f} s.")


def links_disagree(user_ids: Sequence[str]) -> Finding:
    """Two links of one agent user answered with different lists; the last one counted."""
    users = ", ".join(user_ids)
    return LINKS_DISAGREE.found(
        f"The links of {users} were answered with different device lists.", path="/payload/devices"
    )


SHRINK_KNOWN_MIN: Final = 10
"""Devices of a home in which half of them do not go by chance."""


def is_suspicious(known: int, removed: int) -> bool:
    """Whether so many are gone that it is more likely a mistake: all of them, or more than half of ten or more."""
    return 0 < known == removed or (known >= SHRINK_KNOWN_MIN and removed * 2 > known)


def shrunk(known: int, removed: int, *, held: bool = False) -> Finding:
    """A reply removes ``removed`` of ``known`` devices. ``held``: that was not done."""
    what = f"The reply lacks {removed} of {known} devices" + (
        "; the list stays as it was." if held else "."
    )
    return DEVICES_SHRUNK.found(what, path="/payload/devices")


Spoken: TypeAlias = tuple[str, str, str]
"""Id, name and room of a device, empty where there are none."""


def same_names(spoken: Sequence[Spoken]) -> Iterator[Finding]:
    """Devices that are called alike in one room. ``spoken`` has every device, in the reply's order."""
    keys = [(_heard(name), _heard(room)) for _, name, room in spoken]
    first: dict[tuple[str, str], str] = {}
    for index, (key, (device_id, name, _)) in enumerate(zip(keys, spoken, strict=True)):
        other = first.setdefault(key, device_id)
        if key[0] and other != device_id:
            yield NAME_TWICE.found(
                f"Devices {shown(other)} and {shown(device_id)} are both called {shown(name)} in one room.",
                path=pointer("payload", "devices", index, "name", "name"),
                device_id=device_id,
            )


def name_digest(name: str) -> bytes:
    """A digest of a name, 8 bytes. Names that are heard alike have the same; so have some that differ in blanks."""
    return xxh3_64_digest("".join(name.split()).casefold().encode(errors="surrogatepass"))


def _heard(text: str) -> str:
    """A text as it sounds: case and blanks do not count."""
    return " ".join(text.split()).casefold()


def _form_of_id(agent_user_id: str) -> Iterator[Finding]:
    path = "/payload/agentUserId"
    if is_longer(agent_user_id, AGENT_USER_ID_BYTES_MAX):
        what = f"agentUserId has more than {AGENT_USER_ID_BYTES_MAX} bytes; no call could name it."
        yield AGENT_USER_ID_LONG.found(what, path=path, severity="refused")
    elif is_longer(agent_user_id, ADVISED_BYTES_MAX):
        what = f"agentUserId has more than {ADVISED_BYTES_MAX} bytes."
        yield AGENT_USER_ID_LONG.found(what, path=path)
    if _EMAIL.fullmatch(agent_user_id):
        yield AGENT_USER_ID_EMAIL.found("agentUserId is an e-mail address.", path=path)


def _duplicates(device_ids: Sequence[str]) -> Iterator[Finding]:
    if len(set(device_ids)) == len(device_ids):
        return
    seen: set[str] = set()
    for index, device_id in enumerate(device_ids):
        if device_id in seen:
            yield DEVICE_ID_DUPLICATE.found(
                f"Device {shown(device_id)} is listed more than once.",
                path=pointer("payload", "devices", index, "id"),
                device_id=device_id,
            )
        seen.add(device_id)


AGENT_USER_ID_MISSING: Final = Rule(
    id="agent-user-id-missing",
    severity="refused",
    subject="SYNC",
    title="The reply does not say whose devices these are",
    why="It is required; without it Request Sync and Report State find no agent user.",
    fix="Answer every SYNC with the same immutable agentUserId.",
    source="SYNC response schema",
    wrong='{"requestId": "1", "payload": {"devices": []}}',
    right='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
)

AGENT_USER_ID_CHANGED: Final = Rule(
    id="agent-user-id-changed",
    severity="refused",
    subject="SYNC",
    title="agentUserId is another one than before",
    why="It must never change. The link was moved; calls with the old id get 404 from now on.",
    fix="Answer with an id that stays, such as an account number.",
    source="SYNC response schema",
)

DEVICES_EMPTY: Final = Rule(
    id="devices-empty",
    severity="refused",
    subject="SYNC",
    title="The reply lists no devices",
    why="Google has unlinked accounts over an empty list, without a DISCONNECT.",
    fix="While devices are not loaded, answer with an error; never with an empty list.",
    source="google-home/smart-home-nodejs issue 327",
    wrong='{"requestId": "1", "payload": {"agentUserId": "1836", "devices": []}}',
    right='{"requestId": "1", "payload": {"errorCode": "deviceNotReady"}}',
)

DEVICE_ID_DUPLICATE: Final = Rule(
    id="device-id-duplicate",
    severity="refused",
    subject="SYNC",
    title="Two devices have the same id",
    why="Ids are keys: only the first of these devices was taken.",
    fix="Give every device an id of its own.",
    source="SYNC response schema",
)

REPLY_SLOW: Final = Rule(
    id="reply-slow",
    severity="advice",
    subject="SYNC",
    title="The answer came late",
    why=f"Google expects SYNC to be answered within {SLOW_SECONDS:.0f} s.",
    fix="Answer with the devices you know; refresh them afterwards and request a sync.",
    source="Google's FAQ on SYNC",
)

LINKS_DISAGREE: Final = Rule(
    id="links-disagree",
    severity="advice",
    subject="SYNC",
    title="The links of one agent user were answered with different lists",
    why="All links of an agent user share one list; the reply that came last was taken.",
    fix="Answer SYNC by the agent user, not by the token that it came with.",
    source="SYNC is sent for every link of an agent user",
)

AGENT_USER_ID_EMAIL: Final = Rule(
    id="agent-user-id-email",
    severity="advice",
    subject="SYNC",
    title="agentUserId is an e-mail address",
    why="It must never change, and says nothing about the person to whoever reads it; addresses change and do.",
    fix="Use an account number.",
    source="SYNC response schema",
)

AGENT_USER_ID_LONG: Final = Rule(
    id="agent-user-id-long",
    severity="advice",
    subject="SYNC",
    title="agentUserId is longer than 256 bytes",
    why=f"Google's libraries document 256 bytes; this Home Graph takes calls with up to {AGENT_USER_ID_BYTES_MAX:,}.",
    fix="Use a shorter id.",
    source="documentation of Google's older client libraries",
)

NAME_TWICE: Final = Rule(
    id="device-name-twice",
    severity="advice",
    subject="SYNC",
    title="Two devices of one room are called alike",
    why="Whoever says the name means both, and cannot tell them apart.",
    fix="Give them different names, or different rooms.",
    source="Google's guide on device names",
)

DEVICES_SHRUNK: Final = Rule(
    id="devices-shrunk",
    severity="advice",
    subject="SYNC",
    title="Suspiciously many devices are gone",
    why="Google would remove them now, and users would have to put them into rooms again. Mostly a bridge was not loaded yet.",
    fix="While devices are not loaded, answer with an error. If they are meant to go: homegraph runs accept RUN.",
    source="home-assistant/core issue 72930 and others like it",
)

RULES: Final = (
    DEVICES_SHRUNK,
    AGENT_USER_ID_EMAIL,
    AGENT_USER_ID_LONG,
    NAME_TWICE,
    AGENT_USER_ID_MISSING,
    AGENT_USER_ID_CHANGED,
    DEVICES_EMPTY,
    DEVICE_ID_DUPLICATE,
    REPLY_SLOW,
    LINKS_DISAGREE,
)
