"""NEXMO_JWT_ENDPOINT: what is written for Vonage's hosts goes to a server on this machine."""

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
import requests
from clients import CLIENTS
from conftest import AUTH_TYPE, Keys, Run, dash_a, forge
from test_scope import ATTACKS, MAY

from requests_nexmo_jwt import NexmoJWT, ScopeError
from requests_nexmo_jwt.httpx import NexmoJWT as ForHttpx
from requests_nexmo_jwt.httpx2 import NexmoJWT as ForHttpx2
from requests_nexmo_jwt.sandbox import Sandbox

VONAGES = "https://api.nexmo.com/v1/calls?page_size=1"

#: A port where nobody listens.
ENDPOINT = "http://127.0.0.1:9"


@pytest.fixture
def endpoint(nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The sandbox, whose variables are set."""
    for name, value in nexmo.environment.items():
        monkeypatch.setenv(name, value)
    return nexmo


def is_moved(client: str) -> bool:
    return "aiohttp" not in client and "auth.header" not in client


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_reaches_the_endpoint_with_the_url_of_vonage(
    client: str, endpoint: Sandbox, downloads: Path
) -> None:
    job = {"credentials": [], "hosts": None, "urls": [VONAGES, f"{endpoint.url}/v1/calls"]}
    job |= {"ca": None, "recipe": RECIPE}
    path = [str(Path(__file__).parents[1])]
    path += [str(downloads / "niquests")] if client.startswith("niquests") else []
    result = subprocess.run(
        [sys.executable, Path(__file__).parents[1] / "clients.py", client],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    if is_moved(client):
        assert json.loads(result.stdout) == [200, 200]
        assert [seen.path for seen in endpoint.requests] == ["/v1/calls?page_size=1", "/v1/calls"]
        assert {seen.headers["host"] for seen in endpoint.requests} == {endpoint.url[7:]}
        assert result.stderr.count("requests for Vonage are sent to") == 1
    else:
        assert "NEXMO_JWT_ENDPOINT" in result.stdout
        assert endpoint.requests == []


RECIPE = """
async def signed(request, handler):
    request.headers["Authorization"] = auth.header(str(request.url))
    return await handler(request)
"""

HTTP = {
    "-A nexmo-jwt": ([AUTH_TYPE], VONAGES),
    "with -a": ([AUTH_TYPE, "-a"], VONAGES),
    "its own URL": ([AUTH_TYPE], "/v1/calls?page_size=1"),
    "-A nexmo-jwt-auto": (["--auth-type=nexmo-jwt-auto"], VONAGES),
    "auto, its own URL": (["--auth-type=nexmo-jwt-auto"], "/v1/calls?page_size=1"),
    "a region, in capitals": ([AUTH_TYPE], "https://API-US.nexmo.com:443/v1/calls?page_size=1"),
}


@pytest.mark.parametrize("case", HTTP)
def test_http_reaches_the_endpoint_and_warns_once(case: str, nexmo: Sandbox, http: Run) -> None:
    options, url = HTTP[case]
    options = [dash_a(nexmo) if option == "-a" else option for option in options]
    url = nexmo.url + url if url.startswith("/") else url
    result = http(*options, url, env=nexmo.environment)
    assert json.loads(result.stdout)["page_size"] == 1, result
    is_own = url.startswith(nexmo.url)
    assert result.stderr.count("NEXMO_JWT_ENDPOINT: requests for Vonage are sent to") == 1 - is_own
    assert nexmo.requests[0].accepted


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        (VONAGES, ["--proxy=https:http://127.0.0.1:9"], "--proxy leads away from http://127.0.0.1"),
        ("https://example.com/", [], "NEXMO_JWT_ENDPOINT allows only http://127.0.0.1"),
        ("http://127.0.0.1:9/", [], "NEXMO_JWT_ENDPOINT allows only http://127.0.0.1"),
        ("http://api.nexmo.com/", [], "clear text. Write https://"),
        ("https://rest.nexmo.com/sms/json", [], "accepts the API key and secret"),
    ],
)
def test_http_says_in_a_line_what_the_endpoint_does_not_allow(
    url: str, options: list[str], words: str, nexmo: Sandbox, http: Run
) -> None:
    result = http(AUTH_TYPE, *options, url, env=nexmo.environment)
    assert words in result.stderr
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1), result
    assert nexmo.requests == []


def test_auto_leaves_other_hosts_alone(nexmo: Sandbox, http: Run) -> None:
    shown = http("--offline", "-A", "nexmo-jwt-auto", "https://example.com/", env=nexmo.environment)
    assert "Authorization" not in shown.stdout
    assert "Host: example.com" in shown.stdout


@pytest.mark.parametrize("options", [[], ["--token"], ["--url", VONAGES]])
def test_check_asks_the_endpoint_and_says_so(
    options: list[str], endpoint: Sandbox, nexmo_jwt: Run
) -> None:
    options = [*options, forge(endpoint)] if options == ["--token"] else options
    result = nexmo_jwt("check", *options)
    line = f"request: GET {endpoint.url}/v1/calls?page_size=1, in place of https://api.nexmo.com, "
    assert line + "by NEXMO_JWT_ENDPOINT\n" in result.stdout
    assert result.stdout.startswith("The token is accepted: 200 OK.")


def test_check_asks_the_account_at_the_endpoint_alone(
    endpoint: Sandbox, keys: Keys, tmp_path: Path, nexmo_jwt: Run
) -> None:
    endpoint.accept_key(keys.public)
    endpoint.answer("GET", "/v1/calls", 401, body={"error_title": "Unauthorized"})
    result = nexmo_jwt("check")
    assert "certain: Application" in result.stdout
    assert [seen.path for seen in endpoint.requests][1:] == [
        f"/v2/applications/{endpoint.application_id}"
    ]
    with Sandbox() as stray:
        refused = nexmo_jwt("check", "--url", f"{stray.url}/v1/calls")
        assert f"NEXMO_JWT_ENDPOINT allows only {endpoint.url}" in refused.stderr
        assert stray.requests == []


@pytest.mark.parametrize("url", [*ATTACKS, *MAY, "https://api-us.vonage.com/"], ids=ascii)
def test_no_token_leaves_the_machine(url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    for elsewhere in ("refuse", "unsigned"):
        auth = NexmoJWT("id", keys.object, elsewhere=elsewhere, hosts=["*.evil.example"])
        try:
            prepared = requests.Request("GET", url, auth=auth).prepare()
        except (requests.RequestException, UnicodeError):
            continue
        if "Authorization" in prepared.headers:
            assert prepared.url.startswith(("http://127.0.0.1:9/", "ws://127.0.0.1:9/"))
        with pytest.raises(ScopeError):
            auth.header(url)


# A value, and words of the error; None: it is accepted.
VALUES = {
    "http://127.0.0.1:4010": None,
    "http://localhost:4010": None,
    " HTTPS://LocalHost:4010 ": None,
    "http://[::1]:4010": None,
    "http://127.8.9.10:1": None,
    "http://127.0.0.1:4010/": "form",
    "http://127.0.0.1:4010/v1": "form",
    "http://127.0.0.1:4010?x": "form",
    "http://127.0.0.1": "form",
    "127.0.0.1:4010": "form",
    "localhost": "form",
    "http://user:S3cret@127.0.0.1:4010": "form",
    "http://127.0.0.1:4010@example.com:80": "form",
    "ws://127.0.0.1:4010": "form",
    "http://127.0.0.1:99999": "form",
    "http://127.1:4010": "form",
    "http://2130706433:80": "form",
    '"http://127.0.0.1:4010"': "form",
    "S3cret-S3cret-S3cret": "form",
    "https://api.nexmo.com:443": "names another machine",
    "http://10.0.0.1:80": "names another machine",
    "http://S3cret-S3cret:80": "names another machine",
    "http://127.0.0.1:0": "form",
    "http://localhost.:80": "form",
    "http://0.0.0.0:80": "names another machine",
}


@pytest.mark.parametrize("value", VALUES)
def test_its_value_is_a_loopback_origin_or_an_error_that_shows_no_secret(
    value: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_before = NexmoJWT("id", keys.object)
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", value)
    words = VALUES[value]
    if words is None:
        moved = requests.Request("GET", VONAGES, auth=NexmoJWT("id", keys.object)).prepare()
        assert moved.url == f"{value.strip().lower()}/v1/calls?page_size=1"
        return
    for failing in (lambda: NexmoJWT("id", keys.object), lambda: made_before.header(VONAGES)):
        with pytest.raises(ScopeError, match=r"^NEXMO_JWT_ENDPOINT ") as caught:
            failing()
        assert words in str(caught.value)
        assert "s3cret" not in str(caught.value).lower()


def test_a_blank_value_is_as_none(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", " ")
    prepared = requests.Request("GET", VONAGES, auth=NexmoJWT("id", keys.object)).prepare()
    assert prepared.url == VONAGES


def target(auth: NexmoJWT, url: str = VONAGES) -> str:
    return requests.Request("GET", url, auth=auth).prepare().url.partition("/v1/")[0]


def test_what_is_set_at_the_request_counts_then_what_was_set_when_the_object_was_made(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = NexmoJWT("id", keys.object)
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    within = NexmoJWT("id", keys.object)
    assert [target(before), target(within)] == [ENDPOINT, ENDPOINT]
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", "http://[::1]:10")
    assert [target(before), target(within)] == ["http://[::1]:10"] * 2
    monkeypatch.delenv("NEXMO_JWT_ENDPOINT")
    assert [target(before), target(within)] == ["https://api.nexmo.com", ENDPOINT]
    with pytest.raises(ScopeError, match="its value when this auth object was made"):
        target(within, "http://127.0.0.1:10/v1/")


def test_a_pickled_object_keeps_to_the_endpoint(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    stored = pickle.dumps(NexmoJWT("id", key_file))
    monkeypatch.delenv("NEXMO_JWT_ENDPOINT")
    assert target(pickle.loads(stored)) == ENDPOINT
    assert pickle.loads(stored) != NexmoJWT("id", key_file)


def test_hosts_are_not_looked_at_while_it_is_set(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_HOSTS", "not a host")
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    auth = NexmoJWT("id", keys.object, hosts=["http://prism:4010"])
    assert target(auth) == ENDPOINT
    assert target(NexmoJWT("id", keys.object)) == ENDPOINT
    with pytest.raises(ScopeError, match="http://prism:4010 may not receive a token"):
        target(auth, "http://prism:4010/v1/")


def test_elsewhere_unsigned_concerns_other_hosts_alone(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    auth = NexmoJWT("id", keys.object, elsewhere="unsigned")
    for url in (VONAGES, f"{ENDPOINT}/v1/calls"):
        prepared = requests.Request("GET", url, auth=auth).prepare()
        assert prepared.url.startswith(ENDPOINT)
        assert "Authorization" in prepared.headers
    for url in ("https://example.com/", "http://127.0.0.1:10/"):
        prepared = requests.Request("GET", url, auth=auth).prepare()
        assert (prepared.url, "Authorization" in prepared.headers) == (url, False)


def test_a_header_for_vonage_is_refused_and_one_for_the_endpoint_is_not(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", ENDPOINT)
    auth = NexmoJWT("id", keys.object)
    assert auth.header(f"{ENDPOINT}/v1/calls").startswith("Bearer ")
    with pytest.raises(ScopeError, match=r"^https://api.nexmo.com receives nothing") as caught:
        auth.header(VONAGES)
    assert f"Request {ENDPOINT}/v1/calls?page_size=1 instead" in str(caught.value)


@pytest.mark.parametrize(
    ("client", "auth_class"),
    [(requests, NexmoJWT), (httpx, ForHttpx), (httpx2, ForHttpx2), (httpx2, NexmoJWT)],
)
def test_a_host_header_that_names_vonage_is_replaced(
    client: object, auth_class: type[NexmoJWT], endpoint: Sandbox
) -> None:
    client.post(VONAGES, headers={"Host": "api.nexmo.com"}, auth=auth_class(), json={"a": 1})
    (seen,) = endpoint.requests
    assert (seen.headers["Host"], seen.json(), seen.status) == (endpoint.url[7:], {"a": 1}, 201)


def test_the_log_says_once_for_an_object_that_it_moves_requests(
    endpoint: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        auth = NexmoJWT()
        for _ in range(2):
            assert requests.get(VONAGES, auth=auth, timeout=10).ok
    ours = [r for r in caplog.records if r.name == "requests_nexmo_jwt"]
    assert [r.getMessage() for r in ours] == [
        f"NEXMO_JWT_ENDPOINT: requests for Vonage are sent to {endpoint.url}."
    ] * 2
    assert {r.levelno for r in ours} == {logging.WARNING}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_environment_does_not_come_between(
    scheme: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", f"{scheme}://localhost:9")
    monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:10")
    for move in (lambda a: target(a), lambda a: next(a.auth_flow(httpx.Request("GET", VONAGES)))):
        with pytest.raises(ScopeError, match="NO_PROXY=localhost"):
            move(ForHttpx("id", keys.object))
    monkeypatch.setenv("no_proxy", "localhost")
    assert target(NexmoJWT("id", keys.object)) == f"{scheme}://localhost:9"


def test_a_wrong_clock_is_made_up_for_there(endpoint: Sandbox) -> None:
    endpoint.clock_offset = -3600
    for client, auth in [(requests, NexmoJWT()), (httpx2, ForHttpx2())]:
        response = client.get(VONAGES, auth=auth)
        assert response.status_code == 200
        assert [refused.status_code for refused in response.history] == [401]


def test_a_redirect_to_vonage_stays_here_with_its_body(endpoint: Sandbox) -> None:
    endpoint.answer_next(307, headers={"Location": "https://api.nexmo.com/v1/messages"})
    response = requests.post(VONAGES, auth=NexmoJWT(), json={"text": "private"}, timeout=10)
    assert (response.status_code, response.url) == (202, f"{endpoint.url}/v1/messages")
    assert endpoint.requests[-1].json() == {"text": "private"}


def test_the_scope_does_not_import_it_unless_it_is_set() -> None:
    script = (
        "import sys, requests_nexmo_jwt.auth as a; a.Scope().destination('https://api.nexmo.com')"
    )
    script += "; print([n for n in sys.modules if n.startswith('requests_nexmo_jwt.scope.')])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert shown.stdout == b"[]\n"
