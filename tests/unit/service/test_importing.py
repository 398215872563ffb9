"""Lines that are imported together: a project is there before what belongs to it, also where they are stored at the same time."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from homegraph.errors import NotFound
from homegraph.graph.model import Link, LinkState, Project, Tokens
from homegraph.service import moving
from homegraph.store.copies import VERSION, HomeCopy, LinkCopy, ProjectCopy


class Slow:
    """A store in which a project is there only a while after it was asked to keep it, as on a server far away."""

    def __init__(self):
        self.here = set()
        self.stored = []

    async def import_project(self, copy):
        for _ in range(3):
            await asyncio.get_running_loop().run_in_executor(None, int)
        self.here.add(copy.project.id)
        self.stored.append(copy.project.id)
        return True

    async def import_home(self, copy):
        if copy.project_id not in self.here:
            raise NotFound(f"There is no project {copy.project_id}.")
        self.stored.append(copy.agent_user_id)
        return True


def project(project_id):
    """A line about a project."""
    return ProjectCopy(Project(project_id, "http://127.0.0.1:1/", "1"))


def home(project_id, name):
    """A line about an agent user."""
    link = Link(project_id, name, LinkState.LINKED, Tokens(b""), created_at=1.0, agent_user_id=name)
    return HomeCopy(project_id, name, linked=True, linked_at=1.0, links=(LinkCopy(link),))


@pytest.mark.parametrize(
    "lines",
    [
        [project("acme"), home("acme", "ann"), home("acme", "bob")],
        [project("acme"), home("acme", "ann"), project("other"), home("other", "bob")],
        [project("acme"), project("other"), home("other", "bob"), home("acme", "ann")],
    ],
)
def test_a_project_is_there_before_its_homes(lines):
    """In one call, whatever takes how long."""
    store = Slow()
    house = SimpleNamespace(
        store=store,
        vault=SimpleNamespace(fingerprint=lambda: "key"),
        credentials=SimpleNamespace(forget=lambda: None),
        runs=SimpleNamespace(changed=asyncio.Event()),
    )
    raw = tuple(msgspec.Raw(msgspec.json.encode(line)) for line in lines)

    done = asyncio.run(moving.import_(house, moving.ImportWanted(VERSION, "key", raw)))

    assert (done.added, done.refused) == (len(lines), ())
    assert len(store.stored) == len(lines)
