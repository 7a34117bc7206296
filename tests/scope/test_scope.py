"""Which origins may receive a token."""

import copy
import pickle
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
import requests
import yarl
from conftest import APPLICATION_ID, TLS, Internet, Keys
from hypothesis import example, given, settings
from hypothesis import strategies as st

from requests_nexmo_jwt import NexmoJWT, ScopeError
from requests_nexmo_jwt.sandbox import Sandbox
from requests_nexmo_jwt.scope import Scope
from requests_nexmo_jwt.url import origin_of
from requests_nexmo_jwt.vonage import API_HOSTS

# URLs that may have a token by default.
MAY = [
    "https://api.nexmo.com/v1/calls",
    "https://api.nexmo.com",
    "https://api.nexmo.com:443/",
    "https://api.nexmo.com:/",
    "https://API.Nexmo.COM/v1/calls",
    "HTTPS://api.nexmo.com/",
    "https://api.nexmo.com?x=1#y",
    "https://api.nexmo.com/a@b",
    "https://api-us-1.nexmo.com/v1/calls",
    "https://api-sg-1.nexmo.com/",
    "https://api-eu.vonage.com/v1/",
    "https://video.api.vonage.com/v2/project",
    "https://messages-sandbox.nexmo.com/v1/messages",
    "http://localhost:4010/",
    "https://localhost/",
    "http://127.0.0.1:1/",
    "http://127.8.9.10/",
    "http://[::1]:8080/",
    "https://[0:0:0:0:0:0:0:1]/",
    "wss://api.nexmo.com/",
    "ws://localhost:4010/",
]


# URLs that may have none, as a user or an attacker writes them. Adding one is adding a line.
ATTACKS = [
    # Clear text, other schemes, other ports.
    "http://api.nexmo.com/",
    "http://api.nexmo.com:443/",
    "https://api.nexmo.com:80/",
    "https://api.nexmo.com:8443/",
    "https://api.nexmo.com:4430/",
    "https://api.nexmo.com:0/",
    "https://api.nexmo.com:99999/",
    "https://api.nexmo.com:-443/",
    "https://api.nexmo.com:443:80/",
    "https://api.nexmo.com:443@evil.example/",
    "ftp://api.nexmo.com/",
    "ws://api.nexmo.com/",
    "file://api.nexmo.com/etc/passwd",
    "http+unix://api.nexmo.com/",
    "httpsx://api.nexmo.com/",
    # Look-alikes at the end, at the beginning, in the middle.
    "https://api.nexmo.com.evil.example/",
    "https://api.nexmo.comevil.example/",
    "https://evilapi.nexmo.com/",
    "https://evil-api.nexmo.com/",
    "https://api.nexmo.co/",
    "https://api.nexmo.com.br/",
    "https://apinexmo.com/",
    "https://api.nexmo-com.example/",
    "https://nexmo.com/",
    "https://www.nexmo.com/",
    "https://rest.nexmo.com/",
    "https://rest.nexmo.com/v1/calls",
    "https://vonage.com/",
    "https://api.vonage.com/",
    "https://api.vonage.com/v1/calls",
    "https://api.vonage.com/t/vbc.prod/x",
    "https://API.vonage.com:443/",
    "https://api.vonage.com@api.nexmo.com/",
    "https://api.opentok.com/v2/project/x",
    "https://api-.nexmo.com/",
    "https://api-us.evil.nexmo.com/",
    "https://api-us.nexmo.com.evil.example/",
    "https://api-evil.example/.nexmo.com/",
    "https://api-evil.example#.nexmo.com/",
    "https://api-evil.example?.nexmo.com/",
    "https://api-%2Eevil.nexmo.com/",
    "https://xapi-us.nexmo.com/",
    "https://neru-1234-app.euw1.serverless.vonage.com/",
    "https://api-x.serverless.vonage.com/",
    "https://api.serverless.vonage.com/",
    "https://x.video.api.vonage.com/",
    "https://foo.api.vonage.com/",
    # Customers' own code on Vonage's hosts.
    "https://api-us.vonage.com/v1/neru/i/neru-1234-app/",
    "https://api-eu.vonage.com/v1/neru",
    "https://api-ap.vonage.com/v1/neru?x#y",
    "https://API-US.vonage.com:443/V1/Neru/x",
    "https://api-us.vonage.com//v1///neru/x",
    "https://api-us.vonage.com/v1/%6eeru/x",
    "https://api-us.vonage.com/v1/%256eeru/x",
    "https://api-us.vonage.com/v1%2fneru/x",
    "https://api-us.vonage.com/v1%5cneru/x",
    "https://api-us.vonage.com/v1/./neru/x",
    "https://api-us.vonage.com/v1/%2e/neru/x",
    "https://api-us.vonage.com/v1/calls/../neru/x",
    "https://api-us.vonage.com/v1/calls/%2e%2e/neru/x",
    "https://api-us.vonage.com/../v1/neru/x",
    "https://api-us.vonage.com/v1/neru/..%2fcalls",
    "https://api-us.vonage.com/v1;a=b/neru;c/x",
    "https://api-us.vonage.com/v1/neru%20/x",
    "https://api-us.vonage.com/v1/%00neru/x",
    "https://api-us-9.vonage.com/v1/neru/x",
    "https://api-us.vonage.com/v1//%2e%2e/neru/x",
    "https://api-us.vonage.com/v1//../neru/x",
    "https://api-us.vonage.com/v1/a%2Fb/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/a%5Cb/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/%20/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/;a/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/..;/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/%2e%2e%2fx/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/.%3b/%2e%2e/neru/x",
    "https://api-us.vonage.com/v1/%u006eeru/x",
    "https://api-us.vonage.com/v1/%c1%aeeru/x",
    "https://api-us.vonage.com/v1/neru%3fx",
    "https://api-us.vonage.com/v1/neru%23x",
    # The name elsewhere than in the host.
    "https://evil.example/api.nexmo.com",
    "https://evil.example/?https://api.nexmo.com/",
    "https://evil.example#api.nexmo.com",
    "https://evil.example#@api.nexmo.com/",
    "https://evil.example?@api.nexmo.com/",
    "https://evil.example/@api.nexmo.com/",
    "https://evil.example;api.nexmo.com/",
    "https://evil.example:443#@api.nexmo.com:443/",
    # User names.
    "https://api.nexmo.com@evil.example/",
    "https://api.nexmo.com:443@evil.example:443/",
    "https://api.nexmo.com%40evil.example/",
    "https://user@api.nexmo.com/",
    "https://user:secret@api.nexmo.com/",
    "https://evil.example@api.nexmo.com/",
    "https://evil.example@api.nexmo.com@evil.example/",
    "https://@api.nexmo.com/",
    "https://api.nexmo.com@@evil.example/",
    # Backslashes, slashes, white space and control characters.
    "https://evil.example\\@api.nexmo.com/",
    "https:\\\\evil.example\\api.nexmo.com",
    "http://evil.example\\[::1]/",
    "https:/\\evil.example/api.nexmo.com",
    "https:////evil.example/api.nexmo.com",
    "https:///evil.example",
    "https://",
    "https:evil.example",
    "//api.nexmo.com/",
    "api.nexmo.com/",
    "https://api.nexmo.com .evil.example/",
    "https://api.nexmo.com\t.evil.example/",
    "https://api.nexmo.com\n.evil.example/",
    "https://api.nexmo.com\r\nHost: evil.example/",
    "https://api.nexmo.com\0.evil.example/",
    "https://api.nexmo.com%00.evil.example/",
    "https://api.nexmo.com%0d%0a.evil.example/",
    # Dots.
    "https://api.nexmo.com./",
    "https://api.nexmo.com../",
    "https://.api.nexmo.com/",
    "https://api..nexmo.com/",
    "https://api%2Enexmo%2Ecom/",
    "https://api.nexmo.com%2Eevil.example/",
    # IDNA and look-alike letters (Cyrillic, dotless, long s, Kelvin sign, zero width).
    "https://аpi.nexmo.com/",  # noqa: RUF001
    "https://api.nехmo.com/",  # noqa: RUF001
    "https://apı.nexmo.com/",  # noqa: RUF001
    "https://api.nexmo.com.evil。example/",
    "https://evil.example／api.nexmo.com/",  # noqa: RUF001
    "https://evil.example＃@api.nexmo.com/",  # noqa: RUF001
    "https://evil.example＠api.nexmo.com/",  # noqa: RUF001
    "https://api.nexmo.com℀evil.example/",
    "https://xn--pi-7kc.nexmo.com/",
    "https://api-xn--.nexmo.com.evil.example/",
    "https://☃.nexmo.com/",
    # Addresses: odd notations of loopback, link-local, private, mapped.
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.1@evil.example/",
    "http://127.0.0.256/",
    "http://127.0.0.1./",
    "http://128.0.0.1/",
    "http://126.255.255.255/",
    "http://0.0.0.0/",
    "http://0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://[::]/",
    "http://[::2]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[fe80::1]/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[::1].evil.example/",
    "http://[::1]evil.example/",
    "http://[evil.example]/",
    "http://[v1.x]/",
    "http://[::1/",
    "http://::1/",
    "http://localhost./",
    "http://localhost.evil.example/",
    "http://evil.localhost/",
    "http://localhost@evil.example/",
    "http://localhost:80@evil.example/",
    "http://localhost\\@evil.example/",
    "http://notlocalhost/",
    "http://ip6-localhost/",
]


@pytest.fixture(scope="module")
def auth(keys: Keys) -> NexmoJWT:
    return NexmoJWT("id", keys.object)


@pytest.mark.parametrize("url", MAY)
def test_vonage_and_loopback_get_a_token(url: str, auth: NexmoJWT) -> None:
    prepared = requests.Request("GET", url, auth=auth).prepare()
    assert prepared.headers["Authorization"].startswith("Bearer ")


def connects_to_vonage_or_loopback(url: str) -> bool:
    """Judge with eyes of our own where a prepared URL really goes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if re.fullmatch(r"localhost|::1|0:0:0:0:0:0:0:1|127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}", host):
        return parts.scheme in ("http", "https")
    api = (
        r"((api(-[a-z0-9_-]+)?|messages-sandbox)\.nexmo|(api-[a-z0-9_-]+|video\.api)\.vonage)\.com"
    )
    return parts.scheme == "https" and parts.port in (None, 443) and bool(re.fullmatch(api, host))


@pytest.mark.parametrize("url", ATTACKS, ids=ascii)
def test_an_attack_gets_no_token_before_and_after_requests_prepares_it(
    url: str, auth: NexmoJWT, keys: Keys
) -> None:
    with pytest.raises(ScopeError):
        auth.header(url)
    unprepared = requests.PreparedRequest()
    unprepared.url, unprepared.headers, unprepared.hooks = url, {}, {"response": []}
    with suppress(ScopeError):
        NexmoJWT("id", keys.object, elsewhere="unsigned")(unprepared)
    assert unprepared.headers == {}
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare(method="GET", url=url, auth=auth)
    except (ScopeError, requests.RequestException, UnicodeError):
        assert "Authorization" not in (prepared.headers or {})
    else:
        # requests made a URL of it that really goes to Vonage: a backslash became a path, say.
        assert connects_to_vonage_or_loopback(prepared.url)


NERU = [url for url in ATTACKS if re.search(r"//api-[a-z0-9-]+\.vonage\.com(:443)?/.", url, re.I)]


@pytest.mark.parametrize("url", NERU)
def test_customers_code_on_vonages_hosts_gets_no_token_unless_its_host_is_named(
    url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepared(**options: object) -> requests.PreparedRequest:
        auth = NexmoJWT("id", keys.object, **options)
        return requests.Request("GET", url, auth=auth).prepare()

    with pytest.raises(ScopeError, match="runs the code of Vonage's customers below /v1/neru"):
        prepared()
    assert "Authorization" not in prepared(elsewhere="unsigned").headers
    for name in ("api-*.vonage.com", f"https://{urlsplit(url).hostname}"):
        assert "Authorization" in prepared(hosts=[name]).headers
    monkeypatch.setenv("NEXMO_JWT_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ScopeError):
        prepared()


@pytest.mark.parametrize("path", ["/v1/neruda", "/v1/calls?to=/v1/neru", "/v1/calls/a%20b", "/v1/"])
def test_other_paths_of_these_hosts_get_one(path: str, auth: NexmoJWT) -> None:
    assert auth.header(f"https://api-us.vonage.com{path}").startswith("Bearer ")


# Pieces of which hypothesis makes URLs.
PIECES = st.sampled_from(
    [
        *API_HOSTS,
        *(
            "api-us.nexmo.com",
            "api.vonage.com",
            "rest.nexmo.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "evil.example",
            "::1",
            "api.",
            "api",
        ),
        *("https://", "http://", "https:", "//", "/", "\\", "@", ":", ":443", ":80", "#", "?", ";"),
        *(".", "%2e", "%40", "%00", "%5c", "\t", "\n", " ", "\0", "[", "]", "*", "-", "_", "xn--"),
        *("。", "．", "／", "＠", "а", "ı", "\u200d", "\xad", "\ufeff", "①", "℀", "ß"),  # noqa: RUF001
        *("127.1", "0x7f", "2130706433", "%25lo", "::ffff:127.0.0.1", ".nexmo.com", ".vonage.com"),
    ]
)


URLS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=6).map("".join),
    st.tuples(
        st.sampled_from(["https://", "http://"]), st.lists(PIECES, max_size=5).map("".join)
    ).map("".join),
    st.tuples(
        st.just("https://"), st.text(max_size=4), st.just("api.nexmo.com"), st.text(max_size=8)
    ).map("".join),
)


POOL = requests.adapters.HTTPAdapter().poolmanager


@settings(max_examples=1000)
@example("https://api.nexmo.com\\@evil.example")
@given(URLS)
def test_no_url_passes_the_scope_and_connects_elsewhere(auth: NexmoJWT, url: str) -> None:
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare(method="GET", url=url, auth=auth)
    except (requests.RequestException, ValueError):  # ValueError: what requests itself raises
        return
    if hasattr(requests.adapters, "_urllib3_request_context"):
        target, _ = requests.adapters._urllib3_request_context(prepared, True, None, POOL)
        connection = POOL.connection_from_host(**target)
    else:
        connection = POOL.connection_from_url(prepared.url)
    host = connection.host.strip("[]")
    netloc = f"[{host}]" if ":" in host else host
    assert connects_to_vonage_or_loopback(f"{connection.scheme}://{netloc}:{connection.port}/")


# What other clients make of a URL: what they hand to us, and where they connect to.
PARSERS = {
    "httpx2": lambda url: httpx2.URL(url),
    "httpx": lambda url: httpx.URL(url),
    "aiohttp": lambda url: yarl.URL(url),
}


@pytest.mark.parametrize("client", PARSERS)
@settings(max_examples=300)
@given(URLS | st.sampled_from(ATTACKS))
def test_no_url_passes_the_scope_and_connects_elsewhere_with_another_client(
    client: str, url: str
) -> None:
    try:
        parsed = PARSERS[client](url)
    except Exception:  # whatever these parsers raise, nothing is sent
        return
    try:
        origin = Scope().required_destination(str(parsed)).origin
    except ScopeError:
        return
    host = parsed.raw_host.decode() if isinstance(parsed.raw_host, bytes) else parsed.raw_host
    if host:  # without one, they refuse to send it
        port = parsed.port or {"http": 80, "https": 443}[parsed.scheme]
        assert (host.strip("[]"), port) == (origin.host, origin.port)


@settings(max_examples=1000)
@given(st.sampled_from(["https://api.nexmo.com", "http://127.0.0.1:80", "https://a_b:81"]), URLS)
def test_what_follows_a_plain_host_does_not_change_the_origin(plain: str, rest: str) -> None:
    """Whatever the short way takes for plain, both parsers read in the same way."""
    for url in (plain + rest, f"{plain}/{rest}", f"{plain}?{rest}", f"{plain}#{rest}"):
        origin = origin_of(url)
        if origin is None:
            continue
        prepared = requests.Request("GET", url).prepare().url
        parts = urlsplit(prepared)
        port = parts.port if parts.port is not None else {"http": 80, "https": 443}[parts.scheme]
        assert (parts.scheme, parts.hostname.strip("[]"), port) == origin


@settings(max_examples=1000)
@given(URLS)
def test_any_url_is_refused_or_leads_to_vonage_or_loopback(url: str) -> None:
    try:
        Scope().required_destination(url)
    except ScopeError:
        return
    assert connects_to_vonage_or_loopback(url)


@given(st.lists(st.text(max_size=12) | PIECES, max_size=3))
def test_whatever_hosts_are_given_they_are_read_or_refused(hosts: list[str]) -> None:
    try:
        scope = Scope(hosts)
    except ScopeError:
        return
    with pytest.raises(ScopeError):
        scope.required_destination("https://not.named.anywhere.test/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.nexmo.com/v1/calls", ["http://api.nexmo.com would send", "https://"]),
        ("http://api-us.vonage.com/", ["clear text"]),
        ("http://rest.nexmo.com/sms/json", ["key and secret, over https://"]),
        (
            "https://evil.example/x?token=s3cret",
            ["https://evil.example is not one of Vonage's API origins", 'elsewhere="unsigned"'],
        ),
        (
            "https://api.vonage.com/x",
            ["https://api.vonage.com is not one of Vonage's API origins", "hosts=["],
        ),
        ("https://api.nexmmo.com/", ["Perhaps api.nexmo.com is meant."]),
        ("https://api.nexmo.com:8443/", ['hosts=["https://api.nexmo.com:8443"]']),
        (
            "https://user:s3cret@api.nexmo.com/?q=s3cret",
            ["//...@api.nexmo.com' is refused: it has a user name", "without a user name"],
        ),
        ("http://127.1/", ["'http://127.1' is refused: its host is ambiguous"]),
    ],
)
def test_a_refusal_names_the_host_and_the_way_out(
    url: str, words: list[str], auth: NexmoJWT
) -> None:
    with pytest.raises(ScopeError) as caught:
        requests.get(url, auth=auth, timeout=1)
    for word in words:
        assert word in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.host in (None, urlsplit(url).hostname)


KEY_AND_SECRET = "API accepts the API key and secret. Pass auth=(KEY, SECRET) instead."

# URLs of products that take no token, and what they take.
TAKES_NO_TOKEN = [
    ("https://rest.nexmo.com/sms/json", f"the SMS {KEY_AND_SECRET}"),
    ("https://rest.nexmo.com/account/get-balance", f"the Account and Pricing {KEY_AND_SECRET}"),
    ("https://rest.nexmo.com/account/numbers?x=y", f"the Numbers {KEY_AND_SECRET}"),
    ("https://rest.nexmo.com/not/known", f"the rest.nexmo.com {KEY_AND_SECRET}"),
    (
        "https://api.opentok.com/v2/project/x",
        "the OpenTok API accepts its own token, in the header X-OPENTOK-AUTH.",
    ),
    (
        "https://api.vonage.com/t/vbc.prod/x",
        "the VBC API accepts the OAuth2 token of one of its users.",
    ),
    ("https://x.cc.vonage.com/", "the Contact Center API accepts its own token."),
    (
        "https://oidc.idp.vonage.com/oauth2/auth",
        "the Number verification API accepts no token: it is for browsers.",
    ),
    (
        "https://studio-api-eu.ai.vonage.com/x",
        "the AI Studio API accepts a key in the header X-Vgai-Key.",
    ),
]


@pytest.mark.parametrize("hosts", [None, ["example.com"]], ids=["by default", "hosts="])
@pytest.mark.parametrize(("url", "words"), TAKES_NO_TOKEN)
def test_a_refusal_says_which_authentication_the_product_takes(
    url: str, words: str, hosts: list[str] | None
) -> None:
    with pytest.raises(ScopeError) as caught:
        Scope(hosts).required_destination(url)
    assert str(caught.value).startswith(
        f"https://{urlsplit(url).hostname} does not accept a token: {words}"
    )
    assert "hosts=" not in str(caught.value)
    assert caught.value.host == urlsplit(url).hostname


def test_a_host_whose_name_only_ends_like_vonages_is_named_as_it_is(auth: NexmoJWT) -> None:
    with pytest.raises(ScopeError, match=r'pass hosts=\["http://notnexmo.com"\]'):
        auth.header("http://notnexmo.com/")


def test_the_way_to_a_server_on_this_machine_is_not_tls(keys: Keys) -> None:
    with pytest.raises(ScopeError, match=r'pass hosts=\["http://127.0.0.1:4010"\]'):
        NexmoJWT("id", keys.object, hosts=["127.0.0.1"]).header("http://127.0.0.1:4010/")


def test_a_refusal_shows_no_part_of_a_password_that_is_not_escaped(auth: NexmoJWT) -> None:
    for inside in "/?#@:":
        with pytest.raises(ScopeError, match=r"//\.\.\.@api\.nexmo\.com' is refused") as caught:
            auth.header(f"https://user:s3c{inside}ret@api.nexmo.com/x?y=s3cret")
        assert "s3c" not in str(caught.value)


# hosts=, a URL, and whether it may have a token.
HOSTS = [
    (["example.com"], "https://example.com/", True),
    (["example.com"], "https://EXAMPLE.com:443/", True),
    (["Example.COM"], "https://example.com/", True),
    (["example.com"], "http://example.com/", False),
    (["example.com"], "https://example.com:8443/", False),
    (["example.com"], "https://www.example.com/", False),
    (["example.com"], "https://api.nexmo.com/", False),
    (["rest.nexmo.com"], "https://rest.nexmo.com/sms/json", True),
    (["api.vonage.com"], "https://api.vonage.com/t/vbc.prod/x", True),
    (["api-*.vonage.com"], "https://api.vonage.com/", False),
    (["example.com"], "http://localhost:4010/", False),
    (["http://localhost:4010"], "http://localhost:4010/", True),
    ([], "http://127.0.0.1/", False),
    ([], "https://api.nexmo.com/", False),
    (["*.example.com"], "https://a.example.com/", True),
    (["*.example.com"], "https://a.b.example.com/", False),
    (["*.example.com"], "https://example.com/", False),
    (["*.example.com"], "https://.example.com/", False),
    (["*.example.com"], "https://a.example.com.evil.test/", False),
    (["api-*.example.com"], "https://api-eu.example.com/", True),
    (["api-*.example.com"], "https://api-.example.com/", False),
    (["api-*.example.com"], "https://api-a.b.example.com/", False),
    (["a.*.example.com"], "https://a.b.example.com/", True),
    (["a.*.example.com"], "https://a.b.c.example.com/", False),
    (["http://prism:4010"], "http://prism:4010/v1/calls", True),
    (["http://prism:4010/"], "http://prism:4010/v1/calls", True),
    (["http://prism:4010"], "https://prism:4010/", False),
    (["http://prism:4010"], "http://prism/", False),
    (["http://prism"], "http://prism:80/", True),
    (["http://*.example.com:8080"], "http://a.example.com:8080/", True),
    (["10.0.0.5"], "https://10.0.0.5/", True),
    (["http://[fe80::1]:8080"], "http://[FE80:0::1]:8080/", True),
    (["a.test", "http://b.test"], "http://b.test/", True),
    (("a.test",), "https://a.test/", True),
    (iter(["a.test"]), "https://a.test/", True),
]


@pytest.mark.parametrize(("hosts", "url", "may"), HOSTS)
def test_hosts_replace_vonages_and_loopback_stays(hosts: object, url: str, may: bool) -> None:
    scope = Scope(list(hosts) if isinstance(hosts, list) else hosts)
    if may:
        scope.required_destination(url)
    else:
        with pytest.raises(ScopeError):
            scope.required_destination(url)


@pytest.mark.parametrize(
    "hosts",
    [
        "example.com",
        b"example.com",
        5,
        [5],
        [None],
        [""],
        ["*"],
        ["*.com"],
        ["*.*.example.com"],
        ["a*b*.example.com"],
        ["api-*"],
        ["api.*"],
        ["prism:4010"],
        ["http://prism:port"],
        ["http://prism:99999"],
        ["https://example.com/path"],
        ["https://user:password@example.com"],
        ["ftp://example.com"],
        ["//example.com"],
        ["https://"],
        ["exa mple.com"],
        ["example.com."],
        ["-example.com"],
        ["münchen.example"],
        ["127.1"],
        ["[::1%lo]"],
        ["example.com,example.org"],
    ],
    ids=repr,
)
def test_an_entry_that_is_no_host_is_refused(hosts: object, keys: Keys) -> None:
    with pytest.raises(ScopeError, match="hosts") as caught:
        NexmoJWT("id", keys.object, hosts=hosts)
    assert "password" not in str(caught.value)


def test_the_environment_names_hosts_where_the_argument_does_not(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_HOSTS", "http://prism:4010, *.example.com,")
    auth = NexmoJWT("id", keys.object)
    for url in ("http://prism:4010/", "https://a.example.com"):
        requests.Request("GET", url, auth=auth).prepare()
    with pytest.raises(ScopeError, match="NEXMO_JWT_HOSTS names only"):
        requests.Request("GET", "https://api.nexmo.com/", auth=auth).prepare()
    explicit = NexmoJWT("id", keys.object, hosts=["api.nexmo.com"])
    requests.Request("GET", "https://api.nexmo.com/", auth=explicit).prepare()

    monkeypatch.setenv("NEXMO_JWT_HOSTS", "prism:4010")
    with pytest.raises(ScopeError, match=r"NEXMO_JWT_HOSTS has 'prism:4010'"):
        NexmoJWT("id", keys.object)
    monkeypatch.setenv("NEXMO_JWT_HOSTS", "")
    auth = NexmoJWT("id", keys.object)
    for url in ("https://api.nexmo.com/", "http://localhost:4010/"):
        assert auth.header(url).startswith("Bearer ")


# What is typed, how it is shown, and why it may have no token.
TYPED = [
    ("/v1/calls", "'/v1/calls'", "is not a whole URL"),
    ("", "''", "is not a whole URL"),
    ("api.nexmo.com/v1/calls?api_secret=S3cret", "'api.nexmo.com/v1/calls'", "not a whole URL"),
    ("user:S3cret@api.nexmo.com/v1", "'user:...'", "is not a whole URL"),
    ("mock://x/y", "'mock://x/y'", "'mock' is not http or https"),
    ("file:///etc/hosts", "'file:///etc/hosts'", "'file' is not http or https"),
    ("http+unix://%2Fvar%2Frun/x", "'http+unix://%2Fvar%2Frun/x'", "'http+unix' is not http"),
    ("FTP://u:S3cret@x/y", "'FTP://...@x'", "'ftp' is not http or https"),
]


@pytest.mark.parametrize(("url", "shown", "words"), TYPED)
def test_what_was_typed_is_shown_with_the_scheme_that_carries_no_token(
    url: str, shown: str, words: str, keys: Keys
) -> None:
    with pytest.raises(ScopeError) as caught:
        NexmoJWT(APPLICATION_ID, keys.object).header(url)
    assert str(caught.value).startswith(shown)
    assert words in str(caught.value)
    assert "S3cret" not in str(caught.value)
    request = requests.Request("GET", "https://api.nexmo.com/").prepare()
    request.url = url
    unsigned = NexmoJWT(APPLICATION_ID, keys.object, elsewhere="unsigned")
    if "://" in url:
        assert "Authorization" not in unsigned(request).headers
    else:
        with pytest.raises(ScopeError):
            unsigned(request)


@pytest.mark.parametrize("host", ["api.nexmo.com", "api-eu.vonage.com", "dashboard.nexmo.com"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_variable_with_the_hosts_is_named_and_clear_text_to_vonage_never_advised(
    scheme: str, host: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXMO_JWT_HOSTS", "http://127.0.0.1:4010")
    for hosts, remedy in [
        (None, f"Unset NEXMO_JWT_HOSTS, or add https://{host} to it."),
        (["http://prism"], f'pass hosts=["https://{host}"]'),
    ]:
        with pytest.raises(ScopeError) as caught:
            NexmoJWT(APPLICATION_ID, keys.object, hosts=hosts).header(f"{scheme}://{host}/v1/calls")
        assert remedy in str(caught.value)
        is_named = "NEXMO_JWT_HOSTS names only http://127.0.0.1:4010" in str(caught.value)
        assert is_named == (hosts is None)


def test_an_origin_reads_as_people_write_it() -> None:
    assert str(origin_of("HTTPS://API.nexmo.com:443/x?y")) == "https://api.nexmo.com"
    assert str(origin_of("http://[::1]:8080/")) == "http://[::1]:8080"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_does_not_see_a_token_in_clear_text(
    variable: str, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(ScopeError, match=r"NO_PROXY=127\.0\.0\.1"):
            requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
        assert proxy.requests == []
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10).ok


# A URL, the configured hosts, and what happens to it where requests elsewhere go unsigned.
ELSEWHERE = [
    ("https://api.nexmo.com/v1/calls", None, "signed"),
    ("https://API.NEXMO.com:443/", None, "signed"),
    ("https://example.org/", None, "unsigned"),
    ("https://rest.nexmo.com/sms/json", None, "unsigned"),
    ("https://api.nexmo.com:8443/", None, "unsigned"),
    ("http://localhost:8080/", None, "unsigned"),
    ("https://127.0.0.1/", None, "unsigned"),
    ("http://[::1]/", None, "unsigned"),
    ("http://localhost:8080/", ["http://localhost:8080"], "signed"),
    ("http://localhost:8081/", ["http://localhost:8080"], "unsigned"),
    ("https://api.nexmo.com/", ["http://localhost:8080"], "unsigned"),
    ("http://api.nexmo.com/", None, "refused"),
    ("http://video.api.vonage.com/", None, "refused"),
    ("https://api.nexmo.com@example.org/", None, "refused"),
    ("https://example.org\\@api.nexmo.com/", None, "refused"),
    ("ftp://example.org/", None, "unsigned"),
]


@pytest.mark.parametrize(
    ("url", "hosts", "outcome"), ELSEWHERE, ids=[f"{url} {hosts}" for url, hosts, _ in ELSEWHERE]
)
def test_a_request_elsewhere_goes_unsigned_where_that_is_asked_for(
    url: str, hosts: list[str] | None, outcome: str, keys: Keys
) -> None:
    auth = NexmoJWT("x", keys.object, hosts=hosts, elsewhere="unsigned")
    request = requests.PreparedRequest()
    request.url, request.headers, request.hooks = url, {"X": "y"}, {"response": []}
    if outcome == "refused":
        with pytest.raises(ScopeError):
            auth(request)
    else:
        assert auth(request) is request
        assert ("Authorization" in request.headers) == (outcome == "signed")
        assert bool(request.hooks["response"]) == (outcome == "signed")
    if outcome != "signed":
        assert request.headers == {"X": "y"}
        with pytest.raises(ScopeError):
            auth.header(url)


@pytest.mark.parametrize("elsewhere", ["", "Unsigned", None, True, "refuse "])
def test_elsewhere_is_one_of_two_words(elsewhere: object, keys: Keys) -> None:
    with pytest.raises(ScopeError, match="Give 'refuse' or 'unsigned'"):
        NexmoJWT("x", keys.object, elsewhere=elsewhere)


@contextmanager
def sends_back(context: ssl.SSLContext, location: str) -> Iterator[tuple[int, list[bytes]]]:
    """Run a TLS server that redirects one request; yield its port, and what it is sent.

    A sandbox does not redirect to Vonage.
    """
    seen: list[bytes] = []
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"

    def serve() -> None:
        with context.wrap_socket(server.accept()[0], server_side=True) as connection:
            seen.append(connection.recv(65536))
            connection.sendall(answer.encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], seen
        thread.join(20)


def test_one_session_talks_to_vonage_and_to_everybody_else(internet: Internet, tls: TLS) -> None:
    auth = internet.vonage.auth(elsewhere="unsigned")
    back = "https://api.nexmo.com/v1/calls"
    with (
        sends_back(tls.context("example.com"), back) as (port, asked),
        requests.Session() as session,
    ):
        session.auth, session.verify = auth, internet.ca
        session.proxies = {"https": internet.proxy.url}
        assert session.get("https://api.nexmo.com/v1/calls").ok
        internet.elsewhere.answer_next(200)
        assert session.get("https://example.com/").ok
        to = {"Location": "https://example.com/"}
        internet.vonage.answer_next(302, headers=to)
        internet.elsewhere.answer_next(200)
        assert session.get("https://api.nexmo.com/").ok
        session.close()  # for a new connection, which leads to the other server
        internet.proxy.routes["example.com"] = port
        assert session.get("https://example.com/").status_code == 401
    assert [seen.claims is not None for seen in internet.vonage.requests] == [True, True, False]
    assert [seen.claims is not None for seen in internet.elsewhere.requests] == [False] * 2
    assert [b"authorization:" in request.lower() for request in asked] == [False]


def test_a_request_that_was_signed_loses_its_token_on_the_way_elsewhere(keys: Keys) -> None:
    auth = NexmoJWT("x", keys.object, elsewhere="unsigned")
    request = auth(requests.Request("GET", "https://api.nexmo.com/").prepare())
    assert "Authorization" in request.headers
    request.url = "https://example.org/"
    assert "Authorization" not in auth(request).headers
    assert request.hooks["response"] == []
    request.headers["Authorization"] = "Basic of-somebody-else"
    assert auth(request).headers["Authorization"] == "Basic of-somebody-else"


def test_elsewhere_is_kept_by_copies_and_compared(key_file: Path) -> None:
    refuse, unsigned = NexmoJWT("x", key_file), NexmoJWT("x", key_file, elsewhere="unsigned")
    assert refuse != unsigned
    assert unsigned == pickle.loads(pickle.dumps(unsigned)) == copy.deepcopy(unsigned)
    assert "elsewhere='unsigned'" in repr(unsigned)
    assert "elsewhere" not in repr(refuse)
    prepared = requests.Request("GET", "https://example.org/").prepare()
    assert "Authorization" not in pickle.loads(pickle.dumps(unsigned))(prepared).headers
