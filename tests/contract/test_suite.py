"""The suite itself: that all of it is run."""

from collections import Counter

from homegraph.testing.store_contract import StoreContract


def test_no_test_hides_another():
    """The topics are put together by inheritance: two tests of one name would be one."""
    names = Counter(
        name for topic in StoreContract.__mro__ for name in vars(topic) if name.startswith("test_")
    )

    assert [name for name, times in names.items() if times > 1] == []
