"""`nexmo-jwt inspect`."""

import itertools
import json
import os
import re
import string
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from conftest import (
    APPLICATION_ID,
    ARTICLE_TOKEN,
    NEXMO_JWT,
    Keys,
    Run,
    at_a_terminal,
    environment_of,
    forge,
)

from requests_nexmo_jwt.sandbox import Sandbox


def raw(header: str, claims: str) -> str:
    parts = [jwt.utils.base64url_encode(text.encode()).decode() for text in (header, claims)]
    return ".".join([*parts, ""])


def test_the_token_of_the_article_gets_its_faults_reported(nexmo_jwt: Run) -> None:
    result = nexmo_jwt("inspect", ARTICLE_TOKEN)
    assert result.returncode == 1
    assert '"1541060230"  2018-11-01 08:17:10 UTC' in result.stdout
    assert re.search(r"1541060290  2018-11-01 08:18:10 UTC, \d+ days ago", result.stdout)
    assert (
        "? iat is '1541060230', a string; whether Nexmo accepts that is not documented"
        in result.stdout
    )
    assert re.search(r"✗ expired \d+ days ago", result.stdout)
    assert "✓ application_id" in result.stdout
    assert "? the signature was not verified: no key is available" in result.stdout


@pytest.mark.parametrize(
    "wrapped",
    [
        "  {}\n",
        "Bearer {}",
        "authorization:bearer   {}\r\n",
        "curl https://api.nexmo.com/v1/calls -H 'Authorization: Bearer {}' -H 'X: y'",
        'curl "https://api.nexmo.com/v1/calls" \\\n  -H "Authorization: Bearer {}"',
        "the bearer token is {} and that is all",
        "WWW-Authenticate: Bearer realm=api.nexmo.com\nAuthorization: Bearer {}",
    ],
)
def test_inspect_finds_the_token_in_what_people_paste(wrapped: str, nexmo_jwt: Run) -> None:
    text = wrapped.format(ARTICLE_TOKEN)
    for result in (nexmo_jwt("inspect", text), nexmo_jwt("inspect", "-", stdin=text.encode())):
        assert '"9ead20a9-f7d8-4c4f-a111-e902b5852fd4"' in result.stdout


def test_a_good_token_keeps_every_rule_and_says_how_long(nexmo_jwt: Run, keys: Keys) -> None:
    result = nexmo_jwt("inspect", forge(keys, sub="alice"))
    assert result.returncode == 0
    assert re.search(r"exp .* UTC, in 15 min", result.stdout)
    assert result.stdout.count("✓") == 9
    assert "✗" not in result.stdout


# What a token says, at a time, and the words of its rule.
RULES = [
    (lambda now: {"iat": now - 260_000, "exp": now - 259_300}, "✗ expired 3 days ago"),
    (lambda now: {"acl": ["/a"]}, "✗ acl is ['/a']"),
    (lambda now: {"exp": now + 25}, "? exp is 25 s after iat; 30 s is the documented minimum, and"),
    (lambda now: {"iat": now, "exp": None}, "✓ exp: absent: 15 min after iat"),
]


@pytest.mark.parametrize(("change", "words"), RULES, ids=itertools.count())
def test_each_rule_is_reported_with_its_reason(
    change: Callable[[int], dict[str, object]], words: str, nexmo_jwt: Run, keys: Keys
) -> None:
    claims = {"iat": int(time.time()), **change(int(time.time()))}
    result = nexmo_jwt("inspect", forge(keys, **claims))
    (line,) = (line for line in result.stdout.splitlines() if words in line)
    mark = line.strip()[0]
    assert mark in "✓✗?"
    assert result.returncode == (1 if mark == "✗" else 0)
    assert ("not documented" in line) == (mark == "?")
    report = json.loads(nexmo_jwt("inspect", "--json", forge(keys, **claims)).stdout)
    (rule,) = (rule for rule in report["rules"] if line.endswith(rule["reason"]))
    assert rule["kept"] is {"✓": True, "✗": False, "?": None}[mark]
    assert report["ok"] is (mark != "✗")


ACL = {"paths": {"/*/calls/**": {"methods": ["GET"]}, "/v1/users": {}}}
CALLS = "https://api.nexmo.com/v1/calls"
BASIC = "✗ this product does not accept a token: the {} API accepts the API key and secret"

# A token's acl, the request that it is for, and a line on that.
FOR = [
    (None, f"GET {CALLS}", "✓ for: GET /v1/calls"),
    (ACL, f"GET {CALLS}", "✓ for: the acl permits GET /v1/calls"),
    (ACL, f"get {CALLS}", "✓ for: the acl permits GET /v1/calls"),
    (ACL, f"  GET   {CALLS}\n", "✓ for: the acl permits GET /v1/calls"),
    (ACL, CALLS, "✓ for: the acl permits GET /v1/calls"),
    (ACL, "/v1/calls", "✓ for: the acl permits GET /v1/calls"),
    (ACL, "PUT /v1/users?x=y", "✓ for: the acl permits PUT /v1/users"),
    (ACL, f"POST {CALLS}", "✗ the acl does not permit POST /v1/calls"),
    (ACL, "https://api.nexmo.com", "✗ the acl does not permit GET /"),
    (ACL, "//api.nexmo.com/v1/calls", "✗ the acl does not permit GET //api.nexmo.com/v1/calls"),
    (None, "//[", "✓ for: GET //["),
    (None, "/v1/\x1b[2J", "✓ for: GET /v1/\\x1b[2J"),
    (None, "https://api.nexmo.com/v2/applications", BASIC.format("Application")),
    (None, "/v2/applications?from=https://example.com", BASIC.format("Application")),
    (ACL, "https://api.nexmo.com/verify/json", BASIC.format("Verify v1")),
    (
        {"paths": {"/**": {}}},
        "POST https://api-eu.vonage.com/oauth2/bc-authorize",
        "✗ a token for /oauth2/bc-authorize must not have an acl",
    ),
    (None, "POST /oauth2/bc-authorize", "✓ for: POST /oauth2/bc-authorize"),
    ({"paths": {"/**": {}}}, "/oauth2/token", "✓ for: the acl permits GET /oauth2/token"),
    (None, "/v1/sessions", "✗ the Client SDK API wants the token of a user, one with sub"),
    (
        None,
        "https://api.opentok.com/v2/project/x",
        "✗ this product does not accept a token: the OpenTok API accepts its own token, in the "
        "header X-OPENTOK-AUTH",
    ),
]


@pytest.mark.parametrize(("acl", "request_for", "words"), FOR)
def test_inspect_reports_whether_a_token_opens_a_request(
    acl: object, request_for: str, words: str, nexmo_jwt: Run, keys: Keys
) -> None:
    token = forge(keys, acl=acl)
    result = nexmo_jwt("inspect", token, "--for", request_for)
    assert f"\n  {words}" in result.stdout
    assert result.returncode == ("✗" in words)
    report = json.loads(nexmo_jwt("inspect", token, "--json", "--for", request_for).stdout)
    kept = [rule["kept"] for rule in report["rules"] if rule["name"] == "for"]
    assert report["ok"] is all(kept) is ("✗" not in words)


@pytest.mark.parametrize("claims", ['{"acl": ["/v1/users"]}', '{"acl": {}}', '{"acl": null}'])
def test_an_acl_that_cannot_be_read_is_not_said_to_open_a_request(
    claims: str, nexmo_jwt: Run
) -> None:
    token = raw('{"alg":"RS256","typ":"JWT"}', claims) + "AAAA"
    result = nexmo_jwt("inspect", token, "--for", "/v1/calls")
    assert re.search("^  ✗ .*acl", result.stdout, re.MULTILINE)
    assert "  ? the acl cannot be read, so it may not permit GET /v1/calls\n" in result.stdout
    assert "the acl opens" not in result.stdout


def test_a_long_path_is_named_as_a_path(nexmo_jwt: Run, keys: Keys) -> None:
    path = "/v1/conversations/" + "CON0123456789abcdef" * 4
    result = nexmo_jwt("inspect", forge(keys, acl=ACL), "--for", path)
    (line,) = (line for line in result.stdout.splitlines() if "the acl does not permit" in line)
    assert not re.search(r"\bstr\b", line)


@pytest.mark.parametrize(
    "request_for",
    [
        "",
        "GET",
        "foo",
        "GET foo",
        "G3T /v1/calls",
        f"POST GET {CALLS}",
        f"GET {CALLS} HTTP/1.1",
        "ftp://api.nexmo.com/v1/calls",
        "https://[::1/",
        "https://user@api.nexmo.com/v1/calls",
        "https://evil.example\\@api.nexmo.com/v1/calls",
        "https://api.nexmo.com:port/",
    ],
)
def test_a_request_that_is_none_is_wrong_usage(
    request_for: str, nexmo_jwt: Run, keys: Keys
) -> None:
    result = nexmo_jwt("inspect", forge(keys), "--for", request_for)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("nexmo-jwt inspect: error: ")
    assert "is not of the form 'GET https://api.nexmo.com/v1/calls'" in result.stderr


RS256 = '{"alg":"RS256","typ":"JWT"}'

# A text, and words of what is printed.
HOSTILE = {
    "HS256": (raw('{"alg":"HS256","typ":"JWT"}', '{"iat":1}') + "AAAA", "✗ alg is 'HS256'"),
    "none": (raw('{"alg":"none"}', "{}"), "✗ alg is 'none'"),
    "no typ": (raw('{"alg":"RS256"}', "{}"), "? typ is None; only 'JWT' is documented"),
    "codes": (raw(RS256, '{"sub":"\\u001b[2J\\u009b","\\u001b]0;x\\u0007":1}'), "\\u001b[2J"),
    # In the header; or where PyJWT knows "crit", in an error.
    "critical codes": (raw('{"alg":"RS256","typ":"JWT","crit":["\\u001b[2J"]}', "{}"), "crit"),
    "a huge number": (raw(RS256, '{"exp":' + "9" * 4000 + "}"), "exp"),
    "far future": (raw(RS256, '{"exp":9007199254740991}'), "calendars"),
    "claims are a list": (raw('{"alg":"RS256"}', "[]"), "not a JSON Web Token"),
    "claims are deep": (raw('{"alg":"RS256"}', "[" * 20_000), "not a JSON Web Token"),
    "one word": ("hello", "not a JSON Web Token"),
    "empty": ("", "The token is empty"),
    "Bearer alone": ("Authorization: Bearer ", "not a JSON Web Token"),
    "prose": ("there is none in here", "This text has no token"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_inspect_survives_hostile_tokens(case: str, nexmo_jwt: Run) -> None:
    token, words = HOSTILE[case]
    result = nexmo_jwt("inspect", token)
    assert result.returncode == 1
    assert words in result.stdout + result.stderr
    assert "\x9b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "The token is empty"),
        (bytes(range(256)) * 8, "This text has no token"),
        (b"\0" * 100, "not a JSON Web Token"),
        (b"eyJ" * 1_000_000, "more than 1 MiB"),
    ],
)
def test_inspect_survives_whatever_is_on_stdin(stdin: bytes, words: str, nexmo_jwt: Run) -> None:
    result = nexmo_jwt("inspect", "-", stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert words in result.stderr


def names(number: int, times: int = 1) -> str:
    """Return the JSON of an object with so many different names, each so often."""
    letters = string.ascii_uppercase + string.digits + string.ascii_lowercase  # no "iat" or "kid"
    words = ("".join(word) for word in itertools.product(letters, repeat=3))
    pairs = [f'"{word}":0' for word in itertools.islice(words, number)]
    return "{" + ",".join(pairs * times) + "}"


# Nearly 1 MiB each: a second where the cost grows with the size, minutes where with its square.
HUGE = {
    "beginnings of tokens": ("eyJ-" * 125_000 + " " + "eyJ-" * 125_000, "This text has no token"),
    "beginnings of tokens with dots": ("eyJ-." * 200_000 + " x", "This text has no token"),
    "Bearer without a token": ("Bearer " * 149_000, "not a JSON Web Token"),
    "Bearer and white space": ("x Bearer" + "\t " * 500_000, "not a JSON Web Token"),
    "Bearer and quotes": ("Bearer '" * 130_000, "not a JSON Web Token"),
    "a word": ("x" * 1_000_000, "not a JSON Web Token"),
    "dots": ("." * 500_000 + " " + "." * 500_000, "This text has no token"),
    "98,000 different names": (raw(RS256, names(98_000)), "✗ application_id is missing"),
    "98,000 different names in the header": (raw(names(98_000), "{}"), "✗ alg is None"),
}


@pytest.mark.parametrize("case", HUGE)
def test_inspect_answers_a_megabyte_of_hostile_text(case: str, nexmo_jwt: Run) -> None:
    text, words = HUGE[case]
    assert 900_000 < len(text) < 1 << 20
    result = nexmo_jwt("inspect", "-", stdin=text.encode())
    assert result.returncode == 1
    assert words in result.stdout + result.stderr


def test_a_token_with_one_long_name_prints_no_screens_of_blanks(nexmo_jwt: Run) -> None:
    claims = '{"' + "x" * 5000 + '":0,' + names(1000).removeprefix("{")
    token = raw(RS256, claims)
    assert len(nexmo_jwt("inspect", token).stdout) < 20 * len(token)


@pytest.mark.parametrize("nested", ["[]", '{"a":}'], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [100, 900, 1000, 10_000])
def test_a_token_that_is_deep_is_shown_or_refused(depth: int, nested: str, nexmo_jwt: Run) -> None:
    deep = nested[:-1] * depth + "0" + nested[-1] * depth
    for token in (
        raw(RS256, f'{{"x":{deep}}}'),
        raw(RS256, f'{{"acl":{deep}}}'),
        raw(f'{{"alg":{deep}}}', "{}"),
    ):
        for options in ([], ["--json"]):
            result = nexmo_jwt("inspect", token, *options)
            assert result.returncode == 1
            assert ("not a JSON Web Token" in result.stderr) == (result.stdout == "")


# An encoding of the terminal, options, and how a name is printed in it.
ENCODINGS = [
    ("utf-8", [], '"zoë"'),
    ("ascii", [], '"zo\\xeb"'),
    ("ascii", [], "\\u2713 sub: a string"),
    ("ascii", ["--json"], '"zo\\u00eb"'),
]


@pytest.mark.parametrize(("encoding", "options", "words"), ENCODINGS)
def test_a_name_is_printed_as_the_terminal_can_show_it(
    encoding: str, options: list[str], words: str, keys: Keys, tmp_path: Path
) -> None:
    result = subprocess.run(
        [NEXMO_JWT, "inspect", forge(keys, sub="zoë"), *options],
        env={**os.environ, "HOME": str(tmp_path), "PYTHONIOENCODING": encoding},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert words.encode(encoding) in result.stdout


def test_inspect_says_it_verified_only_what_it_verified(
    nexmo_jwt: Run, keys: Keys, nexmo: Sandbox, key_file: Path
) -> None:
    token = forge(keys)
    unverified = nexmo_jwt("inspect", token)
    assert "not verified" in unverified.stdout
    mine = nexmo_jwt("inspect", token, "--private-key", key_file)
    assert "✓ the signature was made with your key, SHA256:" in mine.stdout
    assert mine.returncode == 0
    theirs = nexmo_jwt("inspect", token, env=environment_of(nexmo))
    assert "✗ the signature was not made with your key" in theirs.stdout
    assert (
        f"the key of application '{nexmo.application_id}', not of '{APPLICATION_ID}'"
        in theirs.stdout
    )
    assert theirs.returncode == 1
    header, claims, signature = token.split(".")
    for forged, verdict in (
        ("", "is cut"),
        (signature[:-2], "is cut"),
        (f"{signature[:-4]}AAAA", "was not made"),
    ):
        shown = nexmo_jwt("inspect", f"{header}.{claims}.{forged}", "--private-key", key_file)
        assert f"✗ the signature {verdict}" in shown.stdout
    broken = nexmo_jwt("inspect", token, env={"VONAGE_APPLICATION_ID": "x"})
    assert "not verified: VONAGE_APPLICATION_ID is set" in broken.stdout
    assert broken.returncode == 0


def test_inspect_prints_json_for_machines(nexmo_jwt: Run, keys: Keys) -> None:
    good = json.loads(nexmo_jwt("inspect", "--json", forge(keys)).stdout)
    assert good["ok"] is True
    assert good["signature"]["verified"] is None
    assert good["header"] == {"alg": "RS256", "typ": "JWT"}
    bad = json.loads(nexmo_jwt("inspect", "--json", ARTICLE_TOKEN).stdout)
    assert bad["ok"] is False
    verdicts = {rule["name"]: rule["kept"] for rule in bad["rules"]}
    assert {name: kept for name, kept in verdicts.items() if kept is not True} == {
        "iat": None,
        "exp": False,
    }
    assert bad["claims"]["iat"] == "1541060230"


@pytest.mark.parametrize(
    ("variable", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    variable: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    command = [str(NEXMO_JWT), "inspect", ARTICLE_TOKEN]
    shown = at_a_terminal(command, {"HOME": str(tmp_path), **variable})
    assert ("\033[31m" in shown) == coloured
