"""`nexmo-jwt token`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import jwt
import pytest
import requests
from conftest import APPLICATION_ID, TYPED, Run, environment_of

from requests_nexmo_jwt.sandbox import Sandbox


def claims_in(result: subprocess.CompletedProcess[str], nexmo: Sandbox) -> dict[str, object]:
    """Send what `nexmo-jwt token` printed to the sandbox and return what it read."""
    headers = {"Authorization": f"Bearer {result.stdout.rstrip()}"}
    response = requests.get(f"{nexmo.url}/v1/files/echo", headers=headers, timeout=10)
    assert response.ok, response.text
    return response.json()["claims"]


def test_token_prints_a_token_and_nothing_else(nexmo_jwt_process: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt_process("token", env=environment_of(nexmo))
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", result.stdout)
    assert set(claims_in(result, nexmo)) == {"application_id", "iat", "exp", "jti"}


def test_token_puts_in_what_is_asked_for(nexmo_jwt: Run, nexmo: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "acl.json").write_text('{"paths": {"/*/users/**": {"filters": {}}}}')
    result = nexmo_jwt(
        *("token", "--app-id", nexmo.application_id, "--private-key", nexmo.private_key),
        *("--ttl", 60, "--sub", "alice", "--claim", 'x={"a": [1, null]}'),
        *("--acl", "/v1/calls", "--acl", "GET,POST:/*/files/echo", "--acl", "@acl.json"),
    )
    claims = claims_in(result, nexmo)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["sub"] == "alice"
    assert claims["x"] == {"a": [1, None]}
    assert claims["acl"]["paths"] == {
        "/v1/calls": {},
        "/*/files/echo": {"methods": ["GET", "POST"]},
        "/*/users/**": {"filters": {}},
    }


def test_token_prints_the_whole_header(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    line = nexmo_jwt("token", "--header", env=environment_of(nexmo)).stdout.rstrip("\n")
    name, _, value = line.partition(": ")
    assert name == "Authorization"
    assert requests.get(f"{nexmo.url}/v1/calls", headers={name: value}, timeout=10).ok


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_curl_line_of_the_readme_works(nexmo: Sandbox) -> None:
    line = f'curl -s -H "Authorization: Bearer $({TYPED} token)" {nexmo.url}/v1/calls'
    env = {**os.environ, **environment_of(nexmo)}
    result = subprocess.run(line, shell=True, env=env, capture_output=True, check=True)
    assert b'"_embedded"' in result.stdout


# Arguments after `token`, the exit status, and words on stderr.
BAD_TOKENS = [
    (["--ttl", "29"], 2, "nexmo-jwt token: error: --ttl is 29 s. Give 30 to 86400 s"),
    (["--ttl", "9" * 5000], 2, "not a whole number of seconds"),
    (["--sub", ""], 2, "nexmo-jwt token: error: --sub is ''"),
    (["--acl", "calls"], 2, "is not an acl"),
    (["--acl", "@nowhere.json"], 2, "acl file 'nowhere.json' cannot be read"),
    (["--acl", "@/dev/null"], 2, "is not JSON"),
    (["--acl", "@/dev/zero"], 2, "is not JSON"),
    (["--acl", "@deep.json"], 2, "is not JSON"),
    (["--acl", "@more.json"], 2, 'is not an acl. Its form is {"paths"'),
    (["--acl", "/a", "--acl", "GET:/a"], 2, "names '/a' twice"),
    (["--acl", "@none.json"], 2, "error: --acl names no path"),
    (["--acl", "@codes.json", "--acl", "@other.json"], 2, r"names '/\x1b[31m' twice"),
    (["--\x1b[31m=x"], 2, r"unrecognized arguments: --\x1b[31m"),
    (["--claim", "secret:S3cret"], 2, "argument --claim: it is not of the form NAME=JSON"),
    (["--claim", "x=text"], 2, "a string has quotes"),
    (["--claim", "x=NaN"], 2, "written as JSON"),
    (["--claim", "exp=5"], 2, "--claim has 'exp', which is always set. Leave it out;"),
    (["--claim", 'application_id="x"'], 2, "the id is that of --app-id"),
    (["--claim", "iat=5"], 2, "--claim has 'iat', which is always set. Leave it out;"),
    (["--claim", "x=1", "--claim", "x=2"], 2, "one claim twice"),
    (["--private-key", "nowhere.key"], 2, "--private-key needs --app-id beside it"),
    (["--app-id", "x"], 2, "--app-id needs --private-key beside it"),
    (["--app-id", "", "--private-key", "nowhere.key"], 2, "--app-id: it is empty"),
    (["--app-id", "x", "--private-key", " "], 2, "--private-key: it is empty"),
    (["--app-id", "x", "--private-key", "nowhere.key"], 1, "nowhere.key', which does not exist"),
    (["--app-id", " x", "--private-key", "n.key"], 1, ": --app-id has white space"),
    (["--app-id", "x", "--private-key", "A1b2" * 40], 1, ": --private-key was treated as a path"),
    (["--app-id", "x", "--private-key", '{"kty": "RSA"}'], 1, ": --private-key is JSON"),
    (
        ["--app-id", "n.key", "--private-key", APPLICATION_ID],
        1,
        ": --private-key looks like an application id; perhaps id and key were swapped. "
        "Exchange the two, as in --app-id ID --private-key PATH.",
    ),
    (
        ["--app-id", "abcd1234", "--private-key", "s3cr3tApiSecret1"],
        1,
        ": --private-key looks like an API secret (redacted), and the id beside it like an API key",
    ),
]


@pytest.mark.parametrize(("arguments", "status", "words"), BAD_TOKENS)
def test_a_token_that_cannot_be_made_is_reported(
    arguments: list[str], status: int, words: str, nexmo_jwt: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "none.json").write_text('{"paths": {}}')
    (tmp_path / "codes.json").write_text('{"paths": {"/\\u001b[31m": {}}}')
    (tmp_path / "other.json").write_text('{"paths": {"/\\u001b[31m": {"methods": ["GET"]}}}')
    (tmp_path / "more.json").write_text('{"paths": {"/v1/calls": {}}, "path": {}}')
    result = nexmo_jwt("token", *arguments, env=environment_of(nexmo))
    assert (result.returncode, result.stdout) == (status, "")
    assert words in result.stderr
    assert not re.search(r"application_id |private_key |NexmoJWT\(|s3cr3t", result.stderr)
    assert len(result.stderr.splitlines()) == 1
    if status == 2:
        assert result.stderr.startswith("nexmo-jwt token: error: ")
        assert result.stderr.endswith(" (usage: nexmo-jwt token --help)\n")


@pytest.mark.parametrize(("text", "seconds"), [("60", 60), ("60s", 60), ("15m", 900), ("2h", 7200)])
def test_a_lifetime_may_have_a_unit(
    text: str, seconds: int, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    token = nexmo_jwt("token", "--ttl", text, env=environment_of(nexmo)).stdout
    claims = jwt.decode(token.strip(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("folder", ["my private_key folder", "an application_id x"])
def test_a_path_is_shown_as_it_was_given(folder: str, nexmo_jwt: Run) -> None:
    result = nexmo_jwt("token", "--app-id", "x", "--private-key", f"{folder}/n.key")
    assert f"{folder}/n.key', which does not exist" in result.stderr


def test_without_credentials_the_places_are_listed(nexmo_jwt: Run) -> None:
    result = nexmo_jwt("token")
    assert result.returncode == 1
    first, *places = result.stderr.splitlines()
    assert first.startswith("nexmo-jwt: No credentials were found. Set VONAGE_APPLICATION_ID")
    assert "--private-key. Without an account, run 'nexmo-jwt sandbox'. Checked:" in first
    assert places[0] == "  VONAGE_APPLICATION_ID (not set)"
    assert len(places) < 12
