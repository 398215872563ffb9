"""Devices for property tests, made from the catalog's format: nearly right ones, right ones, and ones with a few mistakes.

Names are drawn from few words, so that what must be listed sometimes is, and what must differ sometimes does not.
"""

from hypothesis import strategies as st

from support.catalog_reference import TRAITS

NAMES = st.sampled_from(["low", "high", "eco"])
JUNK = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 5.0, 2.5, 101, 10**400, -1e300, "", "low", "rgb", "a,b"),
        *([], ["low"], ["low", "low"], {}, {"low": True}, [[[]]], [None], {"name": None}),
    ]
)
SENSORS = [row for trait in TRAITS.values() for row in trait.get("sensors", ())]


def values(field):
    """Values of a field: of its form and within its bounds, whatever its rules say."""
    kind = field["type"]
    if kind == "boolean":
        return st.booleans()
    if kind == "enum":
        return st.sampled_from(field["values"])
    if kind == "string":
        return NAMES
    if kind in ("integer", "number"):
        low = int(field.get("min", -2))
        high = int(field.get("max", field.get("exclusive_max", low + 40) - 1))
        whole = st.integers(low, high)
        near = st.sampled_from(sorted({low, low + 1, (low + high) // 2, high}))
        return st.one_of(near, whole, whole.map(float))
    if kind == "array":
        least = field.get("min_items", 0)
        some = st.lists(values(field["items"]), min_size=least, max_size=least + 2)
        return st.one_of(some, st.just("off,heatcool")) if "alt_type" in field else some
    if kind == "map":
        return st.dictionaries(NAMES, values(field["map_values"]), max_size=2)
    return members(field["fields"])


def members(fields):
    """Objects with these fields: what is required is there, the rest sometimes."""
    must = {field["name"]: values(field) for field in fields if field["required"]}
    may = {field["name"]: values(field) for field in fields if not field["required"]}
    return st.fixed_dictionaries(must, optional=may)


def sensor_items(key):
    """Attributes or states of SensorState that mostly keep to its table; chance alone would hardly hit a row."""

    def item(row):
        words = st.sampled_from(row["descriptive_states"] or ["unknown"])
        number = st.integers(int(row.get("raw_min", 0)), int(row.get("raw_max", 1000)))
        if key == "sensorStatesSupported":
            listed = st.lists(words, min_size=1, max_size=3, unique=True)
            parts = {
                "descriptiveCapabilities": listed.map(lambda some: {"availableStates": some}),
                "numericCapabilities": st.just({"rawValueUnit": row["unit"] or "AQI"}),
            }
        else:
            parts = {"currentSensorState": words, "rawValue": number}
        return st.fixed_dictionaries({"name": st.just(row["name"])}, optional=parts)

    items = st.lists(st.sampled_from(SENSORS).flatmap(item), min_size=1, max_size=2)
    return items.map(lambda some: {key: some})


def objects(trait, kind):
    """Attributes or states of one trait."""
    plain = members(trait[kind])
    if not trait.get("sensors"):
        return plain
    key = "sensorStatesSupported" if kind == "attributes" else "currentSensorStateData"
    return st.one_of(plain, sensor_items(key))


@st.composite
def spoiled(draw, target):
    """The object with up to two changes somewhere: a value replaced, a member dropped or added."""
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        target = _changed(draw, target)
    return target


def _changed(draw, target):
    if isinstance(target, dict) and target and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(target)))
        inner = _changed(draw, target[key])
        return {**target, key: inner}
    if isinstance(target, list) and target and draw(st.booleans()):
        place = draw(st.integers(0, len(target) - 1))
        return [*target[:place], _changed(draw, target[place]), *target[place + 1 :]]
    if isinstance(target, dict):
        if target and draw(st.booleans()):
            gone = draw(st.sampled_from(sorted(target)))
            return {key: value for key, value in target.items() if key != gone}
        return {**target, draw(st.sampled_from(["low", "extra", "name"])): draw(JUNK)}
    return draw(JUNK)


def merged(objects_):
    """Several traits' shares of one object."""
    return st.tuples(*objects_).map(lambda parts: {k: v for part in parts for k, v in part.items()})
