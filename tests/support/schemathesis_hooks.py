"""What schemathesis is told beside the OpenAPI document: who is linked here, and which device there is.

Without it nearly every call would be for somebody whom nobody knows, and end there. So the ids of half the calls are replaced by
those that exist; all else stays as it was made, so that what was invalid still is.
"""

import schemathesis

USER = "user-1"
LEAVER = "user-2"
"""Whom a call may delete."""

DEVICE = "lamp"

CHARS_MAX = 1_024
"""A longer id is wrong, and stays so."""


@schemathesis.hook
def map_body(context, body):
    """Have half the bodies be about the user and the device that there are."""
    if isinstance(body, dict) and _is_chosen(body.get("agentUserId")):
        body["agentUserId"] = USER
        for inputs in _items(body.get("inputs")):
            for device in _items(_member(_member(inputs, "payload"), "devices")):
                if _is_id(_member(device, "id")):
                    device["id"] = DEVICE
        _rename(_member(_member(body, "payload"), "devices"))
    return body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Have half the deletions be of somebody who is there, for the first of them; whom the others need is not deleted."""
    if path_parameters:
        user = path_parameters.get("agentUserId")
        if user == USER or _is_chosen(user):
            path_parameters["agentUserId"] = LEAVER
    return path_parameters


def _is_chosen(value):
    return _is_id(value) and len(value) % 2 == 1


def _is_id(value):
    return isinstance(value, str) and 0 < len(value) <= CHARS_MAX


def _items(value):
    return value if isinstance(value, list) else ()


def _member(value, name):
    return value.get(name) if isinstance(value, dict) else None


def _rename(devices):
    for name in ("states", "notifications"):
        by_device = _member(devices, name)
        if (
            isinstance(by_device, dict)
            and by_device
            and all(isinstance(one, dict) for one in by_device.values())
        ):
            devices[name] = {DEVICE: next(iter(by_device.values()))}
