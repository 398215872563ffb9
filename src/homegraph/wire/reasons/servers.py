"""Reasons that lie in this server, and those of its admin API."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason
from homegraph.wire.rows import Exit

SERVERS: Final = (
    Reason(
        code="SERVER_BUSY",
        row="unavailable",
        title="The server has as much to do as it can take.",
        why="Its queue of waiting calls is full. Nothing of this call was recorded.",
        fix="Try again after some seconds, later each time.",
        retryable=True,
        exit=Exit.BUSY,
    ),
    Reason(
        code="SERVER_STOPPING",
        row="unavailable",
        title="The server is about to stop.",
        why="It finishes what it has begun and takes nothing new. Nothing of this call was recorded.",
        fix="Try again when it is back.",
        retryable=True,
    ),
    Reason(
        code="BODY_TOO_SLOW",
        row="deadline",
        title="The body did not arrive in time.",
        why="The headers announced a body, and the rest of it never came: a Content-Length that is too high, or a broken line.",
        fix="Send the whole body at once, with its true Content-Length.",
        retryable=True,
    ),
    Reason(
        code="STORE_UNAVAILABLE",
        row="unavailable",
        title="The database does not answer.",
        why="The disk is full, the file cannot be written, or the database server is away or refuses.",
        fix="Check the disk's free space and the permissions of the file and its folder, or that PostgreSQL runs and takes connections; the server's log says more.",
        retryable=True,
        exit=Exit.FAILED,
    ),
    Reason(
        code="INTERNAL",
        row="internal",
        title="Something went wrong inside homegraph.",
        why="This is a bug in homegraph, not in your program.",
        fix="Please report it, with the request id.",
        exit=Exit.BUG,
    ),
    Reason(
        code="KEY_MISMATCH",
        row="internal",
        title="The encryption key is not the one that the database was written with.",
        why="The key file was lost or changed, a copy of the database came without it, or another server of this database made a key of its own.",
        fix="Give the server the key that the database was written with. If it is lost for good: `homegraph db accept-key`, and link all accounts again.",
        exit=Exit.USAGE,
    ),
    Reason(
        code="PRECONDITION",
        row="precondition",
        title="The call came at a moment at which it cannot be served.",
        why="Google answers a waiting Request Sync like this at times, even when the SYNC has been carried out.",
        fix='Check whether a SYNC has arrived; send "async": true.',
    ),
    Reason(
        code="ROUTE_UNKNOWN",
        row="html-404",
        title="There is nothing at this path.",
        why="The path is not one of the API, often by a wrong base URL or a missing /v1, or by a slash in place of the colon.",
        fix="Call POST /v1/devices:requestSync, or one of the other methods of the API.",
    ),
    Reason(
        code="METHOD_NOT_ALLOWED_HERE",
        row="html-404",
        title="The path is right, the HTTP method is not.",
        why="Google answers 404, not 405, to any other method than the one of the path.",
        fix="Use POST for everything under /v1/devices:, and DELETE for /v1/agentUsers/.",
    ),
)

ADMIN: Final = (
    Reason(
        code="NOT_FOUND",
        row="admin-not-found",
        title="There is no such thing here.",
        why="It was never there, has gone since, or is called otherwise: names are case-sensitive.",
        fix="List what there is, e.g. with `homegraph projects list`.",
    ),
    Reason(
        code="NOT_ALLOWED",
        row="admin-refused",
        title="The admin API refuses this call.",
        why="What is asked for cannot be done as things are, and the message says why; or the server's admin token is missing, "
        "which is in the data folder of the server.",
        fix="Run the command as the user who runs the server, or set HOMEGRAPH_ADMIN_TOKEN.",
    ),
    Reason(
        code="ADMIN_TOKEN_WRONG",
        row="admin-unauthenticated",
        title="The call carries no admin token, or a wrong one.",
        why="The token is made with the data folder and stays the same; another server, or another data folder, has another one.",
        fix="Point the command to the server's data folder with --data-dir, or set HOMEGRAPH_ADMIN_TOKEN.",
    ),
    Reason(
        code="HOST_REFUSED",
        row="admin-refused",
        title="The Host header is none of this server's names.",
        why="A strange web page could have its own name point at this machine, so the admin side answers to its own names only.",
        fix="Use a name of this server, or add the name to allowed_hosts under [server] in homegraph.toml.",
    ),
    Reason(
        code="SETTINGS",
        row="admin-invalid",
        title="A setting or argument is wrong.",
        why="It is unknown, has the wrong type, contradicts another one, or asks for something that this machine does not give. The message names it.",
        fix="Correct it; the reference of settings lists what is allowed.",
    ),
    Reason(
        code="EXPORT_UNUSABLE",
        row="admin-invalid",
        title="The file is no export that can be taken.",
        why="It was cut, damaged or edited, or it comes from another version or from a server with another encryption key.",
        fix="Complete it with `homegraph export --resume FILE`, or export again.",
    ),
)
