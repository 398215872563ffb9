"""One POST to a fulfillment or a token endpoint, recorded in a transcript whether it succeeds or not."""

from __future__ import annotations

import msgspec

from homegraph.errors import HomegraphError
from homegraph.graph.model import Exchange, Project
from homegraph.http.reply import HttpReply
from homegraph.service.clock import Clock
from homegraph.service.transcript import Transcript
from homegraph.service.transport import Headers, Transport


class Post(msgspec.Struct, frozen=True):
    """What is sent, for whom, and its bounds. ``intent`` says what for, ``repeatable`` is as ``Transport.post`` has it."""

    intent: str
    project: Project
    user_id: str
    url: str
    headers: Headers
    body: bytes
    seconds_max: float
    reply_max_bytes: int
    repeatable: bool = False


async def recorded(
    transport: Transport, clock: Clock, transcript: Transcript, post: Post
) -> tuple[HttpReply, float]:
    """Send it; the reply, and how many seconds it took. Raises what the transport raises."""
    started = clock.now()
    reply, problem = HttpReply(0, {}, b""), ""
    try:
        reply = await transport.post(
            post.project,
            post.url,
            post.headers,
            post.body,
            seconds_max=post.seconds_max,
            reply_max_bytes=post.reply_max_bytes,
            repeatable=post.repeatable,
        )
    except HomegraphError as exc:
        problem = exc.message
        raise
    finally:
        took = clock.now() - started
        transcript.record(
            Exchange(
                intent=post.intent,
                user_id=post.user_id,
                url=post.url,
                started_at=started,
                took=took,
                request_headers=dict(post.headers),
                request_body=post.body,
                status=reply.status,
                response_headers=reply.headers,
                response_body=reply.body,
                response_size=len(reply.body),
                error=problem,
            )
        )
    return reply, took
