"""Which key of a service account has signed: named, tried, revoked, or none of them."""

import pytest

from homegraph.errors import TokenRequestRefused
from homegraph.graph.model import ServiceKey
from homegraph.graph.signing import find_signer
from homegraph.wire.assertions import read_unverified
from support.signing import claims, key, public_pem, signed

EMAIL = "sync@acme.iam.gserviceaccount.com"


def a_key(number, **members):
    """The key with this number: k1, k2 and so on."""
    return ServiceKey(
        **{
            "id": f"k{number}",
            "project_id": "acme",
            "email": EMAIL,
            "public_pem": public_pem(key(number)),
            "created_at": 0.0,
            **members,
        }
    )


def signer(keys, *, by=1, kid=None):
    """The id of the signer of a token that key ``by`` has signed and that names ``kid``; or the code of the refusal."""
    token = signed(claims(), by=key(by), header={"kid": kid} if kid else None)
    try:
        return find_signer(token, read_unverified(token), keys).id
    except TokenRequestRefused as exc:
        return exc.code


@pytest.mark.parametrize(("by", "kid"), [(1, "k1"), (2, "k2"), (1, None), (2, None)])
def test_each_key_of_an_account_signs(by, kid):
    """Named by the token, or found by trying."""
    assert signer([a_key(1), a_key(2)], by=by, kid=kid) == f"k{by}"


@pytest.mark.parametrize(("by", "kid"), [(3, None), (3, "k1"), (2, "k1"), (1, "k9")])
def test_a_signature_that_no_such_key_made_is_refused(by, kid):
    """A stranger's key, another key than the one that is named, or a key that is not there."""
    assert signer([a_key(1), a_key(2)], by=by, kid=kid) == "ASSERTION_SIGNATURE"


def test_a_revoked_key_signs_nothing():
    """Other keys of the account go on."""
    keys = [a_key(1, revoked_at=1.0), a_key(2)]

    assert signer(keys, by=1, kid="k1") == "ASSERTION_SIGNATURE"
    assert signer(keys, by=1) == "ASSERTION_SIGNATURE"
    assert signer(keys, by=2) == "k2"


def test_an_account_without_a_valid_key_is_not_there():
    """Whether it never was or has lost its last key."""
    assert signer([]) == "SERVICE_ACCOUNT_UNKNOWN"
    assert signer([a_key(1, revoked_at=1.0)]) == "SERVICE_ACCOUNT_UNKNOWN"


def test_the_key_decides_the_project():
    """Two projects may know an account of the same name; the key that signed tells which one is meant."""
    keys = [a_key(1, project_id="one"), a_key(2, project_id="two")]
    token = signed(claims(), by=key(2))

    assert find_signer(token, read_unverified(token), keys).project_id == "two"
