"""Devices that are called alike in one room are named, however the names are spelled."""

from hypothesis import given
from hypothesis import strategies as st

from homegraph.graph.checks.replies import same_names

WORDS = st.text(alphabet="aAb \t\0\u00a0ßsS", max_size=4)


@given(st.lists(st.tuples(WORDS, st.sampled_from(["", "Hall", "hall ", "Attic"])), max_size=6))
def test_alike_is_what_sounds_alike(named):
    """Case and blanks do not count, rooms do; whoever comes later is named, and nobody without a name."""
    spoken = [(str(at), name, room) for at, (name, room) in enumerate(named)]
    heard = [tuple(" ".join(text.split()).casefold() for text in both) for both in named]

    found = [finding.device_id for finding in same_names(spoken)]

    assert found == [str(at) for at, key in enumerate(heard) if key[0] and heard.index(key) != at]
