"""Reasons that lie in what the fulfillment answered, or did not."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason
from homegraph.wire.rows import Exit

FULFILLMENTS: Final = (
    Reason(
        code="ADDRESS_REFUSED",
        row="internal",
        title="The fulfillment's address is one that this server does not call.",
        why="It is plain http on the internet, a private network that outbound_networks does not name, this machine under another "
        "name than its own, or an address that nobody's fulfillment has, such as a cloud's metadata. Nothing was sent.",
        fix="Use https, or let whoever runs the server name the network in outbound_networks.",
    ),
    Reason(
        code="FULFILLMENT_UNREACHABLE",
        row="internal",
        title="No connection to the fulfillment could be made.",
        why="Nothing listens at fulfillment_url, its name cannot be resolved, or the connection broke, "
        "as it does where one side speaks TLS (https) and the other does not.",
        fix="Start the fulfillment, or correct fulfillment_url; `homegraph doctor` tries the connection.",
        retryable=True,
        exit=Exit.UNREACHABLE,
        google_log=("BACKEND_FAILURE_URL_UNREACHABLE",),
    ),
    Reason(
        code="FULFILLMENT_UNTRUSTED",
        row="internal",
        title="The fulfillment's certificate is not trusted.",
        why="It is self-signed or of an authority that the system does not know, has expired, or is for another name. Nothing was sent.",
        fix="Get a certificate for the name in fulfillment_url, or name your own authority with ca_file in the project's table.",
        retryable=True,
        google_log=("BACKEND_FAILURE_URL_UNREACHABLE",),
    ),
    Reason(
        code="FULFILLMENT_TIMEOUT",
        row="internal",
        title="The fulfillment did not answer in time.",
        why="If the settings do not say otherwise it has 30 seconds for SYNC, and 5 for QUERY and EXECUTE. Often it asks every device "
        "first, which SYNC does not need.",
        fix="Answer from what you know, and call Request Sync or Report State when there is news.",
        retryable=True,
        exit=Exit.TIMED_OUT,
        google_log=("BACKEND_FAILURE_URL_TIMEOUT",),
    ),
    Reason(
        code="FULFILLMENT_FAILED",
        row="internal",
        title="The fulfillment answered that it cannot now (5xx, 408, 425 or 429).",
        why="Its own code failed, or something before it lets no more calls through. What is stored was left as it is.",
        fix="Look into the fulfillment's log; `homegraph runs show` has what was answered, with --json the request, too.",
        retryable=True,
        google_log=("BACKEND_FAILURE_URL_UNREACHABLE",),
    ),
    Reason(
        code="FULFILLMENT_REFUSED",
        row="internal",
        title="The fulfillment refused the intent with another 4xx status, or a redirect.",
        why="fulfillment_url is not the exact address, or something before the fulfillment wants a login. "
        "Redirects are not followed.",
        fix="Correct fulfillment_url to the address that answers POST itself.",
        google_log=("BACKEND_FAILURE_URL_ERROR",),
    ),
    Reason(
        code="REPLY_UNUSABLE",
        row="internal",
        title="The fulfillment's answer cannot be taken.",
        why="It is not JSON; or not an object with what the intent asks for: payload.agentUserId and a list payload.devices (SYNC), "
        "an object payload.devices (QUERY), a list payload.commands (EXECUTE); or it lists a device that Google refuses. "
        "What is stored was left as it is.",
        fix="Answer with one JSON object that has what is asked for. Where it ends early, look at Content-Length, which counts bytes. "
        "`homegraph runs show` tells what is wrong with it, with --json the whole answer.",
        google_log=("json_response_invalid_format",),
    ),
    Reason(
        code="REPLY_GARBLED",
        row="internal",
        title="What answers at the fulfillment's address does not speak HTTP.",
        why="Its bytes are no HTTP/1.1 answer: another protocol, broken chunks, or a compression that is not what its header says.",
        fix="Look at what answers there with `curl -v`, and correct fulfillment_url or the server behind it.",
    ),
    Reason(
        code="REPLY_TOO_LARGE",
        row="internal",
        title="The fulfillment's answer is larger than allowed.",
        why="If reply_max_bytes does not say otherwise a reply may have 8 MiB, before and after decompression; and 64 KiB and 128 lines "
        "of headers.",
        fix="Answer only what the intent needs; keep customData small.",
    ),
    Reason(
        code="REPLY_ERROR_PAYLOAD",
        row="internal",
        title="The fulfillment answered with an error of its own (payload.errorCode).",
        why="It was reached and has understood, but cannot serve this user now. What is stored was left as it is.",
        fix="Look up its errorCode and debugString with `homegraph runs show`.",
        google_log=("json_response_invalid_format",),
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
