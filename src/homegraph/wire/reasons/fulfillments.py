"""Reasons that lie in what the fulfillment answered, or did not."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason
from homegraph.wire.rows import Exit

FULFILLMENTS: Final = (
    Reason(
        code="FULFILLMENT_UNREACHABLE",
        row="internal",
        title="No connection to the fulfillment could be made.",
        why="Nothing listens at fulfillment_url, its name cannot be resolved, or TLS failed.",
        fix="Start the fulfillment, or correct fulfillment_url; `homegraph doctor` tries the connection.",
        retryable=True,
        exit=Exit.UNREACHABLE,
    ),
    Reason(
        code="FULFILLMENT_TIMEOUT",
        row="internal",
        title="The fulfillment did not answer in time.",
        why="It has 30 seconds for SYNC, and 5 for QUERY and EXECUTE. Often it asks every device first, which SYNC does not need.",
        fix="Answer from what you know, and call Request Sync or Report State when there is news.",
        retryable=True,
        exit=Exit.TIMED_OUT,
    ),
    Reason(
        code="FULFILLMENT_FAILED",
        row="internal",
        title="The fulfillment answered with a server error (5xx).",
        why="Its own code failed. What is stored was left as it is.",
        fix="Look into the fulfillment's log; `homegraph runs show` has the request and what was answered.",
        retryable=True,
    ),
    Reason(
        code="FULFILLMENT_REFUSED",
        row="internal",
        title="The fulfillment refused the intent with a 4xx status or a redirect.",
        why="fulfillment_url is not the exact address, or something before the fulfillment wants a login. "
        "Redirects are not followed.",
        fix="Correct fulfillment_url to the address that answers POST itself.",
    ),
    Reason(
        code="REPLY_UNUSABLE",
        row="internal",
        title="The fulfillment's answer is not an answer to the intent.",
        why="It is not JSON, or not an object with what the intent asks for: payload.agentUserId and a list payload.devices (SYNC), "
        "an object payload.devices (QUERY), a list payload.commands (EXECUTE). What is stored was left as it is.",
        fix="Answer with one JSON object; `homegraph runs show` has the answer and what is wrong with it.",
    ),
    Reason(
        code="REPLY_TOO_LARGE",
        row="internal",
        title="The fulfillment's answer is larger than 8 MiB.",
        why="The bound holds before and after decompression.",
        fix="Answer only what the intent needs; keep customData small.",
    ),
    Reason(
        code="REPLY_ERROR_PAYLOAD",
        row="internal",
        title="The fulfillment answered with an error of its own (payload.errorCode).",
        why="It was reached and has understood, but cannot serve this user now. What is stored was left as it is.",
        fix="Look up its errorCode and debugString with `homegraph runs show`.",
    ),
    Reason(
        code="SYNC_DEADLINE",
        row="deadline",
        title="The SYNC was not over when the time of the call was.",
        why="A call that waits does so for 60 seconds at most. The work goes on, and its outcome is kept with the run.",
        fix='Look at the run before you call again; use "async": true where nobody needs the outcome at once.',
        retryable=True,
    ),
)
