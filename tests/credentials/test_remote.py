"""A private key that never leaves its place: ``NexmoJWT(id, sign=..., public_key=...)``."""

import functools
import hashlib
import pickle
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests
from conftest import APPLICATION_ID, Keys, everything_shown_by, key_text_in
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from requests_nexmo_jwt import CredentialsError, NexmoJWT, PrivateKeyError
from requests_nexmo_jwt.sandbox import Sandbox


def sign_by_openssl(path: str, data: bytes) -> bytes:
    """Let another process sign, as a KMS or a PKCS#11 module does."""
    command = ["openssl", "dgst", "-sha256", "-sign", path]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@pytest.fixture
def public_pem(nexmo: Sandbox) -> str:
    command = ["openssl", "pkey", "-in", nexmo.private_key, "-pubout"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.fixture
def auth(nexmo: Sandbox, public_pem: str) -> NexmoJWT:
    sign = functools.partial(sign_by_openssl, str(nexmo.private_key))
    return NexmoJWT(nexmo.application_id, sign=sign, public_key=public_pem)


def refused(keys: Keys, **arguments: object) -> Exception:
    """Return the error that ``NexmoJWT`` raises, which shows nothing of a key."""
    with pytest.raises((PrivateKeyError, CredentialsError)) as caught:
        NexmoJWT(**arguments)
    assert not key_text_in(everything_shown_by(caught.value, frames=True), keys.pkcs8)
    return caught.value


def test_another_process_signs_and_the_tokens_are_accepted(auth: NexmoJWT, nexmo: Sandbox) -> None:
    for _ in range(3):
        assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    assert auth.source == "arguments: sign, with its public_key"
    assert auth.fingerprint in repr(auth)
    same = NexmoJWT(nexmo.application_id, nexmo.private_key)
    assert auth == same
    assert jwt.get_unverified_header(auth.token()) == jwt.get_unverified_header(same.token())


@pytest.mark.parametrize("form", ["object", "str", "bytes", "one line", "PKCS#1", "DER"])
def test_a_public_key_in_each_form(form: str, keys: Keys) -> None:
    text = keys.public_pem.decode()
    public_key = {
        "object": keys.public,
        "str": f"\n{text}\n",
        "bytes": keys.public_pem,
        "one line": text.replace("\n", "\\n"),
        "DER": keys.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "PKCS#1": keys.public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(),
    }[form]
    sign = keys_sign(keys)
    token = NexmoJWT(APPLICATION_ID, sign=sign, public_key=public_key).token()
    assert jwt.decode(token, keys.public, ["RS256"])["application_id"] == APPLICATION_ID


def keys_sign(keys: Keys, scheme: Any = None, digest: Any = None) -> Callable[[bytes], bytes]:
    return lambda data: keys.object.sign(data, scheme or padding.PKCS1v15(), digest or SHA256())


def test_it_is_called_once_a_token_and_never_at_construction(keys: Keys, nexmo: Sandbox) -> None:
    called: list[bytes] = []

    def sign(data: bytes) -> bytes:
        called.append(data)
        return keys.object.sign(data, padding.PKCS1v15(), SHA256())

    auth = NexmoJWT(APPLICATION_ID, sign=sign, public_key=keys.public)
    assert (repr(auth), auth.fingerprint, called) == (repr(auth), auth.fingerprint, [])
    token = auth.token()
    assert called == [token.rpartition(".")[0].encode()]
    auth.header(f"{nexmo.url}/v1/calls")
    requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert len(called) == 3


def test_eight_threads_sign_at_once_also_where_it_is_slow(keys: Keys) -> None:
    together = threading.Barrier(8)

    def slow(data: bytes) -> bytes:
        together.wait(20)  # nobody is kept waiting by a lock of ours
        time.sleep(0.05)
        return keys.object.sign(data, padding.PKCS1v15(), SHA256())

    auth = NexmoJWT(APPLICATION_ID, sign=slow, public_key=keys.public)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: auth.token(), range(40)))
    assert len({jwt.decode(token, keys.public, ["RS256"])["jti"] for token in tokens}) == 40


WRONG: dict[str, Callable[[Keys], Callable[[bytes], Any]]] = {
    "another key": lambda keys: keys_sign(Keys()),
    "PSS": lambda keys: keys_sign(keys, padding.PSS(padding.MGF1(SHA256()), 32)),
    "the digest signed": lambda keys: lambda data: keys_sign(keys)(hashlib.sha256(data).digest()),
    "cut short": lambda keys: lambda data: keys_sign(keys)(data)[:-1],
    "nothing": lambda keys: lambda data: b"",
    "base64": lambda keys: lambda data: keys_sign(keys)(data).hex(),
    "None": lambda keys: lambda data: None,
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_signature_is_an_error_here_and_not_a_401_there(
    how: str, keys: Keys, nexmo: Sandbox
) -> None:
    auth = NexmoJWT(nexmo.application_id, sign=WRONG[how](keys), public_key=keys.public)
    with pytest.raises(PrivateKeyError, match=r"^sign returned .*public_key has to belong"):
        requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert nexmo.requests == []


def test_what_it_raises_is_the_cause_and_the_next_token_is_made_anew(keys: Keys) -> None:
    answers = [TimeoutError("the KMS is down"), None]

    def sign(data: bytes) -> bytes:
        problem = answers.pop(0)
        if problem:
            raise problem
        return keys.object.sign(data, padding.PKCS1v15(), SHA256())

    auth = NexmoJWT(APPLICATION_ID, sign=sign, public_key=keys.public)
    with pytest.raises(PrivateKeyError, match="sign raised TimeoutError, the cause") as caught:
        auth.token()
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert auth.token()


def test_it_pickles_where_sign_does(auth: NexmoJWT, nexmo: Sandbox, keys: Keys) -> None:
    again = pickle.loads(pickle.dumps(auth))
    assert again == auth
    assert requests.get(f"{nexmo.url}/v1/calls", auth=again, timeout=10).ok
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(NexmoJWT(APPLICATION_ID, sign=keys_sign(keys), public_key=keys.public))


def test_a_token_that_a_wrong_public_key_held_back_is_in_no_frame(keys: Keys) -> None:
    auth = NexmoJWT(APPLICATION_ID, sign=keys_sign(keys), public_key=Keys().public)
    with pytest.raises(PrivateKeyError) as caught:
        auth.token()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert not any(
        isinstance(v, bytes) and len(v) == 256 for f in frames for v in f.f_locals.values()
    )


def test_a_pin_in_a_partial_function_is_in_no_frame_of_ours(keys: Keys) -> None:
    def sign(pin: str, data: bytes) -> bytes:
        raise ConnectionError

    sign_with_pin = functools.partial(sign, "pin-4711")
    errors = [refused(keys, application_id=APPLICATION_ID, sign=sign_with_pin, public_key="x")]
    auth = NexmoJWT(APPLICATION_ID, sign=sign_with_pin, public_key=keys.public)
    with pytest.raises(PrivateKeyError) as caught:
        auth.token()
    errors.append(caught.value)
    for error in errors:
        assert "pin-4711" not in everything_shown_by(error, frames=True)


async def sign_later(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sign": len}, "application_id is missing beside the others. Pass all three"),
        ({"application_id": "id", "sign": len}, "public_key is missing"),
        ({"application_id": "id", "public_key": "good"}, "sign is missing"),
        ({"application_id": "id", "sign": len, "public_key": "good", "private_key": "p"}, "only"),
        ({"application_id": "id", "sign": len, "public_key": "good", "passphrase": "p"}, "only"),
        ({"application_id": "id", "sign": "sign", "public_key": "good"}, "sign is of type str"),
        ({"application_id": "id", "sign": sign_later, "public_key": "good"}, "an async function"),
        ({"application_id": "id", "sign": len, "public_key": "private"}, "contains a private key"),
        ({"application_id": "id", "sign": len, "public_key": "object"}, "is a private key"),
        ({"application_id": "id", "sign": len, "public_key": "key.pub"}, "not the path of its"),
        ({"application_id": "id", "sign": len, "public_key": "EC"}, "not RSA"),
        ({"application_id": "id", "sign": len, "public_key": 7}, "is of type int"),
        ({"application_id": "id", "sign": len, "public_key": "small"}, "1024 bits"),
        ({"application_id": " ", "sign": len, "public_key": "good"}, "application_id is"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_says_what_to_give(arguments: dict[str, Any], says: str, keys: Keys) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    named = {
        "good": keys.public_pem,
        "private": keys.pkcs8,
        "object": keys.object,
        "EC": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "small": rsa.generate_private_key(65537, 1024).public_key(),
    }
    given = arguments.get("public_key")
    if isinstance(given, str):
        arguments = {**arguments, "public_key": named.get(given, given)}
    assert says in str(refused(keys, **arguments))
