"""A trait written for one test, in the catalog's own format."""

import json

from homegraph.wire.catalog.book import builtin

TOY = "action.devices.traits.Toy"


def field(name, type_="integer", **more):
    """A field of a trait."""
    return {"name": name, "type": type_, **more}


def words(name):
    """A list of texts."""
    return field(name, "array", items={"type": "string"})


def catalog(**trait):
    """The builtin catalog with one trait more, by name TOY."""
    document = {"traits": [{"name": TOY, "short": "Toy", **trait}]}
    return builtin().extended(json.dumps(document).encode())


def device(given=None, /, **trait):
    """A device that has only this trait."""
    return catalog(**trait).shape((TOY,)).bind(given or {})


def told(problems):
    """Problems as ``(kind, path, severity)``."""
    return [(one.kind.value, one.path, one.severity) for one in problems]
