"""A key file that changes under a running service."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
import requests
from broken_keys import BROKEN
from conftest import APPLICATION_ID, PASSPHRASE, Keys, key_text_in

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.keys import loading
from requests_nexmo_jwt.sandbox import Sandbox


@pytest.fixture(scope="module")
def new_keys() -> Keys:
    return Keys()


Warnings = Callable[[], list[str]]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Warnings]:
    """Return the warnings that were logged so far."""

    def warnings() -> list[str]:
        records = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert all(record.name == "requests_nexmo_jwt" for record in records)
        return [record.getMessage() for record in records]

    with caplog.at_level(logging.INFO, "requests_nexmo_jwt"):
        yield warnings


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
    way: str, keys: Keys, new_keys: Keys, key_file: Path, warnings: Warnings
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    old_repr = repr(auth)
    assert signed_by(auth, keys)
    WAYS[way](key_file, new_keys.pkcs1)
    assert signed_by(auth, new_keys)
    assert auth == NexmoJWT(APPLICATION_ID, new_keys.object)
    assert repr(auth) != old_repr
    WAYS[way](key_file, keys.pkcs8)
    assert signed_by(auth, keys)
    assert warnings() == []


@pytest.mark.parametrize("case", ["missing", "a folder", *BROKEN])
def test_a_broken_new_file_is_told_once_and_the_old_key_signs_on(
    case: str, keys: Keys, new_keys: Keys, key_file: Path, warnings: Warnings
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    if case in BROKEN:
        broken = BROKEN[case][0](new_keys)
        replace(key_file, broken)
        words = BROKEN[case][1]
    else:
        key_file.unlink()
        broken, words = b"", "does not exist"
        if case == "a folder":
            key_file.mkdir()
            words = "no regular file"
    for _ in range(3):
        assert signed_by(auth, keys)
    (warning,) = warnings()
    assert str(key_file) in warning
    assert words in warning
    assert "the key loaded before signs: SHA256:" in warning
    assert key_text_in(warning, broken) is None

    if case == "a folder":
        key_file.rmdir()
    replace(key_file, new_keys.pkcs8)
    assert signed_by(auth, new_keys)
    assert len(warnings()) == 1


def test_a_file_that_comes_back_as_it_was_needs_no_word(
    keys: Keys, key_file: Path, warnings: Warnings
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    away = key_file.with_name("away")
    key_file.rename(away)
    away.rename(key_file)
    assert signed_by(auth, keys)
    assert warnings() == []


def test_each_broken_version_is_told(keys: Keys, key_file: Path, warnings: Warnings) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    for length in (100, 200, 300):
        replace(key_file, keys.pkcs8[:length])
        auth.token()
        auth.token()
    assert len(warnings()) == 3


def test_a_new_encrypted_key_is_opened_with_the_same_passphrase(
    keys: Keys, new_keys: Keys, key_file: Path
) -> None:
    key_file.write_bytes(keys.encrypted)
    auth = NexmoJWT(APPLICATION_ID, key_file, passphrase=PASSPHRASE)
    replace(key_file, new_keys.encrypted)
    assert signed_by(auth, new_keys)


def test_a_file_that_becomes_readable_is_taken(
    keys: Keys, new_keys: Keys, key_file: Path, warnings: Warnings
) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    link = key_file.with_name("link")
    link.symlink_to(link)  # cannot be opened, root or not
    os.replace(link, key_file)
    assert signed_by(auth, keys)
    replace(key_file, new_keys.pkcs8)
    key_file.chmod(0o400)
    assert signed_by(auth, new_keys)
    assert len(warnings()) == 1


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
    assert (after.st_mtime_ns, after.st_size, after.st_ino) == (
        before.st_mtime_ns,
        before.st_size,
        before.st_ino,
    )
    assert signed_by(auth, new_keys)


def test_the_others_sign_on_while_one_thread_reads(
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
    keys: Keys, new_keys: Keys, nexmo: Sandbox, key_file: Path, warnings: Warnings
) -> None:
    nexmo.accept_key(keys.public)
    nexmo.accept_key(new_keys.public)
    auth = NexmoJWT(nexmo.application_id, key_file)
    done = threading.Event()
    broken = {7: keys.pkcs8[:500], 14: b""}
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
            for turn in range(20):
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
    taken = [record for record in caplog.records if "the key that signs" in record.getMessage()]
    assert len(taken) == 1
    assert signed_by(auth, new_keys)
