"""Reasons that lie in the call itself: its parameters, its body, the report in it."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason

SYSTEM_PARAMETERS: Final = (
    Reason(
        code="SYSTEM_PARAMETER_INVALID",
        row="bad-sysparam",
        title="A system parameter in the URL has a value that does not exist.",
        why="$.xgafv selects the format of errors and knows only 1 and 2. It is looked at before anything else of the call.",
        fix="Leave $.xgafv away, or send $.xgafv=2.",
    ),
    Reason(
        code="ALT_INVALID",
        row="bad-alt",
        title="alt names a response format that does not exist.",
        why="alt selects the format of the answer and knows json, media and proto. It is looked at before the credential.",
        fix="Leave alt away, or send alt=json.",
    ),
    Reason(
        code="ALT_UNSUPPORTED",
        row="alt-unsupported",
        title="This method has no answer in the format that alt asks for.",
        why="alt=media is for downloads, which this API does not have; alt=proto is not offered here.",
        fix="Leave alt away, or send alt=json.",
    ),
    Reason(
        code="FIELD_MASK_INVALID",
        row="invalid-arg",
        title="The fields parameter names something that the answer does not have.",
        why="fields selects parts of the answer by path, such as payload/devices or payload(devices). "
        "Names are case-sensitive, parentheses must match, and the answer of Request Sync has no fields at all.",
        fix="Leave fields away, or correct the path that the details name.",
    ),
    Reason(
        code="QUERY_TOO_LARGE",
        row="invalid-arg",
        title="The parameters are too long, or too many.",
        why="No call of this API needs more than a few short parameters, so there is a bound on their size and number.",
        fix="Send the message as JSON in the body, with Content-Type: application/json.",
    ),
)

BODIES: Final = (
    Reason(
        code="JSON_SYNTAX",
        row="json-syntax",
        title="The body is not JSON.",
        why="The parser forgives bare keys, single quotes and one trailing comma, as Google's does, and nothing else. "
        "The caret in the message is under the byte where reading stopped. A body that is compressed needs a header that says so, "
        "and one in UTF-8 must not begin with a byte order mark.",
        fix="Correct the body at the caret. With curl, put single quotes around the body so that the shell leaves it alone.",
    ),
    Reason(
        code="JSON_UNKNOWN_NAME",
        row="json-unknown",
        title="The request has a field or parameter that this method does not know.",
        why="Names are case-sensitive: agentUserId and agent_user_id are the same field, agentUserID is none. "
        "Query parameters that are no system parameters count as fields, too; and a body sent as a form is read "
        "as parameters, so that JSON without Content-Type: application/json becomes one long unknown name.",
        fix="Correct the spelling, and send the body with Content-Type: application/json.",
    ),
    Reason(
        code="JSON_TYPE",
        row="json-type",
        title="A field has a value of the wrong type.",
        why="agentUserId and ids of devices are strings, even if they consist of digits; async is true or false, and no number; "
        "states and notifications are objects, and so is payload.",
        fix='Send the type that the message asks for, e.g. {"agentUserId": "123", "async": true}.',
    ),
    Reason(
        code="JSON_ROOT",
        row="json-root",
        title="The body is JSON, but no object.",
        why="A request is one message, and a message is an object in braces.",
        fix='Send an object, e.g. {"agentUserId": "user-1"}.',
    ),
    Reason(
        code="FIELD_REQUIRED",
        row="invalid-arg",
        title="A required field is missing or empty.",
        why="Every method needs agentUserId: the id that the fulfillment answers in payload.agentUserId of SYNC. A query needs "
        "inputs with the ids of devices, too. null and the empty string count as missing, and so does an empty body.",
        fix='Send {"agentUserId": "…"} with the id of one of your users, and what else the details name.',
    ),
    Reason(
        code="BODY_TOO_LARGE",
        row="invalid-arg",
        title="The body is larger than is taken.",
        why="The bound is 1 MiB, if body_max_bytes does not say otherwise. No call of this API needs as much; it protects the server.",
        fix="Send less at once.",
    ),
    Reason(
        code="BODY_ENCODING",
        row="invalid-arg",
        title="The body is not packed as its Content-Encoding says, or in a way that is not read.",
        why="Bodies in gzip and deflate are read, because some of Google's own clients send them so; the body must be one from end to end.",
        fix="Compress the body with gzip and say Content-Encoding: gzip, or send it as it is without that header.",
    ),
    Reason(
        code="FIELD_TOO_LONG",
        row="invalid-arg",
        title="A field is longer than allowed.",
        why="An agentUserId has up to 256 bytes by Google's documentation; here up to 1,024 are accepted.",
        fix="Use a short, opaque id for your user, such as an account number.",
    ),
    Reason(
        code="AGENT_USER_PREFIX_MISSING",
        row="invalid-arg",
        title="The name of the agent user does not begin with agentUsers/.",
        why="DeleteAgentUser takes a name, which is agentUsers/ and the id, in gRPC as in the path of REST. "
        "Every other method takes the id alone.",
        fix="Send agentUsers/USER_ID as agent_user_id.",
    ),
    Reason(
        code="MESSAGE_UNREADABLE",
        row="invalid-arg",
        title="The message of a gRPC call cannot be read.",
        why="Its bytes are not the message that the method takes, or a Struct in it holds a number that JSON does not have: "
        "NaN or infinity.",
        fix="Generate the client from docs/reference/proto or from Google's .proto files, and leave out numbers that are none.",
    ),
)

REPORTS: Final = (
    Reason(
        code="PAYLOAD_REQUIRED",
        row="invalid-arg",
        title="The report has no payload.devices.",
        why="States are below payload.devices.states, notifications below payload.devices.notifications; null counts as missing.",
        fix='Send {"agentUserId": "…", "payload": {"devices": {"states": {"DEVICE_ID": {"on": true}}}}}.',
    ),
    Reason(
        code="STATE_NOT_OBJECT",
        row="invalid-arg",
        title="A device has something else than an object below states or notifications.",
        why="Below states stands one object per device id, and the names of the states are in it.",
        fix='Send {"DEVICE_ID": {"on": true}} for the device that the details name.',
    ),
    Reason(
        code="STATE_NULL",
        row="invalid-arg",
        title="A state is null.",
        why="Google refuses null as a state, and with it the whole report. Often a value was not known yet.",
        fix="Leave out what you do not know; if a trait needs it, leave out the whole trait.",
    ),
    Reason(
        code="STATE_TYPE_WRONG",
        row="invalid-arg",
        title="A state is of another type than its trait says.",
        why='A switch is true or false, not 1 or "on"; a number is no text. Google refuses the whole report for one such value.',
        fix="Send the value that the details name as the type that they name.",
    ),
    Reason(
        code="STATE_WORD_UNKNOWN",
        row="invalid-arg",
        title="A state is a word that its trait does not have.",
        why="Some states take a few words only, in exactly their spelling.",
        fix="Send one of the words that the details list.",
    ),
    Reason(
        code="STATE_OUT_OF_RANGE",
        row="invalid-arg",
        title="A state is a number out of its bounds.",
        why="The trait has bounds for it, and the attributes that the device gave in SYNC may narrow them.",
        fix="Keep to the bounds that the details name, or give other attributes in the SYNC answer and call Request Sync.",
    ),
    Reason(
        code="STATE_EMPTY",
        row="invalid-arg",
        title="A state is an empty object.",
        why="The state is one of several forms, such as a color or a color temperature, and none of them is there.",
        fix="Send one of the members that the details name, or leave the state out.",
    ),
    Reason(
        code="STATE_KEY_UNKNOWN",
        row="invalid-arg",
        title="No trait has a state of this name.",
        why="Names of states are case-sensitive and stand flat beside each other, not below the names of their traits. "
        "Attributes of a device and parameters of commands are no states.",
        fix="Compare the name with the trait's page; report only online and the states of the device's traits.",
    ),
    Reason(
        code="STATE_OF_UNDECLARED_TRAIT",
        row="invalid-arg",
        title="The state belongs to a trait that the device does not have.",
        why="Only states of the traits that the device named in its last SYNC answer can be stored.",
        fix="Add the trait to the device in the SYNC answer and call Request Sync, or leave the state out.",
    ),
    Reason(
        code="STATE_KEY_FOREIGN",
        row="invalid-arg",
        title="The name belongs to the answer of an intent, not to a report.",
        why="Members like status and errorCode stand beside the states when a fulfillment answers QUERY or EXECUTE. "
        "Whoever reports such an answer as it is has them among the states.",
        fix="Send the states alone, without status, errorCode, debugString, ids and command.",
    ),
    Reason(
        code="NOTIFICATION_NOT_SUPPORTED",
        row="invalid-arg",
        title="The device has not announced that it sends notifications.",
        why="Notifications are taken from devices with notificationSupportedByAgent: true in their last SYNC answer.",
        fix="Set notificationSupportedByAgent in the SYNC answer and call Request Sync.",
    ),
)
