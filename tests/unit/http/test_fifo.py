"""A cache of so many entries, of which the oldest goes."""

from homegraph.http.fifo import FifoCache


def test_the_oldest_makes_place():
    """However often it was asked for."""
    cache = FifoCache(2)
    for key in "abc":
        cache[key] = key.upper()
        cache.get("a")

    assert dict(cache) == {"b": "B", "c": "C"}


def test_what_is_there_gets_another_value_and_keeps_its_place():
    """Nothing else has to go for it."""
    cache = FifoCache(2)
    for key, value in ("a", 1), ("b", 2), ("a", 3), ("c", 4):
        cache[key] = value

    assert list(cache.items()) == [("b", 2), ("c", 4)]
    cache["b"] = 5
    assert list(cache.items()) == [("b", 5), ("c", 4)]
