"""What each client keeps of our promises: the table in docs/behaviour.md, cell by cell."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clients
import jwt
import pytest
import requests
from conftest import APPLICATION_ID, AUTH_TYPE, NO_TOKEN, REPOSITORY, Keys, Run
from requests.adapters import HTTPAdapter
from urllib3.util import Retry
from websockets.http11 import Request
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from requests_nexmo_jwt import NexmoJWT, ScopeError
from requests_nexmo_jwt.sandbox import Sandbox, SeenRequest

PAGE = (REPOSITORY / "docs" / "behaviour.md").read_text()
HTTPIE = "HTTPie, `http --follow`"


def table() -> dict[str, list[str]]:
    """Return the cells of each row of the table of clients."""
    rows = re.findall(r"^\| (.+) \|$", PAGE.partition("| client |")[2], re.MULTILINE)
    return {name: cells for name, *cells in (row.split(" | ") for row in rows)}


#: Fetches URLs one after the other, with redirects; returns the statuses, or what was raised.
Fetch = Callable[..., Any]


@pytest.fixture(params=[HTTPIE, *clients.CLIENTS])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fetch(client: str, nexmo: Sandbox, request: pytest.FixtureRequest) -> Fetch:
    def job(urls: tuple[str, ...]) -> dict[str, Any]:
        credentials = [nexmo.application_id, str(nexmo.private_key)]
        recipe = re.search(r"^async def signed.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
        common = {"credentials": credentials, "hosts": [nexmo.url], "recipe": recipe[0]}
        return {**common, "urls": urls, "ca": None}

    def by_httpie(*urls: str) -> list[int]:
        http: Run = request.getfixturevalue("http")
        who = f"--auth={nexmo.application_id}:{nexmo.private_key}?host={nexmo.url}"
        proxies = {name: value for name, value in os.environ.items() if name.endswith("_PROXY")}
        results = [http("--follow", "--headers", AUTH_TYPE, who, url, env=proxies) for url in urls]
        return [int(result.stdout.split()[1]) for result in results if result.stdout]

    def elsewhere(*urls: str) -> object:
        return in_a_process(client, job(urls), request.getfixturevalue("downloads"))

    def here(*urls: str) -> object:
        return clients.drive(client, job(urls))

    if client == HTTPIE:
        return by_httpie
    return elsewhere if client.startswith("niquests") else here


def in_a_process(client: str, job: dict[str, Any], downloads: Path) -> object:
    """Drive a client that cannot be installed beside requests."""
    path = os.pathsep.join(map(str, (downloads / "niquests", REPOSITORY)))
    result = subprocess.run(
        [sys.executable, clients.__file__, client],
        env={**os.environ, "PYTHONPATH": path},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result
    return json.loads(result.stdout)


def tokens(requests: list[SeenRequest]) -> list[str]:
    assert all(seen.accepted for seen in requests)
    return [seen.claims["jti"] for seen in requests]


def fresh(client: str, fetch: Fetch, nexmo: Sandbox, other: Sandbox) -> bool:
    nexmo.answer_next(302, headers={"Location": "/v1/calls"})
    assert fetch(f"{nexmo.url}/v1/files/first", f"{nexmo.url}/v1/calls") == [200, 200]
    first, redirected, second = tokens(nexmo.requests)
    assert (first == redirected) == (not client.startswith("aiohttp"))  # it asks at each hop
    return second not in (first, redirected)


def none_elsewhere(client: str, fetch: Fetch, nexmo: Sandbox, other: Sandbox) -> bool:
    targets = [other.url, other.url.replace("127.0.0.1", "localhost")]
    for target in targets:
        nexmo.answer_next(302, headers={"Location": f"{target}/v1/files/redirected"})
    followed = fetch(f"{nexmo.url}/v1/calls", f"{nexmo.url}/v1/calls")
    assert is_refused(fetch(f"{other.url}/v1/files/direct"))
    if client.startswith("aiohttp"):  # it asks at each hop
        return is_refused(followed) and len(tokens(nexmo.requests)) == 1 and other.requests == []
    assert followed == [401, 401]
    assert len(tokens(nexmo.requests)) == 2
    return [seen.verdict for seen in other.requests] == [NO_TOKEN] * 2


def is_refused(result: object) -> bool:
    """HTTPie shows no answer then; the others raise, aiohttp an error of its own."""
    return result == [] or str(result).startswith(("ScopeError", "ClientOSError"))


def clock(client: str, fetch: Fetch, nexmo: Sandbox, other: Sandbox) -> bool:
    nexmo.clock_offset = -3600
    return bool(fetch(f"{nexmo.url}/v1/calls") == [200])


def proxy_guard(client: str, fetch: Fetch, nexmo: Sandbox, other: Sandbox) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTP_PROXY", other.url)
        assert is_refused(fetch(f"{nexmo.url}/v1/calls"))
        patch.setenv("NO_PROXY", "127.0.0.0/8")  # which some clients read and some do not
        reads_ranges = client.startswith(("requests", "HTTPie", "niquests"))
        answer = fetch(f"{nexmo.url}/v1/calls")
        assert answer == [200] if reads_ranges else is_refused(answer)
        patch.setenv("NO_PROXY", "example.com,127.0.0.1")
        assert fetch(f"{nexmo.url}/v1/calls") == [200]
    return other.requests == []


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """Another origin; or a proxy, where its address is taken for one."""
    with Sandbox() as other:
        yield other


PROMISES = [fresh, none_elsewhere, clock, proxy_guard]


@pytest.mark.downloads
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_a_client_keeps_a_promise_or_the_table_says_that_it_does_not(
    promise: Callable[..., bool], client: str, fetch: Fetch, nexmo: Sandbox, other: Sandbox
) -> None:
    cell = re.match("yes|no", table()[client][PROMISES.index(promise)])
    assert promise(client, fetch, nexmo, other) is (cell[0] == "yes")


def test_the_table_has_these_clients_and_no_others() -> None:
    assert list(table()) == ["requests", HTTPIE, *list(clients.CLIENTS)[1:]]


# Options of niquests' two sessions, and the answers of a server whose clock is wrong.
NIQUESTS = [
    ("niquests", {"data": "body"}, [200, 200]),
    ("niquests", {"options": {"multiplexed": True}}, [401, 200]),
    ("niquests, `AsyncSession`", {}, [401, 200]),
    ("niquests, `AsyncSession`", {"options": {"multiplexed": True}}, [401, 200]),
]


@pytest.mark.downloads
@pytest.mark.parametrize(("client", "options", "statuses"), NIQUESTS)
def test_niquests_retries_or_signs_the_next_request_with_the_server_s_time(
    client: str, options: dict[str, Any], statuses: list[int], nexmo: Sandbox, downloads: Path
) -> None:
    nexmo.clock_offset = -3600
    job = {"credentials": [nexmo.application_id, str(nexmo.private_key)], "hosts": [nexmo.url]}
    urls = [f"{nexmo.url}/v1/files/{name}" for name in ("one", "two")]
    job |= {"ca": None, "urls": urls, **options}
    assert in_a_process(client, job, downloads) == statuses
    assert [seen.accepted for seen in nexmo.requests] == [False, *[True] * statuses.count(200)]
    assert {seen.body.decode() for seen in nexmo.requests} == {options.get("data", "")}


PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "SOCKS_PROXY"]


@pytest.mark.parametrize("variable", PROXIES)
def test_a_websocket_in_clear_text_is_refused_beside_whichever_proxy(
    variable: str, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """websockets takes the proxy of any scheme, aiohttp WS_PROXY, niquests HTTP_PROXY."""
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    auth, url = nexmo.auth(), nexmo.url.replace("http://", "ws://")
    request, shouted = requests.Request("GET", url).prepare(), url.replace("ws", "WS")
    for sign in (
        lambda: auth.header(url),
        lambda: auth.header(shouted),
        lambda: auth(request),
    ):
        with pytest.raises(ScopeError, match="the proxy that the environment names"):
            sign()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert auth.header(url).startswith("Bearer ")


@pytest.mark.parametrize("status", [503, 429])
def test_a_retry_of_urllib3_repeats_the_token_and_it_is_accepted(
    status: int, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, headers={"Retry-After": "0"})
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(status_forcelist=[status])))
        assert session.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=20).ok
    assert [seen.status for seen in nexmo.requests] == [status, 200]
    first, second = tokens(nexmo.requests)
    assert first == second


def test_a_websocket_opens_with_a_header_for_its_url(keys: Keys) -> None:
    opened: list[str] = []

    def judge(connection: ServerConnection, request: Request) -> None:
        opened.append(request.headers["Authorization"].removeprefix("Bearer "))

    def greet(connection: ServerConnection) -> None:
        connection.send("hello")

    with serve(greet, "127.0.0.1", 0, process_request=judge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        auth = NexmoJWT(APPLICATION_ID, keys.object)
        for _ in range(2):
            with connect(url, additional_headers={"Authorization": auth.header(url)}) as socket:
                assert socket.recv(timeout=20) == "hello"
        server.shutdown()
        thread.join(20)
    assert len({jwt.decode(token, keys.public, ["RS256"])["jti"] for token in opened}) == 2
    with pytest.raises(ScopeError, match=r"Write wss:// instead of ws://"):
        auth.header("ws://api.nexmo.com/")


NO_PROXY_CASES = """
import json, os, sys
from importlib import import_module
from requests_nexmo_jwt import NexmoJWT, ScopeError

client = import_module(sys.argv[1])
hosts = ["example.com", "notexample.com", "api.example.com"]
values = [".example.com", "example.com", "ample.com", "EXAMPLE.com", "*.example.com", "*", "",
          "example.com:9", ".com", "example.com , other", "127.0.0.1"]
seen = {}
for value in values:
    os.environ["NO_PROXY"] = value
    for host in hosts:
        auth = NexmoJWT(*sys.argv[2:4], hosts=[f"http://{host}:9"])
        with client.Session() as session:
            try:
                session.get(f"http://{host}:9/", auth=auth, timeout=5)
                seen[f"{host} {value}"] = "sent"
            except ScopeError:
                seen[f"{host} {value}"] = "refused"
            except OSError:
                seen[f"{host} {value}"] = "not reached"
print(json.dumps(seen))
"""


@pytest.mark.parametrize("client", ["requests", "niquests"])
def test_no_reading_of_no_proxy_lets_a_token_reach_a_proxy_in_clear_text(
    client: str, nexmo: Sandbox, key_file: Path, downloads: Path
) -> None:
    """Clients differ in how they read it."""
    names = str(Path(__file__).parent / "names")
    path = [names, *([str(downloads / "niquests")] if client == "niquests" else [])]
    result = subprocess.run(
        [sys.executable, "-c", NO_PROXY_CASES, client, APPLICATION_ID, key_file],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "http_proxy": nexmo.url,
            "TEST_NAMES": "example.com=9 notexample.com=9 api.example.com=9",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seen = json.loads(result.stdout)
    assert nexmo.requests == []
    assert set(seen.values()) == {"refused", "not reached"}
    assert seen["example.com "] == "refused"
    assert seen["example.com *"] == "not reached"
    assert seen["api.example.com example.com"] == "not reached"
    if client == "niquests":  # it compares ends, as requests did before 2.34
        assert seen["notexample.com example.com"] == "not reached"
