"""The rules about one device of a SYNC reply; ``devices`` finds what breaks them."""

from __future__ import annotations

from typing import Final

from homegraph.graph.checks.rule import Rule

SCHEMA: Final = "SYNC response schema"


DEVICE_NOT_OBJECT: Final = Rule(
    id="device-not-object",
    severity="refused",
    subject="SYNC",
    title="An entry of devices is no object",
    why="Every device is a JSON object; Google refuses the whole reply otherwise.",
    fix="List objects only.",
    source=SCHEMA,
)

DEVICE_ID_MISSING: Final = Rule(
    id="device-id-missing",
    severity="refused",
    subject="SYNC",
    title="A device has no id",
    why="The id is the key of the device in every later call.",
    fix="Give the device an id that never changes, as text.",
    source=SCHEMA,
)

DEVICE_ID_LONG: Final = Rule(
    id="device-id-long",
    severity="refused",
    subject="SYNC",
    title="A device's id is longer than is kept",
    why="Google publishes no limit; this Home Graph has one, because ids are keys.",
    fix="Give the device a short id that never changes, such as its serial number.",
    source="limits of homegraph",
)

TYPE_MISSING: Final = Rule(
    id="device-type-missing",
    severity="refused",
    subject="SYNC",
    title="A device has no type",
    why="The type is required; it decides the icon and the words.",
    fix="Give the type in full, such as action.devices.types.LIGHT.",
    source=SCHEMA,
)

TYPE_FORM: Final = Rule(
    id="device-type-form",
    severity="refused",
    subject="SYNC",
    title="A device type is not written as one",
    why="Types are written action.devices.types.NAME, and Google refuses other texts.",
    fix="Write the full name with the right case.",
    source=SCHEMA,
)

TYPE_UNKNOWN: Final = Rule(
    id="device-type-unknown",
    severity="advice",
    subject="SYNC",
    title="A device type is not in the catalog",
    why="If Google does not know it either, the device is refused. The catalog may be older than Google's list.",
    fix="Check the spelling; a new type can be added to the project's catalog.",
    source=SCHEMA,
)

TRAITS_MISSING: Final = Rule(
    id="device-traits-missing",
    severity="refused",
    subject="SYNC",
    title="A device has no list of traits",
    why="The list is required, even for a device with one trait.",
    fix="Give traits as a list of full names.",
    source=SCHEMA,
)

TRAITS_EMPTY: Final = Rule(
    id="device-traits-empty",
    severity="advice",
    subject="SYNC",
    title="A device has no trait",
    why="A device without traits can be listed, and nothing can be done with it.",
    fix="Declare what the device can do.",
    source=SCHEMA,
)

TRAIT_FORM: Final = Rule(
    id="device-trait-form",
    severity="refused",
    subject="SYNC",
    title="A trait is not written as one",
    why="Traits are written action.devices.traits.Name, and Google refuses other texts.",
    fix="Write the full name with the right case.",
    source=SCHEMA,
)

TRAIT_UNKNOWN: Final = Rule(
    id="device-trait-unknown",
    severity="advice",
    subject="SYNC",
    title="A trait is not in the catalog",
    why="If Google does not know it either, the device is refused. The catalog may be older than Google's list.",
    fix="Check the spelling; a new trait can be added to the project's catalog.",
    source=SCHEMA,
)

TRAIT_DUPLICATE: Final = Rule(
    id="device-trait-duplicate",
    severity="ignored",
    subject="SYNC",
    title="A trait is listed twice",
    why="The second one says nothing.",
    fix="List every trait once.",
    source=SCHEMA,
)

TRAIT_LEGACY: Final = Rule(
    id="device-trait-legacy",
    severity="advice",
    subject="SYNC",
    title="A trait has been replaced by another one",
    why="It is still understood, and may not be for ever.",
    fix="Use ColorSetting in its place.",
    source="the traits' published list",
)

TYPE_TRAIT_MISSING: Final = Rule(
    id="device-type-trait-missing",
    severity="advice",
    subject="SYNC",
    title="A device lacks a trait that its type should have",
    why="Google words it as required where it fits the device; certification asks for it.",
    fix="Add the trait if the device has the function, or choose another type.",
    source="the device types' published schema",
)

SCENE_MIXED: Final = Rule(
    id="scene-mixed",
    severity="advice",
    subject="SYNC",
    title="A scene has other traits than Scene",
    why="A scene is activated and nothing else; Google documents it with the trait Scene alone.",
    fix="List the other functions as devices of their own.",
    source="Google's guide on scenes",
)

SCENE_ELSEWHERE: Final = Rule(
    id="scene-elsewhere",
    severity="advice",
    subject="SYNC",
    title="The trait Scene is on a device that is no scene",
    why="Google documents the trait for the type SCENE only.",
    fix="Make the scene a device of its own with the type SCENE.",
    source="Google's guide on scenes",
)

NAME_MISSING: Final = Rule(
    id="device-name-missing",
    severity="refused",
    subject="SYNC",
    title="A device has no name",
    why="name.name is required.",
    fix='Send {"name": {"name": "Lamp"}}.',
    source=SCHEMA,
)

NAME_BLANK: Final = Rule(
    id="device-name-blank",
    severity="refused",
    subject="SYNC",
    title="A device's name is blank",
    why="A blank name passes Google's validator and hides the devices of the user; calls get 404 from then on.",
    fix="Give it a name, or leave the device out until it has one.",
    source="google-home/smart-home-nodejs issue 547",
)

NAME_LONG: Final = Rule(
    id="device-name-long",
    severity="ignored",
    subject="SYNC",
    title="A device's name is longer than 60 characters",
    why="Google cuts it silently, so two long names may become one.",
    fix="Give a shorter name.",
    source="HomeGraph API discovery document since 2024",
)

NAME_UNSPEAKABLE: Final = Rule(
    id="device-name-unspeakable",
    severity="advice",
    subject="SYNC",
    title="A device's name has no letter and no digit",
    why="Nobody can say it, so the device can only be used by touch.",
    fix="Give it a name that can be spoken, or one among nicknames.",
    source=SCHEMA,
)

NAME_LIST_FORM: Final = Rule(
    id="device-name-list-form",
    severity="refused",
    subject="SYNC",
    title="defaultNames or nicknames is no list of texts",
    why="Google refuses the whole reply for a member of the wrong type.",
    fix="Send a list of texts, or leave it out.",
    source=SCHEMA,
)

WILL_REPORT_STATE_MISSING: Final = Rule(
    id="will-report-state-missing",
    severity="advice",
    subject="SYNC",
    title="A device does not say whether it reports its state",
    why="The schema requires it; without it the device is asked each time, which is slow.",
    fix="Send willReportState, true if you call Report State.",
    source=SCHEMA,
)

MEMBER_TYPE: Final = Rule(
    id="device-member-type",
    severity="refused",
    subject="SYNC",
    title="A member of a device has the wrong JSON type",
    why="Google refuses the whole reply for a member of the wrong type.",
    fix="Send the type that is named, or leave the member out.",
    source=SCHEMA,
)

ATTRIBUTES_NOT_OBJECT: Final = Rule(
    id="attributes-not-object",
    severity="refused",
    subject="SYNC",
    title="attributes is no object",
    why="Google logs `Expect a map object but found` and refuses the whole reply. An empty PHP array becomes a list.",
    fix="Send {} or leave attributes out.",
    source="google-home/smart-home-nodejs issue 128",
)

MEMBER_UNKNOWN: Final = Rule(
    id="device-member-unknown",
    severity="ignored",
    subject="SYNC",
    title="A device has a member that does not exist",
    why="Nothing reads it. Mostly it is misspelt.",
    fix="Correct the spelling, or leave it out; your own data goes into customData.",
    source=SCHEMA,
)

OTHER_DEVICE_ID: Final = Rule(
    id="other-device-id",
    severity="advice",
    subject="SYNC",
    title="An entry of otherDeviceIds has no deviceId",
    why="Without it local fulfillment cannot match the device.",
    fix="Give every entry a deviceId.",
    source=SCHEMA,
)

CUSTOM_DATA_LARGE: Final = Rule(
    id="custom-data-large",
    severity="advice",
    subject="SYNC",
    title="customData is larger than 512 bytes",
    why="Google documents 512 bytes per device; what happens beyond is not known.",
    fix="Keep a key in customData, and the data on your side.",
    source=SCHEMA,
)

ROOM_BLANK: Final = Rule(
    id="room-hint-blank",
    severity="ignored",
    subject="SYNC",
    title="roomHint is blank",
    why="It puts the device nowhere.",
    fix="Leave roomHint out.",
    source=SCHEMA,
)

RULES: Final = (
    DEVICE_NOT_OBJECT,
    DEVICE_ID_MISSING,
    DEVICE_ID_LONG,
    TYPE_MISSING,
    TYPE_FORM,
    TYPE_UNKNOWN,
    TRAITS_MISSING,
    TRAITS_EMPTY,
    TRAIT_FORM,
    TRAIT_UNKNOWN,
    TRAIT_DUPLICATE,
    TRAIT_LEGACY,
    TYPE_TRAIT_MISSING,
    SCENE_MIXED,
    SCENE_ELSEWHERE,
    NAME_MISSING,
    NAME_BLANK,
    NAME_LONG,
    NAME_UNSPEAKABLE,
    NAME_LIST_FORM,
    WILL_REPORT_STATE_MISSING,
    MEMBER_TYPE,
    ATTRIBUTES_NOT_OBJECT,
    MEMBER_UNKNOWN,
    OTHER_DEVICE_ID,
    CUSTOM_DATA_LARGE,
    ROOM_BLANK,
)
