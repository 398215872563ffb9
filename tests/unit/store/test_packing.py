"""Bodies of the journal come back as they were, and a damaged one is told as such."""

import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lz4.block import compress

from homegraph.errors import StoreUnavailable
from homegraph.store.packing import PACKED_FROM_BYTES, packed, unpacked

DEVICES = b",".join(
    b'{"id":"lamp-%d","type":"action.devices.types.LIGHT","traits":["action.devices.traits.OnOff"]}'
    % n
    for n in range(200)
)
"""What replies are like."""

HUGE = 2**31 - 1

bodies = st.builds(
    lambda piece, times, end: piece * times + end,
    st.binary(max_size=600),
    st.integers(1, 200),
    st.binary(max_size=8),
)
"""Short and long, of what repeats and of what does not."""


@given(bodies)
def test_any_body_comes_back(body):
    """Byte for byte, whatever it is."""
    assert unpacked(*packed(body)) == body


@pytest.mark.parametrize(
    "length", [0, 1, PACKED_FROM_BYTES - 1, PACKED_FROM_BYTES, 64 * 1024, 2**20], ids=str
)
@pytest.mark.parametrize("byte", [b"x", None], ids=["repeating", "random"])
def test_lengths_at_the_bounds(length, byte):
    """Short ones stand as they are, for a person with a shell; from the bound on they are packed, and never more than a little longer."""
    body = byte * length if byte else os.urandom(length)
    plain, block = packed(body)

    assert unpacked(plain, block) == body
    assert (plain, bool(block)) == ((body, False) if length < PACKED_FROM_BYTES else (b"", True))
    assert len(block) <= length * 1.01 + 16


def test_what_replies_are_like_is_packed_well():
    """To a third of their size at the most."""
    assert len(packed(DEVICES)[1]) * 3 < len(DEVICES)


@given(st.integers(0, len(compress(DEVICES)) - 1))
def test_a_block_that_was_cut(end):
    """It is no shorter body, and no other error than the one for a damaged database."""
    block = compress(DEVICES)[:end]
    if not block:
        return  # of which the other column has the body
    with pytest.raises(StoreUnavailable, match="damaged") as caught:
        unpacked(b"", block)
    assert "db check" in caught.value.hint


@given(st.binary(min_size=1, max_size=300))
def test_a_block_of_anything(block):
    """It is read, or is damaged; nothing else happens."""
    try:
        body = unpacked(b"", block)
    except StoreUnavailable:
        return
    assert len(body) == int.from_bytes(block[:4], "little")


@pytest.mark.parametrize("claimed", [HUGE, 2**32 - 1, 2**28])
def test_a_block_that_claims_to_be_huge(claimed):
    """It is damaged, and no memory is taken for what it says."""
    block = claimed.to_bytes(4, "little") + compress(DEVICES)[4:]
    tracemalloc.start()
    with pytest.raises(StoreUnavailable, match="damaged"):
        unpacked(b"", block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2**20
