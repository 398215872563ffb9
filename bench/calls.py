"""The calls of the benchmark, as the bytes that curl would send; and what an answer to them must have in it.

All of them are made before the clock runs. A report and a query are about the first devices of a home, as many as they say: a
lamp with three traits, an outlet with one, a thermostat, a blind, and so on from the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from bench.homes import API_KEY, DEVICES, PROJECT, REPORTED, code, device_id, token, user
from bench.scenarios import Call

REQUEST_ID: Final = "bench"

_PREFIX: Final = "/v1/devices:"
_EMPTY: Final = b"\r\n\r\n{}"
_REPEATED: Final = f'"requestId": "{REQUEST_ID}"'.encode()
_FORWARDED: Final = b'"payload":{"agentUserId"'


def request(call: Call, number: int, access_token: str = "") -> bytes:
    """A call about one agent user; with the access token where it takes one."""
    return _MAKERS[call](number, access_token)


def finish_linking(number: int, redirect_uri: str, state: str, admin_token: str) -> bytes:
    """What brings a browser's way back from the login page to the server; the code says whom the account is of."""
    came_to = f"{redirect_uri}?{urlencode({'code': code(number), 'state': state})}"
    body = json.dumps({"project": PROJECT, "user": user(number), "url": came_to})
    return _post_to("/-/api/links/finish", body, admin_token)


def wanted(call: Call) -> bytes:
    """What every answer to it has in it when all is well."""
    return _WANTED.get(call, _REPEATED)


def _request_sync(number: int, _access_token: str, mode: str = "") -> bytes:
    return _post(f"requestSync?key={API_KEY}", f'{{"agentUserId":"{user(number)}"{mode}}}')


def _request_sync_async(number: int, access_token: str) -> bytes:
    return _request_sync(number, access_token, ',"async":true')


def _report(number: int, access_token: str, devices: int = 2) -> bytes:
    states = ",".join(
        f'"{device_id(number, index)}":{REPORTED[index % len(REPORTED)]}'
        for index in range(devices)
    )
    body = (
        f'{{"requestId":"{REQUEST_ID}","agentUserId":"{user(number)}",'
        f'"payload":{{"devices":{{"states":{{{states}}}}}}}}}'
    )
    return _post("reportStateAndNotification", body, access_token)


def _report_one(number: int, access_token: str) -> bytes:
    return _report(number, access_token, 1)


def _report_all(number: int, access_token: str) -> bytes:
    return _report(number, access_token, DEVICES)


def _sync(number: int, access_token: str) -> bytes:
    body = f'{{"requestId":"{REQUEST_ID}","agentUserId":"{user(number)}"}}'
    return _post("sync", body, access_token)


def _forward(number: int, _access_token: str) -> bytes:
    """What the server sends to the fulfillment, for a proxy to pass on."""
    body = f'{{"requestId":"{REQUEST_ID}","inputs":[{{"intent":"action.devices.SYNC"}}]}}'
    return _post_to("/smarthome", body, token(number))


def _query(number: int, access_token: str, devices: int = 2) -> bytes:
    listed = ",".join(f'{{"id":"{device_id(number, index)}"}}' for index in range(devices))
    body = (
        f'{{"requestId":"{REQUEST_ID}","agentUserId":"{user(number)}",'
        f'"inputs":[{{"payload":{{"devices":[{listed}]}}}}]}}'
    )
    return _post("query", body, access_token)


def _query_one(number: int, access_token: str) -> bytes:
    return _query(number, access_token, 1)


def _post(target: str, body: str, access_token: str = "") -> bytes:
    return _post_to(f"{_PREFIX}{target}", body, access_token)


def _post_to(path: str, body: str, access_token: str = "") -> bytes:
    bearer = f"authorization: Bearer {access_token}\r\n" if access_token else ""
    return (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n{bearer}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


_WANTED: Final[Mapping[Call, bytes]] = {
    Call.REQUEST_SYNC: _EMPTY,
    Call.REQUEST_SYNC_ASYNC: _EMPTY,
    Call.FORWARD: _FORWARDED,
    Call.LINK: b'"state":"linked"',
}

_MAKERS: Final[Mapping[Call, Callable[[int, str], bytes]]] = {
    Call.REQUEST_SYNC: _request_sync,
    Call.REQUEST_SYNC_ASYNC: _request_sync_async,
    Call.REPORT_ONE: _report_one,
    Call.REPORT: _report,
    Call.REPORT_ALL: _report_all,
    Call.QUERY: _query,
    Call.QUERY_ONE: _query_one,
    Call.SYNC: _sync,
    Call.FORWARD: _forward,
}
