"""Where a journal is cut."""

import pytest

from homegraph.store.rings import cut


@pytest.mark.parametrize(
    ("young", "most", "batch", "end"),
    [
        (None, 100, 4, 5),  # all that was looked at is old: a batch of it goes
        (3, 100, 4, 3),  # up to what is young
        (1, 100, 4, 1),  # nothing is old
        (1, 6, 4, 5),  # too many: the oldest go, however young
        (1, 2, 4, 5),  # more than a batch too many
        (None, 100, 500, 11),  # all of it is old, and no more: what comes meanwhile is young
    ],
)
def test_where_a_journal_is_cut(young, most, batch, end):
    """Before the first that is young, or those beyond the bound, a batch at most, of the numbers 1 to 10."""
    assert cut(1, 10, young, most=most, batch=batch) == end
