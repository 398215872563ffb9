"""What the admin API answers, as far as the text output reads it.

``--json`` hands the server's document through untouched; these shapes are only for people's tables. Every member has a
default and unknown ones are skipped, because a command may be older or newer than the server it asks.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from homegraph.errors import ApiError

T = TypeVar("T")


class _Shape(msgspec.Struct, frozen=True):
    """A part of a document; not for use by itself."""


class Check(_Shape, frozen=True):
    """One thing that was looked at; ``fix`` is for when it is not well, or advice for when it could be better."""

    name: str = ""
    ok: bool = False
    detail: str = ""
    fix: str = ""


class Counts(_Shape, frozen=True):
    """Totals."""

    projects: int = 0
    agent_users: int = 0
    devices: int = 0
    links: dict[str, int] = {}
    waiting: int = 0
    running: int = 0
    runs: int = 0
    exchanges: int = 0


class Setting(_Shape, frozen=True):
    """One setting of the server; secrets come masked."""

    name: str = ""
    value: object = None
    source: str = ""


class Status(_Shape, frozen=True):
    """How the server is."""

    version: str = ""
    instance: str = ""
    uptime_seconds: float = 0.0
    listen: str = ""
    database: str = ""
    ready: bool = False
    checks: tuple[Check, ...] = ()
    counts: Counts = Counts()
    settings: tuple[Setting, ...] = ()
    warnings: tuple[str, ...] = ()


class Instance(_Shape, frozen=True):
    """One process that uses the database."""

    id: str = ""
    address: str = ""
    machine: str = ""
    process: int = 0
    version: str = ""
    started_at: str | None = None
    seen_at: str | None = None
    running: int = 0


class Instances(_Shape, frozen=True):
    """All that are alive."""

    instances: tuple[Instance, ...] = ()


class Checks(_Shape, frozen=True):
    """The server's part of ``doctor``."""

    checks: tuple[Check, ...] = ()


class Project(_Shape, frozen=True):
    """One project."""

    id: str = ""
    number: str = ""
    fulfillment_url: str = ""
    api_enabled: bool = True
    suspended: bool = False
    empty_sync: str = ""
    keys: int = 0
    links: dict[str, int] = {}
    agent_users: int = 0
    oauth: dict[str, object] | None = None


class Projects(_Shape, frozen=True):
    """All projects."""

    projects: tuple[Project, ...] = ()


class Key(_Shape, frozen=True):
    """One API key; ``key`` itself is there only in the answer that made it."""

    id: str = ""
    project_id: str = ""
    hint: str = ""
    state: str = ""
    origin: str = ""
    created_at: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None
    methods: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    key: str = ""


class Keys(_Shape, frozen=True):
    """The keys of a project."""

    keys: tuple[Key, ...] = ()


class ServiceKey(_Shape, frozen=True):
    """One key of a service account, which is named by its email."""

    id: str = ""
    project_id: str = ""
    email: str = ""
    state: str = ""
    origin: str = ""
    created_at: str | None = None
    revoked_at: str | None = None


class ServiceKeys(_Shape, frozen=True):
    """The keys of a project's service accounts."""

    keys: tuple[ServiceKey, ...] = ()


class NewServiceKey(ServiceKey, frozen=True, kw_only=True):
    """A key that was just made; ``key_file`` is the content of its file."""

    key_file: msgspec.Raw


class Explanation(_Shape, frozen=True):
    """A reason in words."""

    title: str = ""
    why: str = ""
    fix: str = ""


class Token(_Shape, frozen=True):
    """What is known of a link's access token."""

    expires_at: str | None = None
    has_refresh_token: bool = False
    failures: int = 0
    error: str = ""
    retry_at: str | None = None


class Link(_Shape, frozen=True):
    """One user's link to a project."""

    project_id: str = ""
    user: str = ""
    state: str = ""
    agent_user_id: str = ""
    problem: str = ""
    created_at: str | None = None
    changed_at: str | None = None
    next_attempt_at: str | None = None
    attempts: int = 0
    token: Token = Token()
    explanation: Explanation | None = None


class Links(_Shape, frozen=True):
    """Links of one project, or of all; ``next_after`` is the user to go on after when there are more."""

    links: tuple[Link, ...] = ()
    next_after: str = ""


class Linking(_Shape, frozen=True):
    """A linking that has begun."""

    linking: str = ""
    project_id: str = ""
    user: str = ""
    authorization_url: str = ""
    redirect_uri: str = ""
    expires_at: str | None = None


class Arrived(_Shape, frozen=True):
    """A device that a linking has brought."""

    id: str = ""
    name: str = ""


class Placement(_Shape, frozen=True):
    """What the user has chosen here, and what SYNC said at first sight."""

    room: str = ""
    name: str = ""
    nicknames: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()


class Device(_Shape, frozen=True):
    """A device as SYNC defines it, with its placement."""

    id: str = ""
    type: str = ""
    traits: tuple[str, ...] = ()
    placement: Placement = Placement()


class Changed(_Shape, frozen=True):
    """A device that changed, and which members did."""

    device_id: str = ""
    fields: tuple[str, ...] = ()


class Changes(_Shape, frozen=True):
    """What a run did to the device list."""

    added: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    removed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class LinkResult(_Shape, frozen=True):
    """What one link's SYNC brought; ``error`` is empty for success."""

    user_id: str = ""
    error: str = ""
    message: str = ""


class Finding(_Shape, frozen=True):
    """One observation about a reply."""

    rule: str = ""
    severity: str = ""
    device_id: str = ""
    path: str = ""
    what: str = ""
    why: str = ""
    fix: str = ""
    source: str = ""


class Refreshed(Link, frozen=True):
    """A link whose token was refreshed, and what came."""

    refreshed: bool = False
    expires_in: float = 0.0
    rotated: bool = False
    same_access_token: bool = False
    findings: tuple[Finding, ...] = ()


class HeldDevice(_Shape, frozen=True):
    """A device that was not taken, and why."""

    id: str = ""
    name: str = ""
    findings: tuple[Finding, ...] = ()


class Devices(_Shape, frozen=True):
    """The devices of an agent user, and those that are held back."""

    devices: tuple[Device, ...] = ()
    held: tuple[HeldDevice, ...] = ()


class LinkingStanding(_Shape, frozen=True):
    """How a linking stands: waiting, syncing, linked or failed."""

    linking: str = ""
    project_id: str = ""
    user: str = ""
    stage: str = ""
    reason: str = ""
    message: str = ""
    explanation: Explanation | None = None
    link: Link | None = None
    devices: tuple[Arrived, ...] = ()
    findings: tuple[Finding, ...] = ()


class Answer(_Shape, frozen=True):
    """What came back in an exchange; ``size`` is that of the whole body."""

    headers: dict[str, str] = {}
    body: str = ""
    size: int = 0
    truncated: bool = False


class Exchange(_Shape, frozen=True):
    """One request to a fulfillment or token endpoint. ``took`` is in seconds; ``status`` 0 means no answer."""

    intent: str = ""
    user_id: str = ""
    url: str = ""
    started_at: str | None = None
    took: float = 0.0
    status: int = 0
    response: Answer | None = None
    error: str = ""


class DeviceResult(_Shape, frozen=True):
    """What came of an errand on one device."""

    id: str = ""
    status: str = ""
    ok: bool = False
    error_code: str = ""
    exception_code: str = ""
    debug: str = ""
    challenge: str = ""
    reason: str = ""
    message: str = ""
    states: dict[str, object] = {}
    stored: dict[str, object] = {}
    differs: tuple[str, ...] = ()


class FollowUp(_Shape, frozen=True):
    """What was told later of a command."""

    device_id: str = ""
    sent_at: str | None = None
    answered_at: str | None = None
    late: bool = False
    status: str = ""
    response: dict[str, object] = {}


class Errand(_Shape, frozen=True):
    """One EXECUTE or live QUERY."""

    id: str = ""
    intent: str = ""
    project_id: str = ""
    agent_user_id: str = ""
    user: str = ""
    command: str = ""
    ok: bool = False
    reason: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    device_ids: tuple[str, ...] = ()
    params: dict[str, object] = {}
    devices: tuple[DeviceResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    explanation: Explanation | None = None
    exchanges: tuple[Exchange, ...] = ()


class Errands(_Shape, frozen=True):
    """Errands, newest first."""

    errands: tuple[Errand, ...] = ()


class LinkingStep(_Shape, frozen=True):
    """One step of a linking; ``verdict`` is ok or the code of a reason."""

    step: str = ""
    at: str | None = None
    took: float = 0.0
    request: str = ""
    verdict: str = ""
    message: str = ""
    exchange: Exchange | None = None
    findings: tuple[Finding, ...] = ()


class LinkingTrace(_Shape, frozen=True):
    """One linking, step by step."""

    linking: str = ""
    project_id: str = ""
    user: str = ""
    stage: str = ""
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    explanation: Explanation | None = None
    run: str = ""
    steps: tuple[LinkingStep, ...] = ()


class LinkingTraces(_Shape, frozen=True):
    """The linkings of a user, newest first."""

    linkings: tuple[LinkingTrace, ...] = ()


class Run(_Shape, frozen=True):
    """One execution of a sync. ``added``, ``changed``, ``removed`` are numbers of devices."""

    id: str = ""
    project_id: str = ""
    agent_user_id: str = ""
    user_id: str = ""
    cause: str = ""
    mode: str = ""
    outcome: str = ""
    merged: int = 0
    attempt: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    reason: str = ""
    message: str = ""
    requested_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    next_at: str | None = None
    changes: Changes = Changes()
    results: tuple[LinkResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    explanation: Explanation | None = None


class Runs(_Shape, frozen=True):
    """Runs, newest first."""

    runs: tuple[Run, ...] = ()


class Refusal(_Shape, frozen=True):
    """Why the admin API says no."""

    message: str = ""
    status: str = ""
    hint: str = ""
    reason: str = ""


class Refused(_Shape, frozen=True):
    """The admin API's error answer."""

    error: Refusal


class ExportHeader(_Shape, frozen=True):
    """The first line of an export."""

    format: str = ""
    version: int = 0
    homegraph: str = ""
    exported_at: str | None = None
    key: str = ""


class ExportPage(_Shape, frozen=True):
    """Lines of an export, as they will stand in the file."""

    header: ExportHeader = ExportHeader()
    lines: tuple[msgspec.Raw, ...] = ()
    done: bool = False


class RefusedLine(_Shape, frozen=True):
    """A line that could not be imported; ``line`` counts those of the call."""

    line: int = 0
    message: str = ""
    hint: str = ""


class Imported(_Shape, frozen=True):
    """What became of the lines of a call."""

    added: int = 0
    present: int = 0
    refused: tuple[RefusedLine, ...] = ()
    unreadable: RefusedLine | None = None


def read(body: bytes, shape: type[T]) -> T:
    """A document in its shape.

    Raises:
        ApiError: it is something else: not a homegraph server, or one of a very different version.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ApiError(
            f"The server's answer is not what this command expects ({exc}).",
            http_status=200,
            status="UNKNOWN",
            reason="NOT_A_HOME_GRAPH",
            hint="Check --server, and that server and command have the same version.",
        ) from exc
