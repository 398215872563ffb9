"""From words to devices."""

import pytest

from homegraph.errors import NotFound, SettingsError
from homegraph.graph import naming
from homegraph.graph.naming import chosen, groups
from homegraph.wire.query_intent import QueryDevice
from support.named import a_device

KITCHEN = a_device("1", "Lamp", "Kitchen", customData={"a": 1})
HALL = a_device("2", "lamp", "Hall", nicknames=["Moon"])
FAN = a_device("3", "Kitchen Fan", traits=("OnOff", "FanSpeed"))
HOME = (KITCHEN, HALL, FAN)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("1", KITCHEN),
        ("kitchen lamp", KITCHEN),
        ("  KITCHEN   Lamp ", KITCHEN),
        ("moon", HALL),
        ("hall moon", HALL),
        ("kitchen fan", FAN),
    ],
)
def test_a_device_is_named_as_its_user_would(word, meant):
    """By id, by name, by nickname, each with its room before it or not; case and blanks do not count."""
    assert chosen([word], HOME) == (meant,)


def test_each_device_is_meant_once():
    """However often and under whatever names it was said; the order is the speaker's."""
    assert chosen(["moon", "kitchen lamp", "2"], HOME) == (HALL, KITCHEN)


def test_an_id_goes_before_a_name():
    """So that there is always a way to name a device."""
    named_like_it = a_device("4", "1")

    assert chosen(["1"], (named_like_it, KITCHEN)) == (KITCHEN,)


def test_a_word_for_several_devices_is_refused_with_all_of_them():
    """Nothing is switched by guessing."""
    with pytest.raises(
        SettingsError, match=r"'lamp' may be 1 \(Lamp, Kitchen\), 2 \(lamp, Hall\)$"
    ):
        chosen(["lamp"], HOME)


def test_of_many_candidates_the_first_are_named():
    """A message has an end."""
    same = [a_device(f"d{number:02}") for number in range(11)]

    with pytest.raises(SettingsError, match=r"d09 \(Lamp\), …$"):
        chosen(["lamp"], same)


def test_a_word_for_no_device_is_refused_with_what_may_be_meant():
    """Spelling is the usual cause."""
    with pytest.raises(NotFound, match=r"no device 'kichen fan'\. Did you mean 'Kitchen Fan'"):
        chosen(["kichen fan"], HOME)


def test_an_intent_has_a_bounded_number_of_devices(monkeypatch):
    """The rest goes in another."""
    monkeypatch.setattr(naming, "DEVICES_PER_INTENT_MAX", 2)

    assert list(groups(HOME)) == [(KITCHEN, HALL), (FAN,)]


def test_custom_data_goes_along():
    """As SYNC gave it; none where SYNC gave none."""
    assert KITCHEN.asked == QueryDevice("1", {"a": 1})
    assert HALL.asked == QueryDevice("2")


def test_what_a_device_promised_goes_along():
    """Whether it notifies and reports; only what was said in so many letters counts."""
    plain = a_device("1")
    promising = a_device("1", notificationSupportedByAgent=True, willReportState=True)

    assert (plain.notifies, plain.reports) == (False, False)
    assert (promising.notifies, promising.reports) == (True, True)
    assert promising.traits == ("action.devices.traits.OnOff",)
