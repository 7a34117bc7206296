import copy
import inspect
import json
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jwt
import pytest
import requests
from conftest import APPLICATION_ID, Keys, key_text_in

import requests_nexmo_jwt
from requests_nexmo_jwt import NexmoJWT, NexmoJWTError
from requests_nexmo_jwt.sandbox import Sandbox


def token_sent(response: requests.Response) -> str:
    scheme, token = response.request.headers["Authorization"].split(" ")
    assert scheme == "Bearer"
    return token


def test_the_two_lines_of_the_readme_get_the_calls(nexmo: Sandbox) -> None:
    auth = NexmoJWT(nexmo.application_id, nexmo.private_key)
    response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert response.status_code == 200
    assert response.json()["_embedded"]["calls"]


def test_each_request_of_a_session_has_a_token_of_its_own(nexmo: Sandbox) -> None:
    with requests.Session() as session:
        session.auth = nexmo.auth()
        for _ in range(5):
            assert session.post(f"{nexmo.url}/v1/calls", json={"a": 1}).ok
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 5


def test_the_body_and_the_other_headers_are_left_alone(nexmo: Sandbox) -> None:
    response = requests.post(
        f"{nexmo.url}/v1/calls", auth=nexmo.auth(), data=b"\0binary", headers={"X-Mine": "1"}
    )
    assert nexmo.requests[-1].body == b"\0binary"
    assert response.request.headers["X-Mine"] == "1"


def test_a_header_that_the_user_wrote_is_replaced(nexmo: Sandbox) -> None:
    headers = {"authorization": "Basic eDp5"}
    assert requests.get(nexmo.url, auth=nexmo.auth(), headers=headers).ok


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_same_host_has_a_fresh_token_and_history_tells_the_truth(
    status: int, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, {"Location": "/v1/second"})
    nexmo.answer_next(status, {"Location": f"{nexmo.url}/v1/third"})
    response = requests.post(f"{nexmo.url}/v1/first", auth=nexmo.auth(), data="body")
    assert response.status_code == 200
    hops = [*response.history, response]
    assert [hop.request.path_url for hop in hops] == ["/v1/first", "/v1/second", "/v1/third"]
    sent = [jwt.decode(token_sent(hop), options={"verify_signature": False}) for hop in hops]
    assert sent == [seen.claims for seen in nexmo.requests]
    assert len({claims["jti"] for claims in sent}) == 3
    assert all(seen.accepted for seen in nexmo.requests)


def test_a_redirect_to_another_host_carries_no_token(nexmo: Sandbox) -> None:
    with Sandbox() as elsewhere:
        nexmo.answer_next(302, {"Location": elsewhere.url.replace("127.0.0.1", "localhost")})
        requests.get(nexmo.url, auth=nexmo.auth())
        assert [seen.verdict for seen in elsewhere.requests] == ["there is no Authorization header"]


def test_a_request_that_is_signed_twice_tells_the_truth_about_redirects(nexmo: Sandbox) -> None:
    auth = nexmo.auth()
    prepared = requests.Request("GET", f"{nexmo.url}/v1/first", auth=auth).prepare()
    auth(prepared)
    nexmo.answer_next(302, {"Location": "/v1/second"})
    with requests.Session() as session:
        response = session.send(prepared)
    sent = [token_sent(hop) for hop in [*response.history, response]]
    seen = [seen.claims["jti"] for seen in nexmo.requests]
    assert [jwt.decode(t, options={"verify_signature": False})["jti"] for t in sent] == seen


def test_a_thousand_tokens_from_eight_threads_are_all_different_and_accepted(
    nexmo: Sandbox,
) -> None:
    auth = nexmo.auth()
    here = threading.local()

    def call(number: int) -> int:
        if not hasattr(here, "session"):
            here.session = requests.Session()
        return here.session.get(f"{nexmo.url}/v1/calls?page={number}", auth=auth).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(1000))) == {200}
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 1000
    assert all(seen.accepted for seen in nexmo.requests)


def test_httpx_takes_it_as_it_is(nexmo: Sandbox) -> None:
    with httpx.Client(auth=nexmo.auth()) as client:
        assert client.get(f"{nexmo.url}/v1/calls").status_code == 200
        assert client.get(f"{nexmo.url}/v1/calls").status_code == 200


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_openssl_verifies_the_signature(keys: Keys, tmp_path: Path) -> None:
    signed, _, signature = NexmoJWT(APPLICATION_ID, keys.object).token().rpartition(".")
    (tmp_path / "public.pem").write_bytes(keys.public_pem)
    (tmp_path / "signature").write_bytes(jwt.utils.base64url_decode(signature))
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    result = subprocess.run(
        command, cwd=tmp_path, input=signed.encode(), capture_output=True, check=False
    )
    assert result.stdout == b"Verified OK\n"


@pytest.mark.downloads
def test_jose_of_npm_verifies_the_token(keys: Keys, downloads: Path, tmp_path: Path) -> None:
    if not (downloads / "node_modules" / "jose").exists() or not shutil.which("node"):
        pytest.skip("jose is not installed: make found no npm, or no network")
    (tmp_path / "node_modules").symlink_to(downloads / "node_modules")
    (tmp_path / "verify.mjs").write_text(
        "import { importSPKI, jwtVerify } from 'jose'\n"
        "const [pem, token] = process.argv.slice(2)\n"
        "const key = await importSPKI(pem, 'RS256')\n"
        "const verified = await jwtVerify(token, key, { algorithms: ['RS256'], typ: 'JWT' })\n"
        "console.log(JSON.stringify(verified.payload))\n"
    )
    token = NexmoJWT(APPLICATION_ID, keys.object, acl=["/*/calls/**"], sub="alice").token()
    command = ["node", "verify.mjs", keys.public_pem, token]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == jwt.decode(token, options={"verify_signature": False})


def test_a_repr_shows_the_application_and_the_fingerprint_and_no_key(keys: Keys) -> None:
    auth = NexmoJWT(APPLICATION_ID, keys.pkcs8, sub="alice")
    assert repr(auth).startswith(f"NexmoJWT(application_id='{APPLICATION_ID}', key='SHA256:")
    for shown in (repr(auth), str(auth), f"{auth!r:}", repr(vars(auth))):
        assert key_text_in(shown, keys.pkcs8) is None


def test_two_objects_are_equal_when_they_say_the_same(keys: Keys, key_file: Path) -> None:
    auth = NexmoJWT(APPLICATION_ID, keys.object)
    assert auth == NexmoJWT(APPLICATION_ID, key_file)
    assert auth == copy.copy(auth)
    other_key = Keys().object
    for other in (
        NexmoJWT("another", keys.object),
        NexmoJWT(APPLICATION_ID, other_key),
        NexmoJWT(APPLICATION_ID, keys.object, ttl=60),
        NexmoJWT(APPLICATION_ID, keys.object, sub="alice"),
        NexmoJWT(APPLICATION_ID, keys.object, hosts=["api.nexmo.com"]),
        requests.auth.HTTPBasicAuth("a", "b"),
        None,
    ):
        assert auth != other


def test_our_errors_are_errors_of_requests() -> None:
    errors = [getattr(requests_nexmo_jwt, name) for name in requests_nexmo_jwt.__all__]
    errors = [error for error in errors if issubclass(error, Exception)]
    assert len(errors) == 6
    for error in errors:
        assert issubclass(error, NexmoJWTError)
        assert issubclass(error, requests.RequestException)
        assert inspect.getdoc(error)
