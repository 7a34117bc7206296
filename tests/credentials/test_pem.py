"""The forms of a private key that are accepted, and what is said of the others."""

import base64
import math
import pickle
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_keys import BROKEN, pem_of
from conftest import APPLICATION_ID, PASSPHRASE, Keys, everything_shown_by, key_text_in
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from requests_nexmo_jwt import EncryptedKeyError, NexmoJWT, NexmoJWTError, PrivateKeyError

GOOD: dict[str, Callable[[Keys], tuple[object, str | None]]] = {
    "PKCS#8 text": lambda k: (k.pkcs8.decode(), None),
    "PKCS#8 bytes": lambda k: (k.pkcs8, None),
    "CRLF line ends": lambda k: (k.pkcs8.replace(b"\n", b"\r\n"), None),
    "old Mac line ends": lambda k: (k.pkcs8.replace(b"\n", b"\r"), None),
    r"literal \n": lambda k: (k.pkcs8.decode().replace("\n", r"\n"), None),
    r"literal \n, PKCS#1, bytes": lambda k: (k.pkcs1.replace(b"\n", rb"\n"), None),
    "newlines turned to two spaces, PKCS#1": lambda k: (k.pkcs1.replace(b"\n", b"  "), None),
    "newlines lost, encrypted": lambda k: (k.encrypted.replace(b"\n", b""), PASSPHRASE),
    "base64 of the PEM in lines, bytes": lambda k: (base64.encodebytes(k.pkcs8), None),
    "base64 of the encrypted PEM": lambda k: (base64.b64encode(k.encrypted), PASSPHRASE),
    "base64 in quotes": lambda k: (b"'" + base64.b64encode(k.pkcs8) + b"'", None),
    "base64 of a byte order mark and the PEM": lambda k: (
        base64.b64encode(b"\xef\xbb\xbf" + k.pkcs8),
        None,
    ),
    "byte order mark": lambda k: (b"\xef\xbb\xbf" + k.pkcs8, None),
    "quotes kept by docker --env-file": lambda k: (b'"' + k.pkcs8 + b'"', None),
    "indented in YAML": lambda k: (k.pkcs8.replace(b"\n", b"\n    "), None),
    "public key in the same file": lambda k: (k.public_pem + k.pkcs8, None),
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
@pytest.mark.parametrize("passphrase", ["wrong", b"\xff", "x" * 5000])
def test_a_wrong_passphrase_is_reported_and_not_shown(
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


def test_an_encrypted_key_of_another_kind_is_named_by_its_kind() -> None:
    lock = BestAvailableEncryption(b"x")
    pem = pem_of(ec.generate_private_key(ec.SECP256R1()), lock=lock)
    with pytest.raises(PrivateKeyError, match="and not an RSA key"):
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


def pkcs1(numbers: rsa.RSAPrivateNumbers, **changed: int) -> bytes:
    """Write the numbers of a key, some of them changed, as a PEM (RFC 8017, appendix A.1.2)."""
    public = numbers.public_numbers
    said = {"n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
    said |= {"dmp1": numbers.dmp1, "dmq1": numbers.dmq1, "iqmp": numbers.iqmp} | changed
    der = b"".join(
        _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
        for number in [0, *said.values()]
    )
    body = base64.encodebytes(_der(0x30, der))
    return b"-----BEGIN RSA PRIVATE KEY-----\n" + body + b"-----END RSA PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = length.to_bytes((length.bit_length() + 7) // 8 or 1, "big")
    head = bytes([length]) if length < 128 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + content


def consistent(p: int, q: int, e: int = 65537) -> dict[str, int]:
    """Return numbers in which all belong together, were p and q prime."""
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    numbers = {"n": p * q, "e": e, "d": d, "p": p, "q": q, "dmp1": d % (p - 1)}
    return numbers | {"dmq1": d % (q - 1), "iqmp": pow(q, -1, p)}


def composite(like: int) -> int:
    """Return an odd number of about the size of ``like`` that is not prime and fits e = 65537."""
    half = 1 << (like.bit_length() // 2)
    while True:
        candidate = (half + secrets.randbits(100) | 1) * (like // half | 1)
        if math.gcd(65537, candidate - 1) == 1:
            return candidate


NUMBERS = ("n", "e", "d", "p", "q", "dmp1", "dmq1", "iqmp")


def said(numbers: rsa.RSAPrivateNumbers, name: str) -> int:
    return getattr(numbers.public_numbers if name in ("n", "e") else numbers, name)


# What is wrong with the numbers of a key, made from those of a good one and of another good one.
UNSOUND: dict[str, Callable[..., dict[str, int]]] = {
    **{f"{name} changed": lambda a, b, name=name: {name: said(a, name) + 2} for name in NUMBERS},
    **{
        f"{name} of another key": lambda a, b, name=name: {name: said(b, name)}
        for name in NUMBERS
        if name != "e"
    },
    "p is composite, and all else fits": lambda a, b: consistent(composite(a.p), a.q),
    "q is composite, and all else fits": lambda a, b: consistent(a.p, composite(a.q)),
    "e and d are 1": lambda a, b: {"e": 1, "d": 1, "dmp1": 1, "dmq1": 1},
    "e is even": lambda a, b: {"e": 65536},
    "p is 1": lambda a, b: {"p": 1, "q": a.public_numbers.n, "dmp1": 0, "iqmp": 0},
    "p is 0": lambda a, b: {"p": 0},
    "p is q": lambda a, b: {"q": a.p, "n": a.p * a.p, "dmq1": a.dmp1},
    "iqmp is 0": lambda a, b: {"iqmp": 0},
    "iqmp is too large": lambda a, b: {"iqmp": a.iqmp + a.p},
    "d is 0": lambda a, b: {"d": 0},
}


@pytest.fixture(scope="module")
def other_keys() -> Keys:
    return Keys()


@pytest.mark.parametrize("case", UNSOUND)
def test_a_key_whose_numbers_do_not_belong_together_is_damaged(
    case: str, keys: Keys, other_keys: Keys
) -> None:
    numbers, other = keys.object.private_numbers(), other_keys.object.private_numbers()
    assert NexmoJWT(APPLICATION_ID, pkcs1(numbers)) == NexmoJWT(APPLICATION_ID, keys.object)
    with pytest.raises(PrivateKeyError, match="is damaged"):
        NexmoJWT(APPLICATION_ID, pkcs1(numbers, **UNSOUND[case](numbers, other)))


@settings(max_examples=150)
@given(data=st.data())
def test_no_byte_of_a_key_can_be_changed_without_notice(data: st.DataObject, keys: Keys) -> None:
    """Whatever passes here, OpenSSL's own proof passes too."""
    der = bytearray(base64.b64decode(b"".join(keys.pkcs8.splitlines()[1:-1])))
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] ^= data.draw(st.integers(1, 255))
    body = base64.encodebytes(bytes(der))
    pem = b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"
    try:
        NexmoJWT(APPLICATION_ID, pem)
    except NexmoJWTError:
        return
    load_pem_private_key(pem, None)
