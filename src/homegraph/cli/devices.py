"""``homegraph devices``: what the Home Graph knows of an agent user's devices, and where they are placed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec
import typer

from homegraph.cli import documents, output
from homegraph.cli.admin import connect
from homegraph.cli.options import AgentUser, DataDir, Json, Project, Server, command, commands

app = commands("The devices of an agent user.")

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id, as SYNC has it.")]

TYPE_PREFIX: Final = "action.devices.types."
TRAIT_PREFIX: Final = "action.devices.traits."


@command(
    app,
    "list",
    "homegraph devices list --agent-user user-1",
    "homegraph devices list --agent-user user-1 --project acme --json",
)
def list_(
    agent_user: AgentUser,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """List the devices of an agent user. As JSON they have SYNC's shape, with "placement" besides.

    Devices that are held back (sync_mode = "quarantine") follow, each with what Google would refuse.
    """
    with connect(server, data_dir) as admin:
        body = admin.get("devices", project=admin.project(project), agent_user=agent_user)
    if json:
        output.document(body)
        return 0
    listed = documents.read(body, documents.Devices)
    output.table(
        ("DEVICE", "NAME", "ROOM", "TYPE", "TRAITS"),
        [
            (
                device.id,
                device.placement.name,
                device.placement.room or "-",
                device.type.removeprefix(TYPE_PREFIX),
                _traits(device),
            )
            for device in listed.devices
        ],
        empty="No devices. `homegraph runs list` shows what the last SYNC brought.",
    )
    for line in _held(listed.held):
        output.data(line)
    return 0


def _held(held: Sequence[documents.HeldDevice]) -> Iterator[str]:
    """Devices that are held back, each with the reasons. Advice is left out: it holds nothing back."""
    for device in held:
        name = f"  {device.name}" if device.name else ""
        yield output.visible(f"held back: {device.id or '(without an id)'}{name}")
        for finding in device.findings:
            if finding.severity == "refused":
                yield output.visible(f"  {finding.rule}: {finding.what}  {finding.path}".rstrip())
                yield output.visible(f"    fix  {finding.fix}")


@command(
    app,
    "show",
    "homegraph devices show --agent-user user-1 lamp-1",
    "homegraph devices show --agent-user user-1 --project acme lamp-1 --json",
)
def show(
    device_id: DeviceId,
    agent_user: AgentUser,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Show one device: its placement here, and its definition as SYNC sent it."""
    with connect(server, data_dir) as admin:
        body = admin.get(
            "device", project=admin.project(project), agent_user=agent_user, id=device_id
        )
    return _shown(body, as_json=json)


@command(
    app,
    "place",
    "homegraph devices place --agent-user user-1 lamp-1 --room Kitchen",
    'homegraph devices place --agent-user user-1 lamp-1 --name "Night light" --nickname Moon',
)
def place(  # noqa: PLR0913  # one argument per option
    *,
    device_id: DeviceId,
    agent_user: AgentUser,
    room: Annotated[str | None, typer.Option(metavar="ROOM", help="The room it is in.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What it is called here.")
    ] = None,
    nickname: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help='Other names (repeat); "" for none at all.'),
    ] = None,
    project: Project = None,
    server: Server = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Choose a device's room, name and nicknames, as its user would in the app. No later SYNC changes them."""
    if room is None and name is None and nickname is None:
        raise typer.BadParameter("say what to choose", param_hint="--room, --name or --nickname")
    with connect(server, data_dir) as admin:
        body = admin.post(
            "devices/place",
            {
                "project": admin.project(project),
                "agent_user": agent_user,
                "device": device_id,
                "room": room,
                "name": name,
                "nicknames": None if nickname is None else [one for one in nickname if one],
            },
        )
    return _shown(body, as_json=json)


def _traits(device: documents.Device) -> str:
    return ", ".join(trait.removeprefix(TRAIT_PREFIX) for trait in device.traits)


def _shown(body: bytes, *, as_json: bool) -> int:
    if as_json:
        output.document(body)
        return 0
    device = documents.read(body, documents.Device)
    where = device.placement
    output.facts(
        [
            ("device", device.id),
            ("type", device.type.removeprefix(TYPE_PREFIX)),
            ("traits", _traits(device)),
            ("room", _placed(where.room, "room", where)),
            ("name", _placed(where.name, "name", where)),
            ("nicknames", _placed(", ".join(where.nicknames), "nicknames", where)),
        ]
    )
    definition = documents.read(body, dict[str, msgspec.Raw])
    definition.pop("placement", None)
    output.document(msgspec.json.encode(definition))
    return 0


def _placed(text: str, member: str, where: documents.Placement) -> str:
    """A member of the placement, and whether it was chosen here."""
    return f"{text or '-'}  (chosen here)" if member in where.chosen else text or "-"
