"""The shapes that the commands read are those that the server writes."""

from __future__ import annotations

import msgspec
import pytest

from homegraph.cli import documents
from homegraph.graph import errands as graph_errands
from homegraph.graph import model
from homegraph.service import moving, views
from homegraph.service.views import (
    errands,
    homes,
    linkings,
    projects,
    runs,
    server,
    service_accounts,
)

PAIRS = [
    (documents.Project, projects.ProjectDetail),
    (documents.Projects, projects.Projects),
    (documents.Key, projects.NewKey),
    (documents.Keys, projects.Keys),
    (documents.ServiceKey, service_accounts.ServiceKeyView),
    (documents.ServiceKeys, service_accounts.ServiceKeys),
    (documents.NewServiceKey, service_accounts.NewServiceKey),
    (documents.Link, homes.LinkDetail),
    (documents.Token, homes.TokenView),
    (documents.Refreshed, homes.RefreshView),
    (documents.Links, homes.Links),
    (documents.Linking, linkings.LinkingView),
    (documents.LinkingStanding, linkings.LinkingDetail),
    (documents.LinkingTraces, linkings.Traces),
    (documents.LinkingTrace, linkings.LinkingTrace),
    (documents.LinkingStep, linkings.StepView),
    (documents.Arrived, linkings.Arrived),
    (documents.Placement, homes.PlacementView),
    (documents.Devices, homes.Devices),
    (documents.HeldDevice, homes.HeldView),
    (documents.Explanation, views.Explanation),
    (documents.Run, runs.RunDetail),
    (documents.Errand, errands.ErrandDetail),
    (documents.Errands, errands.Errands),
    (documents.FollowUp, errands.FollowUpView),
    (documents.DeviceResult, graph_errands.DeviceResult),
    (documents.Runs, runs.Runs),
    (documents.Exchange, runs.ExchangeView),
    (documents.Answer, runs.Received),
    (documents.Changes, model.Changes),
    (documents.Changed, model.Changed),
    (documents.LinkResult, model.LinkResult),
    (documents.Finding, model.Finding),
    (documents.Status, server.Status),
    (documents.Instance, server.InstanceView),
    (documents.Instances, server.Instances),
    (documents.Counts, server.Totals),
    (documents.Setting, server.Setting),
    (documents.Check, server.Advice),
    (documents.Checks, server.Advices),
    (documents.ExportHeader, moving.Header),
    (documents.ExportPage, moving.ExportPage),
    (documents.Imported, moving.Imported),
    (documents.RefusedLine, moving.RefusedLine),
]


def members(shape: type) -> set[str]:
    """The members of a struct or dataclass, as they are called in JSON."""
    struct = hasattr(shape, "__struct_fields__")
    return set(shape.__struct_encode_fields__ if struct else shape.__dataclass_fields__)


@pytest.mark.parametrize(("read", "written"), PAIRS, ids=lambda shape: shape.__name__)
def test_commands_read_what_the_server_writes(read, written):
    """Every member that a command shows is one that the server sends, by the same name."""
    assert members(read) <= members(written)


def test_every_shape_is_compared():
    """A new shape has to name its counterpart."""
    shapes = {
        shape
        for shape in vars(documents).values()
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape.__struct_fields__
    }
    # A device is the fulfillment's definition; a refusal is the error envelope.
    known = {documents.Device, documents.Refusal, documents.Refused}

    assert shapes - known == {read for read, _ in PAIRS}
