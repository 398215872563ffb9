"""The admin API, which the commands talk to: a table of routes, each a question and the use-case that answers it.

A question is read into its struct, from the query of a GET or the JSON body of a POST, and checked there: a parameter that
does not exist is refused like one that is wrong, so that a misspelt filter does not show everything. A view is written
as it is. Errors have the status of their row in ``wire.status`` and speak with their own words:

    {"error": {"code": 404, "message": "…", "status": "NOT_FOUND", "hint": "…", "reason": "NOT_FOUND"}}

The rule that is easily broken: every path below ``/-/`` goes through ``guard.admit`` first, also those that do not exist.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from homegraph.errors import HomegraphError, NotFound, SettingsError
from homegraph.service import administration as use
from homegraph.service import errands, executing, linkings, moving, querying, trying, unlinking
from homegraph.service import service_accounts as accounts
from homegraph.service.accepting import accept_run
from homegraph.service.explaining import note_bug
from homegraph.service.questions import WhichLink, WhichRun
from homegraph.service.views.linkings import LinkingView
from homegraph.service.views.server import Status
from homegraph.service.views.service_accounts import NewServiceKey
from homegraph.store.copies import CALL_BYTES_MAX
from homegraph.web.exchange import CallerGone, answer, read_body
from homegraph.web.guard import admit
from homegraph.web.site import Site
from homegraph.wire.parameters import read_pairs
from homegraph.wire.status import REASONS, Rendered, row_of
from homegraph.wire.token_endpoint import TOKEN_PATHS

BODY_BYTES_MAX: Final = 64 * 1024
"""The largest question is a new key with its restrictions; it takes a few kilobytes."""

PREFIX: Final = "/-/api/"

HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)

_log: Final = logging.getLogger("homegraph.web")

UseCase = Callable[[Any, Any], Awaitable[Any]]
"""From the house (or the site) and a question to a view."""


@dataclass(frozen=True, slots=True)
class Route:
    """One call: what is asked, and who answers it; ``of_site`` tells that this needs to know where the server is reached."""

    question: type[msgspec.Struct]
    use_case: UseCase
    of_site: bool = False
    body_bytes_max: int = BODY_BYTES_MAX


async def _status(site: Site, _asked: use.Nothing) -> Status:
    settings = site.house.settings
    listen = site.url if settings.listen.port == 0 else str(settings.listen)
    return await use.show_status(site.house, listen=listen, started_at=site.started_at)


async def _create_service_key(site: Site, asked: accounts.ServiceKeyWanted) -> NewServiceKey:
    return await accounts.create_key(site.house, asked, token_uri=site.url + TOKEN_PATHS[0])


async def _start_linking(site: Site, asked: linkings.LinkingWanted) -> LinkingView:
    return await linkings.start(site.house, asked, site_url=site.url)


ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "status"): Route(use.Nothing, _status, of_site=True),
    ("GET", "instances"): Route(use.Nothing, use.list_instances),
    ("GET", "projects"): Route(use.Nothing, use.list_projects),
    ("GET", "projects/ID"): Route(use.WhichProject, use.show_project),
    ("GET", "keys"): Route(use.WhichProject, use.list_keys),
    ("POST", "keys"): Route(use.KeyWanted, use.create_key),
    ("POST", "keys/revoke"): Route(use.WhichKey, use.revoke_key),
    ("GET", "service-accounts"): Route(accounts.WhichAccounts, accounts.list_keys),
    ("POST", "service-accounts"): Route(
        accounts.ServiceKeyWanted, _create_service_key, of_site=True
    ),
    ("POST", "service-accounts/revoke"): Route(accounts.WhichServiceKey, accounts.revoke),
    ("GET", "links"): Route(use.WhichLinks, use.list_links),
    ("GET", "link"): Route(WhichLink, use.show_link),
    ("POST", "links/start"): Route(linkings.LinkingWanted, _start_linking, of_site=True),
    ("POST", "links/finish"): Route(linkings.LinkingAnswer, linkings.finish),
    ("GET", "linking"): Route(linkings.WhichLinking, linkings.show),
    ("POST", "links/refresh"): Route(WhichLink, trying.refresh),
    ("POST", "links/expire"): Route(WhichLink, trying.expire),
    ("POST", "links/revoke"): Route(WhichLink, trying.revoke),
    ("GET", "links/trace"): Route(linkings.WhichTraces, linkings.trace),
    ("POST", "links/unlink"): Route(WhichLink, unlinking.unlink),
    ("GET", "devices"): Route(use.WhichHome, use.list_devices),
    ("GET", "device"): Route(use.WhichDevice, use.show_device),
    ("POST", "devices/place"): Route(use.PlacementWanted, use.place_device),
    ("POST", "execute"): Route(executing.Wanted, executing.execute),
    ("POST", "query"): Route(querying.QueryWanted, querying.query),
    ("GET", "errands"): Route(errands.WhichErrands, errands.list_errands),
    ("GET", "errand"): Route(errands.WhichErrand, errands.show_errand),
    ("GET", "runs"): Route(use.WhichRuns, use.list_runs),
    ("GET", "run"): Route(WhichRun, use.show_run),
    ("POST", "runs/accept"): Route(WhichRun, accept_run),
    ("POST", "export"): Route(moving.WhichPage, moving.export),
    ("POST", "import"): Route(moving.ImportWanted, moving.import_, body_bytes_max=CALL_BYTES_MAX),
    ("GET", "doctor"): Route(use.Nothing, use.examine),
}
"""Every call. A part of a path in capitals is the parameter of that name."""


class Admin:
    """Everything below ``/-/``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._carry_out(scope, receive)
        except CallerGone:
            return
        except HomegraphError as exc:
            rendered = error_answer(exc)
        except Exception as exc:  # noqa: BLE001  # the boundary: a bug is answered, and told in the log only
            request_id = note_bug(self._site.house, _log, exc)
            rendered = error_answer(HomegraphError(f"Internal error, request {request_id}."))
        else:
            await answer(send, 200, HEADERS, body)
            return
        await answer(send, rendered.http, rendered.headers, rendered.body)

    async def _carry_out(self, scope: Scope, receive: Receive) -> bytes:
        admit(self._site, scope["headers"])
        route, given = self._find(scope["method"], scope["path"])
        if scope["method"] == "POST":
            asked = read_body_question(
                route.question,
                scope["headers"],
                await read_body(receive, None, route.body_bytes_max),
            )
        else:
            asked = read_question(route.question, scope["query_string"], given)
        place = self._site if route.of_site else self._site.house
        return msgspec.json.encode(await route.use_case(place, asked)) + b"\n"

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route, and the parameter that is in the path. Raises NotFound."""
        name, given = path.removeprefix(PREFIX), {}
        if name.startswith("projects/"):
            name, given = "projects/ID", {"project": name.removeprefix("projects/")}
        route = ROUTES.get((method, name)) if path.startswith(PREFIX) else None
        if route is None:
            raise NotFound(
                f"The admin API has no {method} {path}.",
                hint="docs/reference/http.md lists its calls.",
            )
        return route, given


def read_question(
    question: type[msgspec.Struct], query: bytes, given: Mapping[str, str]
) -> msgspec.Struct:
    """Read a question from a query string. Raises SettingsError with the name of the parameter that is wrong."""
    try:
        return msgspec.convert({**dict(read_pairs(query)), **given}, question, strict=False)
    except msgspec.ValidationError as exc:
        raise _wrong(exc) from exc


def read_body_question(
    question: type[msgspec.Struct], headers: list[tuple[bytes, bytes]], body: bytes
) -> msgspec.Struct:
    """Read a question from a JSON body. Raises SettingsError with the name of the member that is wrong."""
    kinds = [value for name, value in headers if name == b"content-type"]
    if not kinds or kinds[0].partition(b";")[0].strip().lower() != b"application/json":
        # A page elsewhere can send a form without being asked for permission, but no JSON.
        raise SettingsError("must be application/json", place="Content-Type")
    try:
        return msgspec.json.decode(body, type=question)
    except msgspec.ValidationError as exc:
        raise _wrong(exc) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SettingsError("is not JSON", place="body") from exc


def error_answer(error: HomegraphError) -> Rendered:
    """An error as the admin API shows it."""
    reason = error.code if error.code in REASONS else "INTERNAL"
    row = row_of(reason)
    members = {
        "code": row.http,
        "message": REASONS[reason].title if error.message == error.code else error.message,
        "status": row.status,
        "hint": error.hint or REASONS[reason].fix,
        "reason": reason,
    }
    body = msgspec.json.encode({"error": members}) + b"\n"
    return Rendered(row.http, body, [*HEADERS, *row.headers])


def _wrong(error: msgspec.ValidationError) -> SettingsError:
    """Our error for a question that cannot be: ``limit: expected `int` >= 1``."""
    text, _, path = str(error).partition(" - at `")
    return SettingsError(
        text[:1].lower() + text[1:],
        place=path.rstrip("`").removeprefix("$").lstrip("."),
        hint="docs/reference/http.md lists the calls of the admin API with their parameters.",
    )
