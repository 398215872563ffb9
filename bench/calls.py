"""The calls of the benchmark, as the bytes that curl would send; and what an answer to them must have in it.

All of them are made before the clock runs. A report and a query are about the first two devices of a home: a lamp with three
traits and an outlet with one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bench.homes import API_KEY, device_id, user
from bench.scenarios import Call

REQUEST_ID: Final = "bench"

_PREFIX: Final = "/v1/devices:"
_EMPTY: Final = b"\r\n\r\n{}"
_REPEATED: Final = f'"requestId": "{REQUEST_ID}"'.encode()


def request(call: Call, number: int, access_token: str = "") -> bytes:
    """A call about one agent user; with the access token where it takes one."""
    return _MAKERS[call](number, access_token)


def wanted(call: Call) -> bytes:
    """What every answer to it has in it when all is well."""
    return _EMPTY if call in (Call.REQUEST_SYNC, Call.REQUEST_SYNC_ASYNC) else _REPEATED


def _request_sync(number: int, _access_token: str, mode: str = "") -> bytes:
    return _post(f"requestSync?key={API_KEY}", f'{{"agentUserId":"{user(number)}"{mode}}}')


def _request_sync_async(number: int, access_token: str) -> bytes:
    return _request_sync(number, access_token, ',"async":true')


def _report(number: int, access_token: str) -> bytes:
    lamp = f'"{device_id(number, 0)}":{{"on":true,"brightness":65,"online":true}}'
    outlet = f'"{device_id(number, 1)}":{{"on":false,"online":true}}'
    body = (
        f'{{"requestId":"{REQUEST_ID}","agentUserId":"{user(number)}",'
        f'"payload":{{"devices":{{"states":{{{lamp},{outlet}}}}}}}}}'
    )
    return _post("reportStateAndNotification", body, access_token)


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
    bearer = f"authorization: Bearer {access_token}\r\n" if access_token else ""
    return (
        f"POST {_PREFIX}{target} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n{bearer}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


_MAKERS: Final[Mapping[Call, Callable[[int, str], bytes]]] = {
    Call.REQUEST_SYNC: _request_sync,
    Call.REQUEST_SYNC_ASYNC: _request_sync_async,
    Call.REPORT: _report,
    Call.QUERY: _query,
    Call.QUERY_ONE: _query_one,
}
