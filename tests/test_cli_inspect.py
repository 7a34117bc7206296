"""`nexmo-jwt inspect`."""

import itertools
import json
import re
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


def test_the_token_of_the_article_is_told_its_faults(nexmo_jwt: Run) -> None:
    result = nexmo_jwt("inspect", ARTICLE_TOKEN)
    assert result.returncode == 1
    assert '"1541060230"  2018-11-01 08:17:10 UTC' in result.stdout
    assert re.search(
        r"1541060290  2018-11-01 08:18:10 UTC, \d+ days ago, 60 s after iat", result.stdout
    )
    assert "✗ iat is '1541060230'; it must be Unix seconds, an integer" in result.stdout
    assert re.search(r"✗ expired \d+ days ago", result.stdout)
    assert "✓ application_id" in result.stdout
    assert "? the signature was not verified: there is no key at hand" in result.stdout


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        "  {}\n",
        "Bearer {}",
        "Authorization: Bearer {}",
        "authorization:bearer   {}\r\n",
        "curl https://api.nexmo.com/v1/calls -H 'Authorization: Bearer {}' -H 'X: y'",
        'curl "https://api.nexmo.com/v1/calls" \\\n  -H "Authorization: Bearer {}"',
        "the token is {} and that is all",
        "the bearer token is {} and that is all",
        "WWW-Authenticate: Bearer realm=api.nexmo.com\nAuthorization: Bearer {}",
        "The Bearer token. Authorization: Bearer {}",
    ],
)
def test_inspect_finds_the_token_in_what_people_paste(wrapped: str, nexmo_jwt: Run) -> None:
    result = nexmo_jwt("inspect", wrapped.format(ARTICLE_TOKEN))
    assert '"9ead20a9-f7d8-4c4f-a111-e902b5852fd4"' in result.stdout


def test_inspect_finds_it_on_stdin_too(nexmo_jwt: Run) -> None:
    result = nexmo_jwt(
        "inspect",
        "-",
        stdin=f"curl -H 'Authorization: Bearer {ARTICLE_TOKEN}' \
 x".encode(),
    )
    assert '"9ead20a9-f7d8-4c4f-a111-e902b5852fd4"' in result.stdout


def test_a_good_token_keeps_every_rule_and_says_how_long(nexmo_jwt: Run, keys: Keys) -> None:
    result = nexmo_jwt("inspect", forge(keys, sub="alice", nbf=int(time.time())))
    assert result.returncode == 0
    assert re.search(r"exp .* UTC, in 14 min, 900 s after iat", result.stdout)
    assert result.stdout.count("✓") == 9
    assert "✗" not in result.stdout


# What a token says, at a time, and the words of its rule.
RULES = [
    (lambda now: {"iat": None}, "✗ iat is None"),
    (lambda now: {"iat": now + 5000, "exp": now + 6000}, "✗ iat is 1 hour in the future"),
    (lambda now: {"iat": now - 260_000, "exp": now - 259_300}, "✗ expired 3 days ago"),
    (lambda now: {"exp": now + 200_000}, "✗ exp is 200000 s after iat; it must be 30 to 86400 s"),
    (lambda now: {"nbf": now + 880}, "✗ nbf is 14 min in the future"),
    (lambda now: {"jti": None}, "✗ jti is missing"),
    (lambda now: {"application_id": None}, "✗ application_id is missing"),
    (lambda now: {"acl": ["/a"]}, "✗ acl is ['/a']"),
    (lambda now: {"iat": now, "exp": None}, "✓ exp: not there: Nexmo takes 15 min after iat"),
]


@pytest.mark.parametrize(("change", "words"), RULES, ids=itertools.count())
def test_each_rule_is_told_with_its_reason(
    change: Callable[[int], dict[str, object]], words: str, nexmo_jwt: Run, keys: Keys
) -> None:
    claims = {"iat": int(time.time()), **change(int(time.time()))}
    result = nexmo_jwt("inspect", forge(keys, **claims))
    assert result.returncode == ("✗" in words)
    assert words in result.stdout


HOSTILE = {
    "HS256": (raw('{"alg":"HS256","typ":"JWT"}', '{"iat":1}') + "AAAA", "✗ alg is 'HS256'"),
    "none": (raw('{"alg":"none"}', "{}"), "✗ alg is 'none'"),
    "no typ": (raw('{"alg":"RS256"}', "{}") + "AAAA", "✗ typ is None"),
    "claims twice": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"iat":1,"iat":2}') + "AAAA",
        "✗ 'iat' is there more than once",
    ),
    "alg twice": (
        raw('{"alg":"none","alg":"RS256","typ":"JWT"}', "{}") + "AAAA",
        "'alg' is there more",
    ),
    "terminal codes": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"sub":"\\u001b[2J\\u009b","\\u001b]0;x\\u0007":1}')
        + "AAAA",
        "\\u001b[2J",
    ),
    "terminal codes twice": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"\\u001b[2J":1,"\\u001b[2J\\u0007":1,"\\u001b[2J":2}')
        + "AAAA",
        "✗ '\\x1b[2J' is there more than once",
    ),
    "terminal codes in what is critical": (
        raw('{"alg":"RS256","typ":"JWT","crit":["\\u001b[2J"]}', "{}") + "AAAA",
        "1b[2J",  # in the header, or where PyJWT knows "crit", in an error
    ),
    "not a number": (raw('{"alg":"RS256"}', '{"x":NaN}') + "AAAA", "no JSON Web Token"),
    "a huge number": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"exp":' + "9" * 4000 + "}") + "A" * 4,
        "exp",
    ),
    "far future": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"exp":9007199254740991}') + "AAAA",
        "calendars",
    ),
    "claims are a list": (raw('{"alg":"RS256"}', "[]") + "AAAA", "no JSON Web Token"),
    "claims are deep": (raw('{"alg":"RS256"}', "[" * 20_000) + "AAAA", "no JSON Web Token"),
    "a.b.c": ("a.b.c", "no JSON Web Token"),
    "two dots": ("..", "no JSON Web Token"),
    "one word": ("hello", "no JSON Web Token"),
    "empty": ("", "The token is empty"),
    "white space": (" \n", "The token is empty"),
    "Bearer alone": ("Authorization: Bearer ", "no JSON Web Token"),
    "prose": ("there is none in here", "no token in this text"),
    "not ASCII": ("é.ü.ß", "no JSON Web Token"),
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
        (bytes(range(256)) * 8, "no token in this text"),
        (b"\0" * 100, "no JSON Web Token"),
        (b"eyJ" * 1_000_000, "more than 1 MiB"),
    ],
)
def test_inspect_survives_whatever_is_on_stdin(stdin: bytes, words: str, nexmo_jwt: Run) -> None:
    result = nexmo_jwt("inspect", "-", stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert words in result.stderr


def test_inspect_says_it_verified_only_what_it_verified(
    nexmo_jwt: Run, keys: Keys, nexmo: Sandbox, key_file: Path
) -> None:
    token = forge(keys)
    unverified = nexmo_jwt("inspect", token)
    assert "not verified" in unverified.stdout
    mine = nexmo_jwt("inspect", token, "--private-key", key_file)
    assert "✓ the signature is by the key at hand, SHA256:" in mine.stdout
    assert mine.returncode == 0
    theirs = nexmo_jwt("inspect", token, env=environment_of(nexmo))
    assert "✗ the signature is not by the key at hand" in theirs.stdout
    assert (
        f"the key of application '{nexmo.application_id}', not of '{APPLICATION_ID}'"
        in theirs.stdout
    )
    assert theirs.returncode == 1
    header, claims, signature = token.split(".")
    for forged in (f"{header}.{claims}.", f"{header}.{claims}.{signature[:-4]}AAAA"):
        assert (
            "✗ the signature is not"
            in nexmo_jwt("inspect", forged, "--private-key", key_file).stdout
        )
    half = nexmo_jwt("inspect", token, "--app-id", "x")
    assert (half.returncode, half.stdout) == (2, "")
    assert "--app-id needs --private-key beside it" in half.stderr
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
    assert {rule["name"] for rule in bad["rules"] if not rule["kept"]} == {"iat", "exp"}
    assert bad["claims"]["iat"] == "1541060230"


def test_marks_are_ascii_where_the_terminal_has_no_others(
    nexmo_jwt_process: Run, keys: Keys
) -> None:
    strange = nexmo_jwt_process("inspect", forge(keys, iat="é"), env={"PYTHONIOENCODING": "ascii"})
    assert "x iat is '\\xe9'; it must be" in strange.stdout
    result = nexmo_jwt_process("inspect", ARTICLE_TOKEN, env={"PYTHONIOENCODING": "ascii"})
    assert "  x iat is" in result.stdout
    assert "  + jti" in result.stdout


@pytest.mark.parametrize(
    ("variable", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    variable: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    command = [str(NEXMO_JWT), "inspect", ARTICLE_TOKEN]
    shown = at_a_terminal(command, {"HOME": str(tmp_path), **variable})
    assert ("\033[31m" in shown) == coloured
