"""What a crash reporter shows of our frames: nothing of a key, a passphrase or an API secret."""

import base64
import json
import pickle
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from broken_keys import pem_of
from conftest import APPLICATION_ID, PASSPHRASE, Keys, key_text_in
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rich.traceback import Traceback
from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.utils import event_from_exception
from test_pem import pkcs1

from requests_nexmo_jwt import NexmoJWT, NexmoJWTError

API_SECRET = "s3cr3tApiSecret1"
JWK = {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}
JWK["d"] = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"

Attempt = Callable[[Keys, Path], object]


def with_file(name: str, **options: object) -> Attempt:
    """Give a file with a form of the key."""

    def attempt(keys: Keys, folder: Path) -> object:
        path = folder / "private.key"
        path.write_bytes(getattr(keys, name))
        return NexmoJWT(APPLICATION_ID, path, **options)

    return attempt


def with_variable(value: Callable[[Keys], bytes]) -> Attempt:
    """Give PEM in the environment; see the fixture for the passphrase."""

    def attempt(keys: Keys, folder: Path) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VONAGE_APPLICATION_ID", APPLICATION_ID)
            patch.setenv("VONAGE_PRIVATE_KEY", value(keys).decode())
            patch.setenv("VONAGE_PRIVATE_KEY_PASSPHRASE", f"not {PASSPHRASE}")
            return NexmoJWT()

    return attempt


def with_variables(variables: dict[str, Callable[[Keys], str]]) -> Attempt:
    """Give what does not belong there in the environment."""

    def attempt(keys: Keys, folder: Path) -> object:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value(keys))
            return NexmoJWT(
                *([APPLICATION_ID, keys.object] if "NEXMO_JWT" in str(variables) else [])
            )

    return attempt


def with_config(keys: Keys, folder: Path) -> object:
    fields = {"app-id": APPLICATION_ID, "private-key": damaged(keys).decode()}
    (folder / ".vonagerc").write_text(json.dumps(fields))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return NexmoJWT()


def damaged(keys: Keys) -> bytes:
    return keys.pkcs8[:900] + b"AAAA" + keys.pkcs8[904:]


# Each must fail; adding a case is adding a line.
ATTEMPTS: dict[str, Attempt] = {
    "wrong passphrase": with_file("encrypted", passphrase=f"not {PASSPHRASE}"),
    "wrong passphrase, bytes": with_file("encrypted_pkcs1", passphrase=b"not " + b"mellon" * 3),
    "wrong passphrase, from the environment": with_variable(lambda k: k.encrypted),
    "right passphrase, wrong ttl": with_file("encrypted", passphrase=PASSPHRASE, ttl=5),
    "passphrase of another type": with_file("encrypted", passphrase=[PASSPHRASE]),
    "PEM text, wrong ttl": lambda k, f: NexmoJWT(APPLICATION_ID, k.pkcs8.decode(), ttl=5),
    "PEM bytes, wrong hosts": lambda k, f: NexmoJWT(APPLICATION_ID, k.pkcs8, hosts="x"),
    "PEM bytearray": lambda k, f: NexmoJWT(APPLICATION_ID, bytearray(k.pkcs8)),
    "PEM in a list": lambda k, f: NexmoJWT(APPLICATION_ID, [k.pkcs8.decode()]),
    "PEM in a Path": lambda k, f: NexmoJWT(APPLICATION_ID, Path(k.pkcs8.decode())),
    "PEM as the id": lambda k, f: NexmoJWT(k.pkcs8.decode(), APPLICATION_ID),
    "PEM as the id in the environment": with_variables(
        {"VONAGE_APPLICATION_ID": lambda k: k.pkcs8.decode(), "VONAGE_PRIVATE_KEY": lambda k: "x"}
    ),
    "id and PEM exchanged in the environment": with_variables(
        {
            "VONAGE_APPLICATION_ID": lambda k: k.pkcs8.decode(),
            "VONAGE_PRIVATE_KEY": lambda k: APPLICATION_ID,
        }
    ),
    "PEM in the hosts": with_variables({"NEXMO_JWT_HOSTS": lambda k: k.pkcs8.decode()}),
    "lines of a PEM in the hosts": with_variables(
        {"NEXMO_JWT_HOSTS": lambda k: ",".join(k.pkcs8.decode().splitlines()[1:-1])}
    ),
    "PEM in the endpoint": with_variables({"NEXMO_JWT_ENDPOINT": lambda k: k.pkcs8.decode()}),
    "passphrase and PEM exchanged": lambda k, f: NexmoJWT(
        APPLICATION_ID, PASSPHRASE, passphrase=k.encrypted
    ),
    "PEM bytes as the id": lambda k, f: NexmoJWT(k.pkcs8, "private.key"),
    "damaged PEM": lambda k, f: NexmoJWT(APPLICATION_ID, damaged(k)),
    "damaged PEM in the environment": with_variable(damaged),
    "damaged PEM in a file of the Vonage CLI": with_config,
    "base64 of a damaged PEM": lambda k, f: NexmoJWT("x", base64.b64encode(damaged(k)).decode()),
    "a line of a PEM": lambda k, f: NexmoJWT(APPLICATION_ID, k.pkcs8.decode().splitlines()[5]),
    "an Ed25519 key": lambda k, f: NexmoJWT("x", pem_of(ed25519.Ed25519PrivateKey.generate())),
    "an EC key": lambda k, f: NexmoJWT("x", pem_of(ec.generate_private_key(ec.SECP256R1()))),
    "a JWK": lambda k, f: NexmoJWT(APPLICATION_ID, json.dumps(JWK)),
    "a JWK as a dict": lambda k, f: NexmoJWT(APPLICATION_ID, JWK),
    "API key and secret": lambda k, f: NexmoJWT("abcd1234", API_SECRET),
    "numbers that do not belong together": lambda k, f: NexmoJWT(
        APPLICATION_ID, pkcs1(k.object.private_numbers(), d=k.object.private_numbers().d + 2)
    ),
    "a pickle": lambda k, f: pickle.dumps(NexmoJWT(APPLICATION_ID, k.pkcs8)),
    "a pickle, with a passphrase": lambda k, f: pickle.dumps(
        NexmoJWT(APPLICATION_ID, k.encrypted, passphrase=PASSPHRASE)
    ),
}


def shown_by_sentry(error: BaseException) -> list[str]:
    event, _ = event_from_exception(error, DEFAULT_OPTIONS)
    frames = [f for v in event["exception"]["values"] for f in v["stacktrace"]["frames"]]
    ours = [frame for frame in frames if "nexmo_jwt" in (frame["module"] or "")]
    assert ours
    return [json.dumps(frame["vars"], default=repr) for frame in ours]


def shown_by_rich(error: BaseException) -> list[str]:
    options = {"show_locals": True, "locals_max_string": 1500, "locals_max_length": 1000}
    trace = Traceback.extract(type(error), error, error.__traceback__, **options)
    frames = [frame for stack in trace.stacks for frame in stack.frames]
    ours = [frame for frame in frames if "/requests_nexmo_jwt/" in frame.filename]
    assert ours
    return [str(frame.locals) for frame in ours]


@pytest.mark.parametrize("render", [shown_by_sentry, shown_by_rich])
@pytest.mark.parametrize("case", ATTEMPTS)
def test_a_crash_reporter_shows_no_secret(
    case: str, render: Callable, keys: Keys, tmp_path: Path
) -> None:
    with pytest.raises((NexmoJWTError, TypeError)) as caught:
        ATTEMPTS[case](keys, tmp_path)
    assert isinstance(caught.value, NexmoJWTError)
    shown = "\n".join([str(caught.value), repr(caught.value), *render(caught.value)])
    for pem in (keys.pkcs8, keys.pkcs1, keys.encrypted, keys.encrypted_pkcs1):
        assert key_text_in(shown, pem) is None
    for secret in (PASSPHRASE, "mellon", API_SECRET, JWK["d"], "MC4CAQAwBQYDK2Vw"):
        assert secret not in shown
    assert not re.search(r"[0-9]{60}", shown)


@pytest.mark.parametrize(("within", "at"), [("_is_sound", "pow"), ("_unframe", "join")])
@pytest.mark.parametrize("render", [shown_by_sentry, shown_by_rich])
def test_a_time_limit_that_ends_the_load_of_a_key_shows_nothing_of_it(
    render: Callable, within: str, at: str, keys: Keys
) -> None:
    """Celery's soft time limit is an exception that may be raised within any frame."""

    def interrupt(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and (frame.f_code.co_name, called.__name__) == (within, at):
            raise TimeoutError

    never_parsed = keys.pkcs8 + f"{render.__name__} {within}".encode()
    sys.setprofile(interrupt)
    try:
        with pytest.raises(TimeoutError) as caught:
            NexmoJWT(APPLICATION_ID, never_parsed)
    finally:
        sys.setprofile(None)
    numbers = keys.object.private_numbers()
    shown = "\n".join(render(caught.value))
    assert "in parse" in "".join(traceback.format_exception(caught.value))
    assert key_text_in(shown, keys.pkcs8) is None
    for number in (numbers.p, numbers.q, numbers.d, numbers.dmp1, numbers.iqmp):
        assert str(number) not in shown
    assert not re.search(r"[0-9]{60}", shown)
