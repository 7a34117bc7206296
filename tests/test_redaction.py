"""What a message shows of a value, and what of it a terminal gets."""

import pytest
from conftest import Keys

from requests_nexmo_jwt.redaction import Secret, escaped, quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("alice", "'alice'"),
        (5, "5"),
        ("x" * 59, repr("x" * 59)),
        ("a " * 60, f"'{'a ' * 29}a... (str)"),
        ("-----BEGIN PRIVATE KEY-----", "<str, redacted, may contain a private key>"),
        ("A1b2" * 15, "<str, redacted, may contain a private key>"),
        ({"key": ["A1b2" * 15]}, "<dict, redacted, may contain a private key>"),
        (10**5000, "<int>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_message_shows_a_value_shortly_and_never_what_may_be_a_key(
    value: object, text: str
) -> None:
    assert quoted(value) == text


def test_a_terminal_gets_letters_and_line_ends_and_nothing_that_it_obeys() -> None:
    assert escaped("zoë\n\x1b[2J\x9b\u202e") == "zoë\n\\x1b[2J\\x9b\\u202e"


def test_a_secret_shows_nothing_of_itself_and_is_the_same_bytes(keys: Keys) -> None:
    secret = Secret(keys.pkcs8.decode())
    assert secret.reveal() == keys.pkcs8
    assert {str(secret), repr(secret), f"{secret}", repr([secret])} == {"<secret>", "[<secret>]"}
    assert Secret("\ud800").reveal() == b"\xed\xa0\x80"  # no UnicodeEncodeError to quote it
