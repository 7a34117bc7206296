"""A private key: where it comes from, and a file that changes under a running service."""

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
import requests
from broken_keys import BROKEN
from conftest import (
    APPLICATION_ID,
    PASSPHRASE,
    Keys,
    everything_shown_by,
    key_text_in,
)
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from requests_nexmo_jwt import EncryptedKeyError, NexmoJWT, NexmoJWTError, PrivateKeyError
from requests_nexmo_jwt.credentials.key import KeyPath, KeyText, Loaded, loading
from requests_nexmo_jwt.redaction import Secret
from requests_nexmo_jwt.sandbox import Sandbox


@pytest.fixture(scope="module")
def new_keys() -> Keys:
    return Keys()


def replace(path: Path, content: bytes) -> None:
    """Put a new file in the place of the old one, as a mounted secret is rotated."""
    new = path.with_name("new")
    new.write_bytes(content)
    os.replace(new, path)


def signed_by(auth: NexmoJWT, keys: Keys) -> bool:
    try:
        jwt.decode(auth.token(), keys.public, algorithms=["RS256"])
    except jwt.InvalidSignatureError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited for 30 s in vain"
        time.sleep(0.005)


def relink(path: Path, content: bytes) -> None:
    target = path.with_name(f"version-{time.monotonic_ns()}")
    target.write_bytes(content)
    link = path.with_name("link")
    link.symlink_to(target)
    os.replace(link, path)


WAYS = {"replaced": replace, "written over": Path.write_bytes, "a link set anew": relink}


@pytest.mark.parametrize("way", WAYS)
def test_a_new_key_in_the_file_signs_from_then_on(
    way: str, keys: Keys, new_keys: Keys, key_file: Path, warnings: Callable
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    old_repr = repr(auth)
    assert signed_by(auth, keys)
    WAYS[way](key_file, new_keys.pkcs1)
    assert auth.fingerprint == NexmoJWT(APPLICATION_ID, new_keys.object).fingerprint
    assert signed_by(auth, new_keys)
    assert auth.fingerprint == NexmoJWT(APPLICATION_ID, new_keys.object).fingerprint
    assert auth == NexmoJWT(APPLICATION_ID, new_keys.object)
    assert repr(auth) != old_repr
    WAYS[way](key_file, keys.pkcs8)
    assert signed_by(auth, keys)
    assert warnings() == []


# test_pem.py has the sentences of all broken keys.
UNUSABLE = {
    "missing": "does not exist",
    "a folder": "no longer a regular file",
    "a link to itself": "cannot be read",
    **{
        case: BROKEN[case][1]
        for case in ("empty", "flipped characters", "encrypted, no passphrase")
    },
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_broken_new_file_is_reported_once_and_the_old_key_keeps_signing(
    case: str, keys: Keys, new_keys: Keys, key_file: Path, warnings: Callable
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    key_file.unlink()
    broken = BROKEN[case][0](new_keys) if case in BROKEN else b""
    if case in BROKEN:
        key_file.write_bytes(broken)
    elif case == "a folder":
        key_file.mkdir()
    elif case == "a link to itself":  # cannot be opened, root or not
        key_file.symlink_to(key_file)
    for _ in range(3):
        assert signed_by(auth, keys)
    (warning,) = warnings()
    assert str(key_file) in warning
    assert UNUSABLE[case] in warning
    assert "Still signing with the previously loaded key: SHA256:" in warning
    assert key_text_in(warning, broken) is None

    if case == "a folder":
        key_file.rmdir()
    replace(key_file, new_keys.pkcs8)
    assert signed_by(auth, new_keys)
    assert len(warnings()) == 1


def test_a_new_encrypted_key_is_opened_with_the_same_passphrase(
    keys: Keys, new_keys: Keys, key_file: Path
) -> None:
    key_file.write_bytes(keys.encrypted)
    auth = NexmoJWT(APPLICATION_ID, key_file, passphrase=PASSPHRASE)
    replace(key_file, new_keys.encrypted)
    assert signed_by(auth, new_keys)


def test_a_new_key_is_taken_that_has_the_old_one_s_time_size_and_inode(
    keys: Keys, new_keys: Keys, key_file: Path
) -> None:
    size = max(len(keys.pkcs8), len(new_keys.pkcs8))
    key_file.write_bytes(keys.pkcs8.ljust(size, b"\n"))
    before = key_file.stat()
    auth = NexmoJWT(APPLICATION_ID, key_file)
    while key_file.stat().st_ctime_ns == before.st_ctime_ns:  # a clock that ticks every 4 ms
        key_file.write_bytes(new_keys.pkcs8.ljust(size, b"\n"))
        os.utime(key_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = key_file.stat()
    for name in ("st_mtime_ns", "st_size", "st_ino"):
        assert getattr(after, name) == getattr(before, name)
    assert signed_by(auth, new_keys)


def test_other_threads_sign_with_the_old_key_while_one_thread_reloads(
    keys: Keys, new_keys: Keys, key_file: Path
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    replace(key_file, new_keys.pkcs8)
    with ThreadPoolExecutor(1) as pool:
        with loading:
            assert pool.submit(signed_by, auth, keys).result(20)
        assert pool.submit(signed_by, auth, new_keys).result(20)


def test_a_pipe_is_read_once(keys: Keys, tmp_path: Path) -> None:
    """A shell's ``<(...)`` holds the key for one reader."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(keys.pkcs8,))
    writer.start()
    auth = NexmoJWT(APPLICATION_ID, pipe)
    writer.join()
    assert signed_by(auth, keys)
    assert signed_by(auth, keys)


def test_rotation_under_load_fails_no_request(
    keys: Keys, new_keys: Keys, nexmo: Sandbox, key_file: Path, warnings: Callable
) -> None:
    nexmo.accept_key(keys.public)
    nexmo.accept_key(new_keys.public)
    auth = NexmoJWT(nexmo.application_id, key_file)
    done = threading.Event()
    broken = {3: keys.pkcs8[:500], 8: b""}
    told = 0

    def call() -> tuple[int, int]:
        good = bad = 0
        with requests.Session() as session:
            while not done.is_set():
                ok = session.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=30).ok
                good, bad = good + ok, bad + (not ok)
        return good, bad

    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(call) for _ in range(8)]
        try:
            for turn in range(12):
                if turn in broken:
                    replace(key_file, broken[turn])
                    told += 1
                    wait_until(lambda: len(warnings()) == told)  # noqa: B023 - called at once
                else:
                    now = (new_keys, keys)[turn % 2]
                    replace(key_file, now.pkcs8)
                    wait_until(lambda: signed_by(auth, now))  # noqa: B023 - called at once
                seen = len(nexmo.requests)
                wait_until(lambda: len(nexmo.requests) >= seen + 16)  # noqa: B023 - called at once
        finally:
            done.set()
        counts = [caller.result() for caller in callers]
    assert sum(bad for _, bad in counts) == 0
    assert min(good for good, _ in counts) > 0
    assert len(warnings()) == 2
    assert signed_by(auth, keys)


def test_each_version_is_read_by_one_thread_while_the_others_sign_on(
    keys: Keys, new_keys: Keys, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    start = threading.Barrier(8)
    replace(key_file, new_keys.pkcs8)

    def sign() -> list[str]:
        start.wait()
        return [auth.token() for _ in range(100)]

    with caplog.at_level(logging.INFO, "requests_nexmo_jwt"), ThreadPoolExecutor(8) as pool:
        signers = [pool.submit(sign) for _ in range(8)]
        tokens = [token for signer in signers for token in signer.result()]
    assert len(set(tokens)) == 800
    taken = [record for record in caplog.records if "now signing with" in record.getMessage()]
    assert len(taken) == 1
    assert signed_by(auth, new_keys)


class HSMKey(rsa.RSAPrivateKey):
    """A key that signs and never leaves: what an HSM or a KMS gives to cryptography's users."""

    key_size = 2048

    def __init__(self, inside: rsa.RSAPrivateKey) -> None:
        self._inside = inside
        self.signatures = 0

    def public_key(self) -> rsa.RSAPublicKey:
        return self._inside.public_key()

    def sign(self, *args: object) -> bytes:
        self.signatures += 1
        return self._inside.sign(*args)

    def _never(self, *args: object, **kwargs: object) -> None:
        raise AssertionError("the key does not leave the HSM")

    decrypt = private_numbers = private_bytes = signer = _never
    __copy__ = __deepcopy__ = _never


@pytest.mark.parametrize(
    "name", ["private", "my key.pem", "ключ.key", "a?b#c%20", "./private", "~/private"]
)
def test_a_path_is_a_str_or_a_path_relative_or_absolute(
    name: str, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    absolute = tmp_path / Path(name).name
    absolute.write_bytes(keys.pkcs8)
    expected = NexmoJWT(APPLICATION_ID, keys.object)
    for path in (name, Path(name), absolute):
        assert NexmoJWT(APPLICATION_ID, path) == expected


MISSING = {
    "no such file": ("nowhere.key", "does not exist"),
    "a folder": (".", "is a folder"),
    "a file as a folder": ("private.key/x", "cannot be read"),
    "a name too long": ("x." * 200, "cannot be read"),
    "an endless file": ("/dev/zero", "larger than 1 MiB"),
    "empty": ("", "is empty"),
    "blank": ("  ", "is empty"),
}


@pytest.mark.parametrize("case", MISSING)
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_without_a_key_is_reported_with_its_absolute_form(
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
    "one line of it": lambda k: k.pkcs8.decode().splitlines()[5],
    "a line of it with a slash at its end": lambda k: "A1b2" * 15 + "A1b/",
    "a line of it with slashes": lambda k: "A1b2" * 8 + "/" + "A1b2" * 7 + "/A1",
    "a NUL": lambda k: "private\0key",
}


@pytest.mark.parametrize("case", NEITHER)
def test_a_str_that_is_neither_pem_nor_a_file_says_what_was_tried_and_hides_what_may_be_a_key(
    case: str, keys: Keys
) -> None:
    text = NEITHER[case](keys)
    with pytest.raises(PrivateKeyError, match=r"treated as a path.*'-----BEGIN'") as caught:
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
        (b"private.key", "Bytes are treated as PEM"),
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


def test_a_passphrase_of_another_type_is_refused(keys: Keys) -> None:
    with pytest.raises(PrivateKeyError, match="passphrase is of type int"):
        NexmoJWT(APPLICATION_ID, keys.encrypted, passphrase=5)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_the_fingerprint_is_the_one_that_openssl_prints(key_file: Path) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-in", key_file, "-pubout", "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r"], input=der, capture_output=True, check=True
    ).stdout
    assert f"SHA256:{digest.decode().split()[0]}" in repr(NexmoJWT(APPLICATION_ID, key_file))


def loaded(path: Path, passphrase: str | None = None) -> Loaded:
    secret = Secret(passphrase) if passphrase else None
    return KeyPath(str(path), "private_key").load(secret).current()


def test_each_version_of_a_file_is_parsed_once(keys: Keys, new_keys: Keys, key_file: Path) -> None:
    first = loaded(key_file)
    assert loaded(key_file) is first
    replace(key_file, new_keys.pkcs8)
    assert loaded(key_file).fingerprint == NexmoJWT(APPLICATION_ID, new_keys.object).fingerprint
    replace(key_file, keys.pkcs8)
    assert loaded(key_file).fingerprint == first.fingerprint


def test_a_text_is_parsed_once(keys: Keys, new_keys: Keys) -> None:
    def of(pem: bytes) -> Loaded:
        return KeyText(Secret(pem), "private_key").load(None).current()

    assert of(keys.pkcs8) is of(keys.pkcs8)
    assert of(keys.pkcs8).fingerprint == of(keys.pkcs1).fingerprint
    assert of(keys.pkcs8).fingerprint != of(new_keys.pkcs8).fingerprint


def test_a_wrong_passphrase_does_not_open_what_the_right_one_has_opened(
    keys: Keys, key_file: Path
) -> None:
    key_file.write_bytes(keys.encrypted)
    assert loaded(key_file, PASSPHRASE) is loaded(key_file, PASSPHRASE)
    for passphrase in (f"not {PASSPHRASE}", None):
        with pytest.raises(EncryptedKeyError):
            loaded(key_file, passphrase)
    with pytest.raises(EncryptedKeyError):
        NexmoJWT(APPLICATION_ID, keys.encrypted, passphrase="mellon")


def test_a_failure_is_not_remembered(keys: Keys, key_file: Path) -> None:
    key_file.write_bytes(keys.pkcs8[:900])
    for _ in range(2):
        with pytest.raises(PrivateKeyError):
            loaded(key_file)
    replace(key_file, keys.pkcs8)
    assert loaded(key_file)


def test_few_keys_are_remembered(keys: Keys, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.key" for number in range(40)]
    for path in paths:
        path.write_bytes(keys.pkcs8)
    first, *_, last = [loaded(path) for path in paths]
    assert loaded(paths[-1]) is last
    assert loaded(paths[0]) is not first


def test_a_child_of_a_fork_signs_with_what_is_remembered(key_file: Path) -> None:
    script = (
        "import os, sys\n"
        "from requests_nexmo_jwt import NexmoJWT\n"
        "said = NexmoJWT('id', sys.argv[1]).fingerprint\n"
        "if os.fork() == 0:\n"
        "    os._exit(NexmoJWT('id', sys.argv[1]).fingerprint != said)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    subprocess.run([sys.executable, "-c", script, key_file], check=True, timeout=60)


def test_a_key_in_an_hsm_signs_without_leaving_it(keys: Keys) -> None:
    key = HSMKey(keys.object)
    auth = NexmoJWT(APPLICATION_ID, key)
    assert auth == NexmoJWT(APPLICATION_ID, keys.object)
    assert key.signatures == 0
    auth.token()
    assert key.signatures == 1
