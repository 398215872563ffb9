"""The admin side: what an operator looks at and changes while the server runs.

Every use-case takes the house and a question (``questions``) and returns a view. Projects are made by homegraph.toml; here they are
looked at, and so are links, devices and runs. What people change by hand are keys and placements; links are begun, tried and ended in
``linkings``, ``trying`` and ``unlinking``.

Names that do not exist raise ``NotFound`` and say what was looked for.

The rule that is easily broken: what changes who may call is followed by ``credentials.forget``, after it is durable and before
the operator is answered, so that a key that was revoked is refused from the next call on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from homegraph import __version__
from homegraph.errors import NotFound, SettingsError
from homegraph.graph.model import ApiKey, Device, HeldDevice, Instant, Link, Project, Target
from homegraph.graph.syncing import Work
from homegraph.service import doctor
from homegraph.service.credentials import networks_of
from homegraph.service.declaring import KEY_HINT_CHARACTERS, key_id
from homegraph.service.house import House
from homegraph.service.questions import MaybeName, Name, WhichLink, WhichRun
from homegraph.service.reading import get_project, whose
from homegraph.service.upkeep import SILENT_SECONDS_MAX
from homegraph.service.vault import digest
from homegraph.service.views import homes, projects, runs, server
from homegraph.settings.projects import API_METHODS

NAME_CHARS_MAX: Final = 60
"""Characters of a name, room or nickname. Google cuts names here."""

NICKNAMES_MAX: Final = 20
RESTRICTIONS_MAX: Final = 64
"""Methods or addresses of one key."""

LINKS_SHOWN_MAX: Final = 1_000
RUNS_SHOWN_MAX: Final = 1_000
WORKS_READ_MAX: Final = 10_000
"""Targets with waiting work that are looked through for the next attempt of links."""

Words = Annotated[str, Meta(max_length=NAME_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
SomeWords = Annotated[
    str, Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*\Z")
]


# --- questions -------------------------------------------------------------------------------------------------------


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class WhichProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project."""

    project: Name


class WhichKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key of a project, by its id."""

    project: Name
    id: Name


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key: until when, for which methods, from which addresses. Without them there is no restriction."""

    project: Name
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    methods: Annotated[tuple[str, ...], Meta(max_length=RESTRICTIONS_MAX)] = ()
    addresses: Annotated[tuple[str, ...], Meta(max_length=RESTRICTIONS_MAX)] = ()


class WhichLinks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Links of a project, or of all; those after the user ``after``."""

    project: MaybeName = ""
    after: MaybeName = ""
    limit: Annotated[int, Meta(ge=1, le=LINKS_SHOWN_MAX)] = LINKS_SHOWN_MAX


class WhichHome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent user of a project."""

    project: Name
    agent_user: Name


class WhichDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device of an agent user."""

    project: Name
    agent_user: Name
    id: Name


class PlacementWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a device is, and what it is called; what is absent stays. An empty room is none."""

    project: Name
    agent_user: Name
    device: Name
    room: Words | None = None
    name: SomeWords | None = None
    nicknames: Annotated[tuple[SomeWords, ...], Meta(max_length=NICKNAMES_MAX)] | None = None


class WhichRuns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs of a project or of one of its agent users, or all; those older than the run ``before``."""

    project: MaybeName = ""
    agent_user: MaybeName = ""
    before: MaybeName = ""
    limit: Annotated[int, Meta(ge=1, le=RUNS_SHOWN_MAX)] = 100


# --- the server ------------------------------------------------------------------------------------------------------


async def show_status(house: House, *, listen: str, started_at: Instant) -> server.Status:
    """How the server is. ``listen`` is where it really listens."""
    checks = await doctor.readiness(house)
    settings = house.settings
    return server.Status(
        version=__version__,
        instance=house.runs.worker,
        uptime_seconds=round(max(0.0, house.clock.now() - started_at), 3),
        listen=listen,
        database=settings.database_text,
        ready=all(check.ok for check in checks),
        checks=checks,
        counts=server.totals(await house.store.counts()),
        settings=tuple(
            server.Setting(name=name, value=value, source=source)
            for name, value, source in settings.shown()
        ),
        warnings=settings.warnings,
    )


async def list_instances(house: House, _asked: Nothing) -> server.Instances:
    """The processes that use the database and are alive."""
    since = house.clock.now() - SILENT_SECONDS_MAX
    found = await house.store.instances(since)
    return server.Instances(instances=tuple(map(server.instance_view, found)))


async def examine(house: House, _asked: Nothing) -> server.Advices:
    """Everything that can be wrong, each with what to do about it."""
    return server.Advices(checks=await doctor.examine(house))


# --- projects and keys -----------------------------------------------------------------------------------------------


async def list_projects(house: House, _asked: Nothing) -> projects.Projects:
    """All projects."""
    shown = [
        projects.in_short(await _project(house, project))
        for project in await house.store.projects()
    ]
    return projects.Projects(projects=tuple(shown))


async def show_project(house: House, asked: WhichProject) -> projects.ProjectDetail:
    """One project. Raises NotFound."""
    return await _project(house, await get_project(house.store, asked.project))


async def list_keys(house: House, asked: WhichProject) -> projects.Keys:
    """The keys of a project, revoked ones too. Raises NotFound."""
    await get_project(house.store, asked.project)
    now = house.clock.now()
    keys = await house.store.keys(asked.project)
    return projects.Keys(keys=tuple(projects.key_view(key, now) for key in keys))


async def create_key(house: House, asked: KeyWanted) -> projects.NewKey:
    """Make a key; this answer is the only place where it is ever shown.

    Raises:
        NotFound: there is no such project.
        SettingsError: a method or address that cannot be.
    """
    now = house.clock.now()
    text = house.ids.api_key()
    key_digest = digest(text)
    key = ApiKey(
        id=key_id(key_digest),
        project_id=asked.project,
        digest=key_digest,
        hint=text[:KEY_HINT_CHARACTERS],
        created_at=now,
        expires_at=asked.expires_at.timestamp() if asked.expires_at else None,
        methods=_methods(asked.methods),
        addresses=_addresses(asked.addresses),
    )
    await house.store.add_key(key)
    return projects.new_key(key, text, now)


async def revoke_key(house: House, asked: WhichKey) -> projects.KeyView:
    """Withdraw a key for good; again is no error. Raises NotFound."""
    now = house.clock.now()
    key = await house.store.revoke_key(asked.project, asked.id, now)
    house.credentials.forget()
    return projects.key_view(key, now)


async def _project(house: House, project: Project) -> projects.ProjectDetail:
    counts = await house.store.project_counts(project.id)
    return projects.project_view(
        project,
        keys=await house.store.keys(project.id),
        links=counts.links,
        agent_users=counts.agent_users,
        now=house.clock.now(),
    )


def _methods(methods: tuple[str, ...]) -> tuple[str, ...]:
    for method in methods:
        if method not in API_METHODS:
            known = ", ".join(API_METHODS)
            raise SettingsError(f"there is no method {method!r}; known: {known}", place="methods")
    return tuple(dict.fromkeys(methods))


def _addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(map(str, networks_of(addresses))))
    except ValueError as exc:
        raise SettingsError(
            f"{exc}; expected addresses or networks like 192.0.2.0/24", place="addresses"
        ) from exc


# --- links -----------------------------------------------------------------------------------------------------------


async def list_links(house: House, asked: WhichLinks) -> homes.Links:
    """Links, with what is known of their next attempt. Raises NotFound when the project that is named does not exist."""
    if asked.project:
        await get_project(house.store, asked.project)
    elif asked.after:
        raise SettingsError("needs a project", place="after")
    links = await house.store.links(
        asked.project or None, after=(asked.project, asked.after), limit=asked.limit
    )
    works = await works_by_target(house)
    return homes.Links(
        links=tuple(homes.link_view(link, works) for link in links),
        next_after=links[-1].user_id if len(links) == asked.limit else "",
    )


async def show_link(house: House, asked: WhichLink) -> homes.LinkDetail:
    """One link. Raises NotFound."""
    link = await house.store.find_link(asked.project, asked.user)
    if link is None:
        raise NotFound(f"{asked.user!r} has no link to project {asked.project!r}.")
    return homes.link_detail(link, await work_of_link(house, link))


async def work_of_link(house: House, link: Link) -> dict[Target, Work]:
    """The work of whom a link belongs to, if there is some, for telling its next attempt."""
    return await house.store.find_works([link.target])


async def works_by_target(house: House) -> dict[Target, Work]:
    """The work of everybody who has some, for telling the next attempt of a link."""
    return dict(await house.store.works(limit=WORKS_READ_MAX))


# --- devices ---------------------------------------------------------------------------------------------------------


async def list_devices(house: House, asked: WhichHome) -> homes.Devices:
    """The devices of an agent user, and those that are held back. Raises NotFound when it is not linked here."""
    devices = await house.store.devices(asked.project, asked.agent_user)
    held: tuple[HeldDevice, ...] = ()
    # Without quarantine nothing is held back, whatever was while there was one.
    if (await get_project(house.store, asked.project)).policy.sync_mode == "quarantine":
        held = await house.store.held(Target(asked.project, asked.agent_user))
    return homes.Devices(
        devices=tuple(map(homes.device_view, devices)), held=tuple(map(homes.held_view, held))
    )


async def show_device(house: House, asked: WhichDevice) -> homes.DeviceView:
    """One device. Raises NotFound."""
    return homes.device_view(await _get_device(house, asked.project, asked.agent_user, asked.id))


async def place_device(house: House, asked: PlacementWanted) -> homes.DeviceView:
    """Set room, name or nicknames of a device; from then on SYNC does not touch them. Raises NotFound."""
    device = await _get_device(house, asked.project, asked.agent_user, asked.device)
    wanted = {
        name: value
        for name in ("room", "name", "nicknames")
        if (value := getattr(asked, name)) is not None
    }
    placement = replace(device.placement, **wanted, chosen=device.placement.chosen | set(wanted))
    await house.store.place(asked.project, asked.agent_user, asked.device, placement)
    return homes.device_view(replace(device, placement=placement))


async def _get_device(house: House, project: str, agent_user: str, device_id: str) -> Device:
    for device in await house.store.devices(project, agent_user):
        if device.id == device_id:
            return device
    raise NotFound(f"Agent user {agent_user!r} of project {project!r} has no device {device_id!r}.")


# --- runs ------------------------------------------------------------------------------------------------------------


async def list_runs(house: House, asked: WhichRuns) -> runs.Runs:
    """Runs, newest first. Raises as ``whose``."""
    whom = await whose(house.store, asked.project, asked.agent_user)
    found = await house.store.runs(*whom, before=asked.before, limit=asked.limit)
    return runs.Runs(runs=tuple(map(runs.run_view, found)))


async def show_run(house: House, asked: WhichRun) -> runs.RunDetail:
    """One run with everything that is kept of it. Raises NotFound."""
    found = await house.store.find_run(asked.id)
    if found is None:
        raise NotFound(f"There is no run {asked.id!r}; old ones are not kept.")
    run, exchanges = found
    return runs.run_detail(run, exchanges)
