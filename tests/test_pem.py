"""The forms of a private key that are accepted, and what is said of the others."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_keys import BROKEN, pem_of
from conftest import APPLICATION_ID, PASSPHRASE, Keys, everything_shown_by, key_text_in
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from requests_nexmo_jwt import EncryptedKeyError, NexmoJWT, NexmoJWTError, PrivateKeyError

GOOD: dict[str, Callable[[Keys], tuple[object, str | None]]] = {
    "PKCS#8 text": lambda k: (k.pkcs8.decode(), None),
    "PKCS#8 bytes": lambda k: (k.pkcs8, None),
    "PKCS#1 text": lambda k: (k.pkcs1.decode(), None),
    "CRLF line ends": lambda k: (k.pkcs8.replace(b"\n", b"\r\n"), None),
    "old Mac line ends": lambda k: (k.pkcs8.replace(b"\n", b"\r"), None),
    r"literal \n": lambda k: (k.pkcs8.decode().replace("\n", r"\n"), None),
    r"literal \r\n": lambda k: (k.pkcs8.decode().replace("\n", r"\r\n"), None),
    r"literal \n, PKCS#1, bytes": lambda k: (k.pkcs1.replace(b"\n", rb"\n"), None),
    "no newline at the end": lambda k: (k.pkcs8.strip(), None),
    "byte order mark": lambda k: (b"\xef\xbb\xbf" + k.pkcs8, None),
    "quotes kept by docker --env-file": lambda k: (b'"' + k.pkcs8 + b'"', None),
    "indented in YAML": lambda k: (k.pkcs8.replace(b"\n", b"\n    "), None),
    "public key in the same file": lambda k: (k.public_pem + k.pkcs8, None),
    "encrypted": lambda k: (k.encrypted, PASSPHRASE),
    "encrypted, passphrase as bytes": lambda k: (k.encrypted, PASSPHRASE.encode()),
    "encrypted PKCS#1": lambda k: (k.encrypted_pkcs1, PASSPHRASE),
    r"encrypted PKCS#1 with literal \n": lambda k: (
        k.encrypted_pkcs1.replace(b"\n", rb"\n"),
        PASSPHRASE,
    ),
    "passphrase that is not needed": lambda k: (k.pkcs8, "unused"),
    "key object": lambda k: (k.object, None),
}


@pytest.mark.parametrize("case", GOOD)
def test_every_form_of_a_key_gives_the_same_auth(case: str, keys: Keys) -> None:
    private_key, passphrase = GOOD[case](keys)
    auth = NexmoJWT(APPLICATION_ID, private_key, passphrase=passphrase)
    assert auth == NexmoJWT(APPLICATION_ID, keys.object)
    assert auth.token().count(".") == 2


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("form", ["file", "bytes", "str"])
def test_a_broken_key_is_refused_with_its_cause_and_without_its_text(
    case: str, form: str, keys: Keys, tmp_path: Path
) -> None:
    make, words = BROKEN[case]
    content = make(keys)
    given: object = content
    if form == "file":
        path = tmp_path / "broken.key"
        path.write_bytes(content)
        given = path
    elif b"-----BEGIN" not in content:
        words = ""  # not taken as PEM at all: test_a_str_that_is_neither_... has these
        given = content.decode("latin1") if form == "str" else content
    elif form == "str":
        given = content.decode()

    with pytest.raises(PrivateKeyError) as caught:
        NexmoJWT(APPLICATION_ID, given)

    message = str(caught.value)
    assert words in message
    assert ("broken.key" in message) == (form == "file")
    assert caught.value.path == (str(given) if form == "file" else None)
    assert isinstance(caught.value, EncryptedKeyError) == case.startswith("encrypted")
    shown = everything_shown_by(caught.value, frames=form == "file")
    assert key_text_in(shown, content) is None
    assert key_text_in(shown, keys.pkcs8) is None
    assert "\n" not in message
    assert caught.value.__context__ is caught.value.__cause__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


@pytest.mark.parametrize("form", ["encrypted", "encrypted_pkcs1"])
@pytest.mark.parametrize("passphrase", ["wrong", "", b"\xff", "x" * 5000])
def test_a_wrong_passphrase_is_told_and_not_shown(
    form: str, passphrase: str | bytes, keys: Keys, tmp_path: Path
) -> None:
    path = tmp_path / "locked.key"
    path.write_bytes(getattr(keys, form))
    with pytest.raises(EncryptedKeyError, match=r"locked\.key.*passphrase") as caught:
        NexmoJWT(APPLICATION_ID, path, passphrase=passphrase)
    assert key_text_in(everything_shown_by(caught.value), getattr(keys, form)) is None
    assert "xxxx" not in str(caught.value)


def test_what_stands_around_the_key_is_overlooked(key_file: Path, keys: Keys) -> None:
    key_file.write_bytes(b"Bag Attributes\n" * 10_000 + keys.pkcs8 + b"\nThe end\n")
    assert NexmoJWT(APPLICATION_ID, key_file) == NexmoJWT(APPLICATION_ID, keys.object)


def test_many_begin_lines_are_refused_at_once() -> None:
    begin = "-----BEGIN PRIVATE KEY-----\n"
    with pytest.raises(PrivateKeyError, match="cut short"):
        NexmoJWT(APPLICATION_ID, begin * 30_000)


def test_an_encrypted_key_of_another_kind_is_told_by_its_kind() -> None:
    lock = BestAvailableEncryption(b"x")
    pem = pem_of(ec.generate_private_key(ec.SECP256R1()), lock=lock)
    with pytest.raises(PrivateKeyError, match="Nexmo takes RSA keys only"):
        NexmoJWT(APPLICATION_ID, pem, passphrase="x")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_key_makes_an_error_that_shows_it(data: st.DataObject, keys: Keys) -> None:
    pem = bytearray(data.draw(st.sampled_from([keys.pkcs8, keys.pkcs1, keys.encrypted_pkcs1])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(pem) - 1))
        length = data.draw(st.integers(0, 80))
        pem[at : at + length] = data.draw(st.binary(max_size=8) | st.sampled_from([b"\n", b"\n\n"]))
        if not pem:
            return
    for private_key in (bytes(pem), pem.decode("latin1")):
        shown = ""
        try:
            NexmoJWT(APPLICATION_ID, private_key)
        except NexmoJWTError as error:
            shown = everything_shown_by(error)
        assert key_text_in(shown, bytes(pem)) is None
