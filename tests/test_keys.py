import base64
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_keys import BROKEN, pem_of
from conftest import APPLICATION_ID, PASSPHRASE, Keys, everything_shown_by, key_text_in
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from requests_nexmo_jwt import EncryptedKeyError, NexmoJWT, NexmoJWTError, PrivateKeyError


class HSMKey(rsa.RSAPrivateKey):
    """A key that signs and never leaves: what an HSM or a KMS gives to cryptography's users."""

    def __init__(self, inside: rsa.RSAPrivateKey) -> None:
        self._inside = inside
        self.signatures = 0

    @property
    def key_size(self) -> int:
        return self._inside.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._inside.public_key()

    def sign(self, *args: object) -> bytes:
        self.signatures += 1
        return self._inside.sign(*args)

    def _never(self, *args: object, **kwargs: object) -> None:
        raise AssertionError("the key does not leave the HSM")

    decrypt = private_numbers = private_bytes = signer = _never
    __copy__ = __deepcopy__ = _never


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
    "key in an HSM": lambda k: (HSMKey(k.object), None),
}


@pytest.mark.parametrize("case", GOOD)
def test_every_form_of_a_key_gives_the_same_auth(case: str, keys: Keys) -> None:
    private_key, passphrase = GOOD[case](keys)
    auth = NexmoJWT(APPLICATION_ID, private_key, passphrase=passphrase)
    assert auth == NexmoJWT(APPLICATION_ID, keys.object)
    assert auth.token().count(".") == 2


@pytest.mark.parametrize("name", ["private.key", "private", "my key.pem", "ключ.key", "a?b#c%20"])
def test_a_path_is_a_str_or_a_path_with_or_without_suffix(
    name: str, keys: Keys, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(keys.pkcs8)
    expected = NexmoJWT(APPLICATION_ID, keys.object)
    assert NexmoJWT(APPLICATION_ID, path) == expected
    assert NexmoJWT(APPLICATION_ID, str(path)) == expected


def test_a_path_may_be_relative_or_begin_with_a_tilde(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key_file.parent)
    monkeypatch.setenv("HOME", str(key_file.parent))
    for path in ("private.key", "./private.key", "~/private.key", Path("~/private.key")):
        assert NexmoJWT(APPLICATION_ID, path) == NexmoJWT(APPLICATION_ID, key_file)


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


MISSING = {
    "no such file": ("nowhere.key", "does not exist"),
    "no such folder": ("no/such/private.key", "does not exist"),
    "a folder": (".", "is a folder"),
    "a file as a folder": ("private.key/x", "cannot be read"),
    "a name too long": ("x." * 200, "cannot be read"),
    "an endless file": ("/dev/zero", "larger than 1 MiB"),
    "empty": ("", "is empty"),
    "blank": ("  ", "is empty"),
}


@pytest.mark.parametrize("case", MISSING)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_that_leads_to_no_key_says_where_it_looked(
    case: str, kind: type, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key_file.parent)
    given, words = MISSING[case]
    if kind is Path and not given:
        return  # Path("") is the folder "."
    with pytest.raises(PrivateKeyError, match=words) as caught:
        NexmoJWT(APPLICATION_ID, kind(given))
    assert caught.value.__context__ is caught.value.__cause__ is None
    if given.strip():
        assert os.path.abspath(given) in str(caught.value)


def test_a_key_file_that_may_not_be_read_says_so(key_file: Path) -> None:
    key_file.chmod(0)
    script = (
        "import os, sys\n"
        "from requests_nexmo_jwt import *\n"
        "os.getuid() or os.setuid(65534)  # root may read anything\n"
        "try: NexmoJWT('id', sys.argv[1])\n"
        "except PrivateKeyError as e: print(e)"
    )
    for folder in (key_file.parent, *key_file.parent.parents):
        if folder.stat().st_uid == os.getuid() and "pytest" in str(folder):
            folder.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-c", script, key_file], capture_output=True, text=True, check=False
    )
    assert "cannot be read: Permission denied" in result.stdout, result


NEITHER = {
    "base64 without BEGIN line": lambda k: "".join(k.pkcs8.decode().splitlines()[1:-1]),
    "the lines of it": lambda k: "\n".join(k.pkcs8.decode().splitlines()[1:-1]),
    "one line of it": lambda k: k.pkcs8.decode().splitlines()[5],
    "base64 of the PEM": lambda k: base64.b64encode(k.pkcs8).decode(),
    "a NUL": lambda k: "private\0key",
    "a NUL behind a tilde": lambda k: "~x\0y",
}


@pytest.mark.parametrize("case", NEITHER)
def test_a_str_that_is_neither_pem_nor_a_file_says_what_was_tried_and_hides_what_may_be_a_key(
    case: str, keys: Keys
) -> None:
    text = NEITHER[case](keys)
    with pytest.raises(PrivateKeyError, match=r"taken as a path.*'-----BEGIN'") as caught:
        NexmoJWT(APPLICATION_ID, text)
    shown = everything_shown_by(caught.value)
    assert text not in shown
    assert key_text_in(shown, keys.pkcs8) is None


@pytest.mark.parametrize("place", ["text", "path", "passphrase"])
def test_a_character_that_cannot_be_encoded_is_refused_and_shows_nothing(
    place: str, keys: Keys
) -> None:
    """The UnicodeEncodeError of a str carries the whole str."""
    private_key = {
        "text": keys.pkcs8.decode().replace("MII", "MII\ud800", 1),
        "path": "\ud800.key",
        "passphrase": keys.encrypted,
    }[place]
    passphrase = "\ud800 mellon"
    with pytest.raises(PrivateKeyError) as caught:
        NexmoJWT(APPLICATION_ID, private_key, passphrase=passphrase)
    shown = everything_shown_by(caught.value)
    assert key_text_in(shown, keys.pkcs8) is None
    assert "mellon" not in shown
    assert caught.value.__context__ is None


def test_a_long_name_in_a_folder_that_exists_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "customers" / "acme" / "integration" / "secrets" / "production" / "messages"
    folder.mkdir(parents=True)
    with pytest.raises(PrivateKeyError, match="does not exist") as caught:
        NexmoJWT(APPLICATION_ID, folder / "private")
    assert str(folder / "private") in str(caught.value)


def test_what_stands_around_the_key_is_overlooked(key_file: Path, keys: Keys) -> None:
    key_file.write_bytes(b"Bag Attributes\n" * 10_000 + keys.pkcs8 + b"\nThe end\n")
    assert NexmoJWT(APPLICATION_ID, key_file) == NexmoJWT(APPLICATION_ID, keys.object)


def test_many_begin_lines_are_refused_at_once() -> None:
    begin = "-----BEGIN PRIVATE KEY-----\n"
    with pytest.raises(PrivateKeyError, match="cut short"):
        NexmoJWT(APPLICATION_ID, begin * 30_000)


def test_a_working_directory_that_is_gone_is_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "gone").rmdir()
    with pytest.raises(PrivateKeyError, match="does not exist"):
        NexmoJWT(APPLICATION_ID, "private.key")
    with pytest.raises(NexmoJWTError, match="No credentials were found"):
        NexmoJWT()


def test_a_path_made_of_pem_text_is_refused_and_not_shown(keys: Keys) -> None:
    with pytest.raises(PrivateKeyError, match="Give the text as a str") as caught:
        NexmoJWT(APPLICATION_ID, Path(keys.pkcs8.decode()))
    assert key_text_in(everything_shown_by(caught.value), keys.pkcs8) is None


@pytest.mark.parametrize(
    ("private_key", "words"),
    [
        (5, "of type int"),
        (["private.key"], "of type list"),
        (object(), "of type object"),
        (b"private.key", "Bytes are taken as PEM"),
        (bytearray(b"x"), "of type bytearray"),
        (ec.generate_private_key(ec.SECP256R1()), "private key of another kind (E"),
        (rsa.generate_private_key(65537, 2048).public_key(), "public key of another kind (RSA"),
        (rsa.generate_private_key(65537, 1024), "1024 bits"),
        (rsa.generate_private_key(65537, 2047), "2047 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_something_that_is_no_private_key_at_all_is_refused(
    private_key: object, words: str
) -> None:
    with pytest.raises(PrivateKeyError) as caught:
        NexmoJWT(APPLICATION_ID, private_key)
    assert words in str(caught.value)


def test_an_encrypted_key_of_another_kind_is_told_by_its_kind() -> None:
    lock = BestAvailableEncryption(b"x")
    pem = pem_of(ec.generate_private_key(ec.SECP256R1()), lock=lock)
    with pytest.raises(PrivateKeyError, match="Nexmo takes RSA keys only"):
        NexmoJWT(APPLICATION_ID, pem, passphrase="x")


@pytest.mark.parametrize("passphrase", [5, ["x"], object()])
def test_a_passphrase_of_another_type_is_refused(passphrase: object, keys: Keys) -> None:
    with pytest.raises(PrivateKeyError, match="passphrase is of type"):
        NexmoJWT(APPLICATION_ID, keys.encrypted, passphrase=passphrase)


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


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_the_fingerprint_is_the_one_that_openssl_tells(key_file: Path) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-in", key_file, "-pubout", "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=der, capture_output=True, check=True
    ).stdout
    assert f"SHA256:{digest.decode().split()[0]}" in repr(NexmoJWT(APPLICATION_ID, key_file))


def test_a_key_in_an_hsm_signs_without_leaving_it(keys: Keys) -> None:
    key = HSMKey(keys.object)
    auth = NexmoJWT(APPLICATION_ID, key)
    assert key.signatures == 0
    auth.token()
    assert key.signatures == 1
