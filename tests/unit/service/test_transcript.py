"""What is kept of an exchange: nothing secret."""

import pytest
from msgspec.structs import replace

from homegraph.errors import ReplyErrorPayload
from homegraph.graph.model import Exchange, Finding
from homegraph.service.transcript import Transcript, shown_query

ACCESS, NEW_ACCESS, SECRET = "at-0123456789", "at-9876543210", "s/e+c=ret"


def exchange(**parts):
    """An exchange with a fulfillment, but for ``parts``."""
    usual = {
        "intent": "SYNC",
        "user_id": "ann",
        "url": "http://cloud/smarthome?code=hidden",
        "started_at": 0.0,
        "took": 0.1,
        "request_headers": {"authorization": f"Bearer {ACCESS}", "x-copy": ACCESS},
        "request_body": b"",
        "status": 200,
        "response_headers": {"set-cookie": "session=1", "x-echo": ACCESS},
        "response_body": b"",
    }
    return Exchange(**{**usual, **parts})


def masked(*exchanges, limit=1000, hide=(ACCESS,)):
    """What is left of the exchanges."""
    transcript = Transcript()
    for one in exchanges:
        transcript.record(one)
    transcript.hide(*hide)
    return transcript.exchanges(limit)


def test_tokens_are_masked_wherever_they_stand():
    """In the bearer, in other headers, in both bodies; cookies and the URL's query go as well."""
    (kept,) = masked(exchange(request_body=ACCESS.encode(), response_body=b"<" + ACCESS.encode()))

    assert ACCESS not in repr(kept)
    assert kept.request_headers["authorization"] == "Bearer ***"
    assert kept.response_headers == {"set-cookie": "***", "x-echo": "***"}
    assert kept.response_body == b"<***"
    assert kept.url == "http://cloud/smarthome?***"


def test_a_secret_that_is_learnt_later_is_masked_in_what_came_before():
    """The reply that brought a new token is masked by what is known after reading it."""
    reply = b'{"access_token":"%b"}' % NEW_ACCESS.encode()

    (kept,) = masked(exchange(response_body=reply), hide=(ACCESS, NEW_ACCESS))

    assert kept.response_body == b'{"access_token":"***"}'


def test_a_secret_in_a_form_is_masked_in_its_escaped_shape():
    """A form carries the secret percent-encoded."""
    (kept,) = masked(exchange(request_body=b"client_secret=s%2Fe%2Bc%3Dret"), hide=(SECRET,))

    assert kept.request_body == b"client_secret=***"


@pytest.mark.parametrize(
    "repeated",
    [
        r"a+b/SECRET\"\\<d",
        r"a+b\/SECRET\"\\<d",
        r"a+b/SECRET\"\\\u003cd",
        r"a\u002Bb/SECRET\u0022\\\u003Cd",
        "a%2Bb%2FSECRET%22%5C%3Cd",
        "a%2bb%2fSECRET%22%5c%3cd",
    ],
    ids=["json", "json-of-php", "json-of-go", "json-of-.net", "form", "form-in-lower-case"],
)
def test_a_secret_with_special_characters_is_masked_however_it_is_written(repeated):
    """Whoever repeats a token writes it as his language writes JSON or forms."""
    (kept,) = masked(
        exchange(response_body=f'{{"you sent":"{repeated}"}}'.encode()), hide=('a+b/SECRET"\\<d',)
    )

    assert kept.response_body == b'{"you sent":"***"}'


def test_credentials_of_a_header_are_masked_wherever_they_are_repeated():
    """A server that shows what it got shows a secret in base64."""
    transcript = Transcript()
    headers = (("accept", "application/json"), ("authorization", "Basic Y2xpZW50OnNlY3JldA=="))
    transcript.hide_credentials(headers)

    assert transcript.masked('{"got":"Basic Y2xpZW50OnNlY3JldA=="}') == '{"got":"Basic ***"}'
    assert transcript.masked("application/json") == "application/json"


def test_masking_comes_before_cutting():
    """No half of a secret is left at the edge."""
    (kept,) = masked(exchange(response_body=b"12345" + ACCESS.encode()), limit=8)

    assert kept.response_body == b"12345***"


def test_short_words_are_not_taken_for_secrets():
    """An empty secret masks nothing."""
    (kept,) = masked(exchange(response_body=b"on"), hide=("", "on"))

    assert kept.response_body == b"on"


def test_a_member_is_masked_however_short_it_is():
    """A PIN of two digits is a secret, too; the same digits elsewhere are none."""
    transcript = Transcript()
    transcript.record(exchange(request_body=b'{"challenge":{"pin":"12"},"x":"12"}'))
    transcript.hide("12")
    transcript.hide_member("pin", "12")
    (kept,) = transcript.exchanges(1000)

    assert kept.request_body == b'{"challenge":{"pin":"***"},"x":"12"}'


def test_a_masked_body_is_not_taken_for_one_that_was_cut():
    """Its size is that of what is shown; of one that was cut, that of the whole."""
    body = b'{"access_token":"at-0123456789"}'
    transcript = Transcript()
    transcript.record(exchange(response_body=body, response_size=len(body)))
    transcript.hide(ACCESS)
    (whole,), (cut,) = transcript.exchanges(1000), transcript.exchanges(10)

    assert whole.response_size == len(whole.response_body) == len(body) - len(ACCESS) + len("***")
    assert (len(cut.response_body), cut.response_size) == (10, whole.response_size)


def test_of_a_query_only_what_is_harmless_is_shown():
    """Of the others it can be seen that they were there; what is empty hides nothing."""
    query = "state=s&code=4%2F0A&error=access_denied&error_description=No%20%26&code=&x=%ff"

    assert shown_query(query, {"error", "error_description"}) == (
        "state=***&code=***&error=access_denied&error_description=No %26&code=&x=***"
    )


def test_what_is_read_from_an_answer_is_masked_like_the_answer():
    """Texts wherever they stand, findings and errors that quote them; names and numbers stay, so that it is the same value yet."""
    transcript = Transcript()
    transcript.hide(ACCESS, "1234")
    finding = Finding("r", "advice", f"debugString is {ACCESS}.", "why", "fix", device_id="1234")
    error = transcript.masked_error(ReplyErrorPayload(f"It says {ACCESS}."))

    assert transcript.masked_value({"1234": [ACCESS, 1234, None, (f"<{ACCESS}>",)]}) == {
        "1234": ["***", 1234, None, ["<***>"]]
    }
    assert transcript.masked_findings([finding]) == (replace(finding, what="debugString is ***."),)
    assert (error.message, str(error)) == ("It says ***.", "It says ***.")
