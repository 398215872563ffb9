"""What can be wrong with a service account's credentials, tried one by one for ``homegraph doctor``.

The key file (can it be read, is it whole, can nobody else read it), the token endpoint that it names (is there a token, do the
clocks agree), and the Home Graph (does it take the token). The last is tried by a Query for an agent user that nobody has:
NOT_FOUND is then the best answer there is, since everything before the agent user was in order.

Where it can be known, the project is looked at: what --project or GOOGLE_CLOUD_PROJECT names, and what the server here says
of the key.

The rule that is easily broken: a check never raises, and shows nothing of the key or the token.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from homegraph.cli import documents, failure
from homegraph.cli.admin import Admin
from homegraph.cli.documents import Check
from homegraph.client import Request, Response, calls
from homegraph.client.auth import Credential, Grant
from homegraph.client.credentials import credential_from
from homegraph.client.transport import SyncTransport
from homegraph.errors import ApiError, HomegraphError, ServerUnreachable

__all__ = ["Trial", "credential_checks", "known_to_server", "privacy"]

NOBODY: Final = "homegraph-doctor-asks-for-nobody"
"""An agent user that nobody has."""

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""Permission bits of everybody but the owner."""

NOT_FOUND: Final = 404

PROJECTS_MAX: Final = 100
"""Projects of a server whose keys are looked through."""

PROJECT_VARIABLE: Final = "GOOGLE_CLOUD_PROJECT"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a key file, at a Home Graph; ``project`` is whom it should belong to, "" when nobody says."""

    path: Path
    to: str
    project: str = ""


class _Listening:
    """A transport that keeps the Date of the last answer."""

    def __init__(self, inner: SyncTransport) -> None:
        self._inner = inner
        self.date: str | None = None
        self.answered = False

    def send(self, request: Request) -> Response:
        answer = self._inner.send(request)
        self.answered, self.date = True, answer.headers.get("date")
        return answer


def credential_checks(
    trial: Trial, transport: SyncTransport, skew: Callable[[str | None], Check]
) -> list[Check]:
    """Try the key file. ``skew`` compares a Date with this machine's clock."""
    key_file, content, credential = _key_file(trial.path)
    checks = [key_file]
    if credential is None:
        return checks
    checks += _project(trial.project, content)
    heard = _Listening(transport)
    token, grant = _token(content, credential, heard)
    if heard.answered:
        compared = skew(heard.date)
        checks.append(
            Check(name="token clock", ok=compared.ok, detail=compared.detail, fix=compared.fix)
        )
    checks.append(token)
    if grant is not None:
        checks.append(_home_graph(trial.to, grant, transport))
    return checks


def known_to_server(path: Path, admin: Admin) -> list[Check]:
    """What the server here says of the key: whose it is, and whether it is revoked. Nothing when the file names no key."""
    _, content, _ = _key_file(path)
    key_id = content.get("private_key_id")
    if not isinstance(key_id, str):
        return []
    name = "service account"
    try:
        found = _find_key(admin, key_id, str(content.get("project_id", "")))
    except HomegraphError as exc:
        return [Check(name=name, ok=False, detail=exc.message, fix=exc.hint)]
    if found is None:
        detail = f"the server has no key {key_id}"
        fix = (
            "Make one with `homegraph service-accounts create`, or list the file in homegraph.toml."
        )
        return [Check(name=name, ok=False, detail=detail, fix=fix)]
    ok = found.state == "active"
    detail = f"{found.email} of project {found.project_id}, key {found.id} is {found.state}"
    fix = "" if ok else "Make another one with `homegraph service-accounts create`."
    return [Check(name=name, ok=ok, detail=detail, fix=fix)]


def _key_file(path: Path) -> tuple[Check, Mapping[str, Any], Credential | None]:
    """The file, what is in it, and the credential that it makes."""
    from homegraph.client.google_credentials import read_key_file

    name = "key file"
    try:
        content = read_key_file(path)
        credential = credential_from(None, content)
    except HomegraphError as exc:
        return Check(name=name, ok=False, detail=exc.message, fix=exc.hint), {}, None
    whole = f"{path} is whole and private: {content['client_email']}"
    return privacy(name, path, whole), content, credential


def privacy(name: str, path: Path, detail: str) -> Check:
    """Whether nobody but its owner can use a file; ``detail`` is what is said when it is so."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        told = f"{path} can be used by others (mode {mode:04o})"
        return Check(name=name, ok=False, detail=told, fix=f"chmod 600 {path}")
    return Check(name=name, ok=True, detail=detail)


def _project(project: str, content: Mapping[str, Any]) -> list[Check]:
    """Compare the file's project with the one that is meant."""
    wanted, said_by = project, "--project"
    if not wanted:
        wanted, said_by = os.environ.get(PROJECT_VARIABLE, ""), PROJECT_VARIABLE
    if not wanted:
        return []
    found = str(content.get("project_id", ""))
    ok = found == wanted
    detail = f"the key file belongs to {found or 'no project'}"
    if not ok:
        detail += f", and {said_by} says {wanted}"
    fix = "" if ok else "Take the key file of that project."
    return [Check(name="project", ok=ok, detail=detail, fix=fix)]


def _token(
    content: Mapping[str, Any], credential: Credential, heard: _Listening
) -> tuple[Check, Grant | None]:
    name = "access token"
    try:
        grant = credential.renew(None, heard.send)
    except HomegraphError as exc:
        told = failure.explain(exc)
        return Check(name=name, ok=False, detail=exc.message, fix=told.fix), None
    host = urlsplit(content["token_uri"]).netloc
    return Check(name=name, ok=True, detail=f"{host} gives one"), grant


def _home_graph(to: str, grant: Grant, transport: SyncTransport) -> Check:
    """Ask for the states of nobody."""
    name = "HomeGraph API"
    call = calls.query(NOBODY, ["nothing"])
    try:
        call.result(transport.send(call.request(to, grant.headers)))
    except ServerUnreachable as exc:
        return Check(name=name, ok=False, detail=exc.message, fix=exc.hint)
    except ApiError as exc:
        if exc.http_status != NOT_FOUND or not _is_of_the_api(exc):
            fix = failure.explain(exc).fix or "Is this the address of a Home Graph?"
            return Check(name=name, ok=False, detail=f"{to}: {exc.message}", fix=fix)
    return Check(name=name, ok=True, detail=f"{to} takes the token")


def _is_of_the_api(error: ApiError) -> bool:
    """Whether the answer is an error of an API; whatever web server there is answers 404 to what it does not know."""
    try:
        content = json.loads(error.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get("error"), dict)


def _find_key(admin: Admin, key_id: str, project_id: str) -> documents.ServiceKey | None:
    """The key in the projects of a server; the one that the file names is looked at first."""
    listed = documents.read(admin.get("projects"), documents.Projects).projects
    ids = sorted((one.id for one in listed), key=lambda one: one != project_id)
    for project in ids[:PROJECTS_MAX]:
        keys = documents.read(
            admin.get("service-accounts", project=project), documents.ServiceKeys
        ).keys
        for key in keys:
            if key.id == key_id:
                return key
    return None
