"""`nexmo-jwt check`."""

import base64
import json
import re
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hermetic
import pytest
import requests
from conftest import (
    APPLICATION_ID,
    ARTICLE_TOKEN,
    NEXMO_JWT,
    PASSPHRASE,
    TLS,
    TYPED,
    Keys,
    Run,
    answering,
    at_a_terminal,
    environment_of,
    forge,
    key_text_in,
)
from connect_proxy import ConnectProxy
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from requests_nexmo_jwt.sandbox import Sandbox


def account_of(nexmo: Sandbox) -> dict[str, str]:
    """Return the variables in which its API key and secret are found, which may be sent there."""
    account = {"VONAGE_API_KEY": nexmo.api_key, "VONAGE_API_SECRET": nexmo.api_secret}
    return {**account, "NEXMO_JWT_HOSTS": nexmo.url}


def report_of(result: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return the JSON that `check --json` printed, and hold it against the exit status."""
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["ok"] else 1)
    assert report["ok"] is not True or report["causes"] == []
    return report


def causes_in(report: dict[str, object]) -> list[tuple[str, str]]:
    return [(cause["code"], cause["certainty"]) for cause in report["causes"]]


def test_a_token_that_was_cut_short_is_named_before_its_key(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/calls", "--token", forge(nexmo)[:-10])
    (cause,) = report_of(nexmo_jwt(*ask, env=account_of(nexmo)))["causes"]
    assert "signature is cut short" in cause["problem"]


def test_a_key_from_a_pipe_is_read_once(nexmo: Sandbox, tmp_path: Path) -> None:
    script = f"{TYPED} check --app-id {nexmo.application_id} --host {nexmo.url} "
    script += f"--private-key <(cat {shlex.quote(str(nexmo.private_key))})"
    env = hermetic.environment(tmp_path)
    shown = subprocess.check_output(["bash", "-c", script], env=env, text=True, timeout=60)
    assert shown.startswith("The token is accepted: 200 OK.\n")


def test_check_says_that_all_is_well(nexmo_jwt_process: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt_process("check", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    assert result.returncode == 0, result
    assert result.stdout.startswith("The token is accepted: 200 OK.\n")
    for words in (
        "credentials: environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)",
        f"application: {nexmo.application_id}\n",
        "RSA, 2048 bits, PKCS#8 PEM",
        nexmo.auth().fingerprint,
        f"only you can read {nexmo.private_key} (mode 0600)",
        "200 OK",
    ):
        assert words in result.stdout
    assert re.search(r"clock: +within \d s, by the server's Date", result.stdout)
    assert "BEGIN PUBLIC KEY" not in result.stdout
    assert "\n1." not in result.stdout
    last = result.stdout.splitlines()[-1]
    for name in ("requests-nexmo-jwt", "requests", "PyJWT", "cryptography", "Python"):
        assert f"{name} " in last
    assert [seen.path for seen in nexmo.requests] == ["/v1/calls"]


def test_public_key_prints_it_alone_and_check_shows_neither_key(
    nexmo_jwt: Run, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    nexmo.accept_key(keys.public)
    (tmp_path / "locked.key").write_bytes(keys.encrypted_pkcs1)
    (tmp_path / "locked.key").chmod(0o644)
    (tmp_path / ".vonagerc").write_text(
        json.dumps({"app-id": nexmo.application_id, "private-key": "locked.key"})
    )
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    result = nexmo_jwt("public-key", env=env)
    assert (result.returncode, result.stdout) == (0, keys.public_pem.decode())
    assert nexmo.requests == []
    result = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/calls", env=env)
    assert result.returncode == 0, result
    assert "PUBLIC KEY" not in result.stdout
    assert "encrypted PKCS#1 PEM" in result.stdout
    checked = "also checked, no credentials there: VONAGE_APPLICATION_ID (not set), "
    checked += "VONAGE_APP_ID (not set), NEXMO_APPLICATI"
    assert checked in result.stdout
    assert "others can read" in result.stdout
    assert "chmod 600" in result.stdout
    for pem in (keys.encrypted_pkcs1, keys.pkcs1, keys.pkcs8):
        body = re.sub(rb"MII.{60}", b"", pem)
        assert key_text_in(result.stdout.replace(keys.public_pem.decode(), ""), body) is None


def test_with_key_and_secret_at_hand_four_broken_setups_are_diagnosed_for_certain(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/calls")
    env = {**environment_of(nexmo), **account_of(nexmo)}

    other_key = report_of(nexmo_jwt(*ask, env={**env, "VONAGE_PRIVATE_KEY": str(key_file)}))
    assert causes_in(other_key) == [("key", "certain")]
    problem = other_key["causes"][0]["problem"]
    assert f"has the public key {nexmo.auth().fingerprint}, but yours is SHA256:" in problem

    other_id = report_of(nexmo_jwt(*ask, env={**env, "VONAGE_APPLICATION_ID": APPLICATION_ID}))
    assert causes_in(other_id) == [("application", "certain")]
    problem = other_id["causes"][0]["problem"]
    assert problem == f"Account {nexmo.api_key} has no application '{APPLICATION_ID}'."

    basic = report_of(
        nexmo_jwt("check", "--json", "--url", f"{nexmo.url}/v2/applications", env=env)
    )
    assert causes_in(basic) == [("wrong-authentication", "certain")]
    assert "the Application API accepts the API key and secret" in basic["causes"][0]["problem"]

    nexmo.clock_offset = 3600
    clock = report_of(nexmo_jwt(*ask, env=env))
    assert causes_in(clock) == [("clock", "certain")]
    assert (clock["ok"], clock["request"]["status"]) == (False, 200)
    assert clock["request"]["second_try"] is True
    assert 3598 <= clock["clock"]["offset_s"] <= 3600


def test_one_date_does_not_prove_a_token_expired_that_is_valid_here(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.clock_offset = 86_400
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/calls", "--token", forge(nexmo))
    assert ("expired", "likely") in causes_in(report_of(nexmo_jwt(*ask, env=environment_of(nexmo))))


def test_beside_a_fault_of_the_token_the_capability_is_only_possible(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    token = forge(nexmo, acl={"paths": {"/*/users/**": {}}})
    ask = ("check", "--json", "--url", f"{nexmo.url}/v3/media/x", "--token", token)
    env = {**environment_of(nexmo), **account_of(nexmo)}
    causes = causes_in(report_of(nexmo_jwt(*ask, env=env)))
    assert causes[0] == ("acl", "likely")
    assert ("capability", "possible") in causes


# What the path and the token are, and the first cause with its certainty, without an account.
# Each is a refusal in the words of another product. GET /v1/messages does not get that far.
FIRST_CAUSES = [
    ("/v1/calls", "another key", "key", "likely"),
    ("/v1/messages/x", "another key", "key", "likely"),
    ("/v1/users", "another key", "key", "likely"),
    ("/v2/verify", "another key", "key", "likely"),
    ("/v2/project/x/archive", "another key", "key", "likely"),
    ("/v3/media", "another key", "key", "likely"),
    ("/v1/calls", "expired", "expired", "certain"),
    ("/v1/users", "expired", "expired", "certain"),
    ("/v1/calls", "another acl", "acl", "likely"),
    ("/v1/users", "another acl", "acl", "certain"),
    ("/v1/messages/x", "another acl", "acl", "likely"),
    ("/v1/sessions", "good", "sub", "certain"),
    ("/v1/calls", "from the future", "clock", "likely"),
    ("/v1/calls", "without a jti", "rule", "likely"),
    ("/v2/applications", "good", "wrong-authentication", "certain"),
    ("/v2/applications", "another acl", "wrong-authentication", "certain"),
    ("/v1/calls", "in milliseconds", "rule", "likely"),
    ("/accounts/a/secrets", "good", "wrong-authentication", "certain"),
    ("/sms/json", "good", "wrong-authentication", "certain"),
]


@pytest.mark.parametrize(
    ("path", "token", "code", "certainty"),
    FIRST_CAUSES,
    ids=[f"{row[0]} {row[1]}" for row in FIRST_CAUSES],
)
def test_each_product_s_refusal_leads_to_the_right_first_cause(
    path: str, token: str, code: str, certainty: str, nexmo_jwt: Run, nexmo: Sandbox, keys: Keys
) -> None:
    now = int(time.time())
    tokens = {
        "good": forge(nexmo),
        "another key": forge(keys, application_id=nexmo.application_id),
        "expired": forge(nexmo, iat=now - 7500, exp=now - 7200),
        "another acl": forge(nexmo, acl={"paths": {"/*/other/**": {}}}),
        "from the future": forge(nexmo, iat=now + 600, exp=now + 1200),
        "without a jti": forge(nexmo, jti=None),
        "in milliseconds": forge(keys, **{"iat": now * 1000, "exp": now * 1000 + 900_000}),
    }
    ask = ("check", "--json", "--url", nexmo.url + path, "--token", tokens[token])
    report = report_of(nexmo_jwt(*ask))
    is_a_bare_403 = (path, token) == ("/v1/calls", "another acl")  # which may be about the path
    assert report["ok"] is (None if is_a_bare_403 else False)
    assert causes_in(report)[0] == (code, certainty)
    assert (len(report["causes"]) == 1) == (certainty == "certain")
    assert nexmo.requests[0].verdict not in json.dumps(report["answer"])


# The capabilities that the account's answer lists (None: it lists none), the path, the causes, and
# whether Users is asked as well.
CAPABILITIES = [
    (None, "/v1/calls", [("capability", "likely"), ("privacy", "possible")], True),
    ({"voice": {}, "rtc": {}}, "/v1/calls", [("privacy", "possible")], True),
    ({"rtc": {}, "messages": {}}, "/v1/calls", [("capability", "certain")], False),
    ({}, "/v1/calls", [("capability", "certain")], False),
    ({"voice": {}}, "/v1/messages/x", [("capability", "certain")], False),
    ({"voice": {}}, "/v2/verify/x", [("capability", "likely"), ("privacy", "possible")], False),
    ({"voice": {}}, "/v2/calls/x", [("capability", "likely"), ("privacy", "possible")], False),
    ({"voice": {}}, "/v1/users", [("capability", "likely"), ("privacy", "possible")], False),
    (["rtc"], "/v1/calls", [("capability", "likely"), ("privacy", "possible")], True),
]


@pytest.mark.parametrize(("capabilities", "path", "causes", "asks_users"), CAPABILITIES)
def test_an_account_clears_a_key_and_knows_the_capabilities(
    capabilities: object,
    path: str,
    causes: list[tuple[str, str]],
    asks_users: bool,
    nexmo_jwt: Run,
    nexmo: Sandbox,
) -> None:
    own = f"/v2/applications/{nexmo.application_id}"
    account = (nexmo.api_key, nexmo.api_secret)
    shown = requests.get(nexmo.url + own, auth=account, timeout=10).json()
    nexmo.answer("GET", own, body={**shown, "capabilities": capabilities})
    nexmo.answer_next(401, body='{"type":"UNAUTHORIZED","error_title":"Unauthorized"}')
    env = {**environment_of(nexmo), **account_of(nexmo)}
    report = report_of(nexmo_jwt("check", "--json", "--url", nexmo.url + path, env=env))
    found = [cause for cause in causes_in(report) if cause[0] != "new-application"]
    assert found == causes
    users = ["/v1/users?page_size=1"] if asks_users else []
    assert [seen.path for seen in nexmo.requests[1:]] == [path, own, *users]
    if causes[0][1] == "certain":
        listed = ", ".join(capabilities) or "none"
        words = f"is not among the application's capabilities ({listed})."
        assert words in report["causes"][0]["problem"]


# What the Users API answers to the second question, the codes of the causes, and whether the key
# is still suspected.
USERS = [
    ("user:error:invalid-user-token", ["capability", "privacy", "new-application"]),
    ("invalid-token", ["key", "application"]),
    ("missing-token", ["missing"]),
    ("expired-token", ["expired", "key", "application"]),
    ("permission", ["capability", "privacy", "new-application"]),
    (None, ["capability", "privacy", "new-application"]),
    (404, ["key", "application"]),
]


@pytest.mark.parametrize(("answer", "codes"), USERS, ids=[str(row[0]) for row in USERS])
def test_voice_s_empty_refusal_is_explained_by_a_second_question(
    answer: str | int | None, codes: list[str], nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(401, body='{"type":"UNAUTHORIZED","error_title":"Unauthorized"}')
    if isinstance(answer, str):
        code = answer if ":" in answer else f"system:error:{answer}"
        nexmo.answer_next(401, body=json.dumps({"code": code}))
    elif answer:
        nexmo.answer_next(answer)
    result = nexmo_jwt(
        "check", "--json", "--url", f"{nexmo.url}/v1/calls?x=y", env=environment_of(nexmo)
    )
    assert [code for code, _ in causes_in(report_of(result))] == codes
    assert [seen.path for seen in nexmo.requests] == ["/v1/calls?x=y", "/v1/users?page_size=1"]


def test_check_says_what_else_it_asked_and_how_causes_are_numbered(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path
) -> None:
    env = {**environment_of(nexmo), **account_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    ask = ("check", "--url", f"{nexmo.url}/v1/calls")
    certain = nexmo_jwt(*ask, env=env).stdout
    assert re.findall(r"^\d\. \w+:", certain, re.MULTILINE) == ["1. certain:"]
    assert f"also asked, with API key {nexmo.api_key} and its secret (VONAGE_API_KEY and" in certain
    assert f"GET {nexmo.url}/v2/applications/{nexmo.application_id}" in certain
    assert "/v1/users" not in certain
    likely = nexmo_jwt(*ask, "--no-account", env=env).stdout
    found = re.findall(r"^\d\. \w+:", likely, re.MULTILINE)
    assert found == ["1. likely:", "2. possible:"]
    assert "also asked, since Voice's refusals do not say why" in likely
    assert "401 Unauthorized, with the reason 'invalid'" in likely
    nexmo.answer_next(401, body='{"type":"UNAUTHORIZED"}')
    nexmo.answer_next(404)
    assert "404 Not Found, with no reason\n" in nexmo_jwt(*ask, "--no-account", env=env).stdout
    assert "/v2/applications" not in likely
    assert "'Save changes'" in likely
    assert "trace id, for Vonage's support: " in likely
    assert nexmo.api_secret not in certain + likely
    asked = [seen.path for seen in nexmo.requests if "applications" in seen.path]
    assert len(asked) == 1


# What the account's server answers, and the first cause.
ACCOUNT_ANSWERS = [
    ((401, {"title": "Unauthorized"}), ("key", "likely")),
    ((302, "", {"Location": "https://example.com/"}), ("key", "likely")),
    ((200, "[" * 50_000), ("key", "likely")),
    ((200, {"keys": {"public_key": "nonsense"}}), ("key", "likely")),
    ((200, {"keys": []}), ("key", "likely")),
    ((200, "x" * 900_000), ("key", "likely")),
    ((200, {"id": "another", "keys": {"public_key": "right"}}), ("key", "likely")),
    ((200, {"keys": {"public_key": "of an unknown kind"}}), ("key", "likely")),
    ((404, "not found"), ("key", "likely")),
    ((404, {"title": "Route not resolved", "type": "https://stoplight.io/x"}), ("key", "likely")),
    ((404, {"title": "Not Found", "detail": "No such application."}), ("application", "certain")),
]


@pytest.mark.parametrize(("answer", "first"), ACCOUNT_ANSWERS, ids=range(len(ACCOUNT_ANSWERS)))
def test_an_account_that_does_not_tell_proves_nothing(
    answer: tuple,
    first: tuple[str, str],
    nexmo_jwt: Run,
    nexmo: Sandbox,
    key_file: Path,
    keys: Keys,
) -> None:
    status, body, *headers = answer
    if isinstance(body, dict):  # of this application, unless it says otherwise
        named = {"right": keys.public_pem.decode(), "of an unknown kind": of_an_unknown_kind(keys)}
        body = {"id": nexmo.application_id, **body}
        if isinstance(body.get("keys"), dict):
            text = body["keys"]["public_key"]
            body["keys"] = {"public_key": named.get(text, text)}
    path = f"/v2/applications/{nexmo.application_id}"
    nexmo.answer("GET", path, status, body=body, headers=dict(*headers))
    env = {**environment_of(nexmo), **account_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/messages/x")
    assert causes_in(report_of(nexmo_jwt(*ask, env=env)))[0] == first


def of_an_unknown_kind(keys: Keys) -> str:
    der = keys.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    rsa = bytes.fromhex("2a864886f70d010101")
    body = base64.encodebytes(der.replace(rsa, rsa[:-1] + b"\x63")).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"


def test_arguments_are_held_against_the_account_that_is_found(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    """The application may be another account's, so that its absence proves nothing."""
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/messages/x")
    env = account_of(nexmo)
    ours = ("--app-id", nexmo.application_id, "--private-key", key_file)
    assert causes_in(report_of(nexmo_jwt(*ask, *ours, env=env))) == [("key", "certain")]
    token = ("--token", forge(keys, application_id=nexmo.application_id))
    assert causes_in(report_of(nexmo_jwt(*ask, *token, env=env))) == [("key", "certain")]
    other = ("--app-id", APPLICATION_ID, "--private-key", nexmo.private_key)
    found = causes_in(report_of(nexmo_jwt(*ask, *other, env=env)))
    assert found == [("application", "likely"), ("key", "likely")]


def test_the_secret_goes_to_no_server_that_is_not_configured(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path
) -> None:
    ask = ("check", "--url", f"{nexmo.url}/v1/messages/x")
    account = {**account_of(nexmo), "NEXMO_JWT_HOSTS": ""}
    ours = ("--app-id", nexmo.application_id, "--private-key", key_file)
    nexmo_jwt(*ask, *ours, env=account)
    found = {**environment_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    nexmo_jwt(*ask, env={**account, **found})
    assert [seen.path for seen in nexmo.requests] == ["/v1/messages/x"] * 2
    nexmo_jwt(*ask, "--host", nexmo.url, *ours, env=account)
    assert len(nexmo.requests) == 4


def test_no_server_can_make_check_show_the_secret_or_the_token(
    nexmo_jwt: Run, nexmo: Sandbox, keys: Keys
) -> None:
    """It sends back all that it got, in each part of an answer that check shows."""
    got: list[str] = []

    def echo(request: bytes) -> bytes:
        said = re.search(rb"Authorization: (.*)\r\n", request)[1]
        got.append(said.decode())
        body = json.dumps({"title": got[-1], "detail": got[-1], "instance": got[-1]}).encode()
        head = b"HTTP/1.1 401 %s\r\nX-Nexmo-Trace-Id: %s\r\nContent-Length: %d\r\n\r\n"
        return head % (said, said, len(body)) + body

    env = {**environment_of(nexmo), "VONAGE_API_KEY": "abcd1234", "VONAGE_API_SECRET": "S3cretS3"}
    with answering(echo, echo, echo) as url:
        env["NEXMO_JWT_HOSTS"] = url.rstrip("/")
        text = nexmo_jwt("check", "--url", f"{url}v1/calls", env=env).stdout
    with answering(echo, echo, echo) as url:
        env["NEXMO_JWT_HOSTS"] = url.rstrip("/")
        report = nexmo_jwt("check", "--json", "--url", f"{url}v1/calls", env=env).stdout
    assert len(got) == 6
    for header in got:
        scheme, _, secret = header.partition(" ")
        assert scheme in ("Bearer", "Basic")
        assert secret[:40] not in text + report
        assert secret[-40:] not in text + report
    assert "S3cretS3" not in text + report


@pytest.mark.parametrize(
    ("api_key", "api_secret", "shown"),
    [
        ("abcd1234", "S3cretS3cret", "API key abcd1234 and"),
        ("S3cretS3cret", "abcd1234", "(API key redacted)"),
        ("S3cretS3", "abcd1234", "(API key redacted)"),
        ("an odd key", "S3cretS3cret", "(API key redacted)"),
    ],
)
def test_an_api_key_that_may_be_the_secret_is_not_shown(
    api_key: str, api_secret: str, shown: str, nexmo_jwt: Run, nexmo: Sandbox, key_file: Path
) -> None:
    env = {**environment_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    env |= {**account_of(nexmo), "VONAGE_API_KEY": api_key, "VONAGE_API_SECRET": api_secret}
    result = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/messages/x", env=env)
    assert shown in result.stdout
    assert "S3cret" not in result.stdout + result.stderr
    assert "401 Unauthorized: the API key and secret are refused" in result.stdout


def test_the_secret_goes_to_vonage_or_to_this_machine_alone(
    nexmo_jwt: Run, tls: TLS, key_file: Path
) -> None:
    with (
        Sandbox(ssl_context=tls.context("api.nexmo.com")) as nexmo,
        Sandbox(ssl_context=tls.context("api.example.com")) as other,
        ConnectProxy(
            {
                "api.nexmo.com": urlsplit(nexmo.url).port,
                "api-eu.nexmo.com": urlsplit(nexmo.url).port,
                "api.example.com": urlsplit(other.url).port,
            }
        ) as proxy,
    ):
        env = {**account_of(nexmo), "NEXMO_JWT_HOSTS": ""}
        env |= {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": tls.ca}
        env |= {**environment_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
        report = report_of(nexmo_jwt("check", "--json", env=env))
        assert causes_in(report) == [("key", "certain")]
        assert [seen.path for seen in nexmo.requests] == [
            "/v1/calls?page_size=1",
            f"/v2/applications/{nexmo.application_id}",
        ]
        elsewhere = ("--url", "https://api.example.com/v1/calls", "--host", "api.example.com")
        report_of(nexmo_jwt("check", "--json", *elsewhere, env=env))
        assert [seen.path for seen in other.requests] == ["/v1/calls"]
        assert len(nexmo.requests) == 2


# An answer to the request, whether the token is accepted, and the causes.
VERDICTS = [
    ((200, {}), True, []),
    ((405, {"type": "METHOD_NOT_ALLOWED"}), True, []),
    ((405, ""), None, ["inconclusive"]),
    ((422, {}), True, []),
    ((402, {}), False, ["no-money"]),
    ((400, {"type": "x#low-balance"}), False, ["no-money"]),
    ((401, {"type": "x#quota-exceeded"}), False, ["no-money"]),
    ((400, {}), None, ["inconclusive"]),
    ((404, {}), None, ["inconclusive"]),
    ((403, {}), None, ["inconclusive"]),
    ((403, {"code": "system:error:permission"}), None, ["acl", "inconclusive"]),
    ((403, {"type": "x#account-suspended"}), None, ["suspended"]),
    ((407, {}), None, ["inconclusive"]),
    ((429, {}), None, ["inconclusive"]),
    ((500, {}), None, ["inconclusive"]),
    ((302, "", {"Location": "/elsewhere"}), None, ["redirect"]),
    ((302, "", {"Location": "https://a.com/eyJhbGciOiJ.eyJhIjox.x"}), None, ["redirect"]),
    ((302, "", {"Location": "http://["}), None, ["redirect"]),
    ((304, ""), None, ["redirect"]),
]


@pytest.mark.parametrize(
    ("answer", "ok", "codes"), VERDICTS, ids=[f"{n} {v[0][0]}" for n, v in enumerate(VERDICTS)]
)
def test_check_distinguishes_an_accepted_token_from_an_unknown_one(
    answer: tuple[object, ...], ok: bool | None, codes: list[str], nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    status, body, *headers = answer
    nexmo.answer("GET", "/v1/users", status, body=body, headers=dict(*headers))
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/users")
    report = report_of(nexmo_jwt(*ask, env=environment_of(nexmo)))
    assert report["ok"] is ok
    assert [code for code, _ in causes_in(report)] == codes
    assert report["request"]["status"] == status
    assert len(nexmo.requests) == 1


def test_a_product_that_takes_no_token_is_known_whatever_it_answers(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(200, body='{"messages": [{"status": "4"}]}')
    ask = ("check", "--json", "--url", f"{nexmo.url}/sms/json")
    report = report_of(nexmo_jwt(*ask, env=environment_of(nexmo)))
    assert report["ok"] is None
    assert causes_in(report) == [("wrong-authentication", "certain")]


def test_the_report_for_machines_has_the_documented_form(
    nexmo_jwt: Run, nexmo: Sandbox, keys: Keys
) -> None:
    report = report_of(
        nexmo_jwt("check", "--json", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    )
    assert report == {
        "ok": True,
        "version": report["version"],
        "credentials": {
            "source": "environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)",
            "also_checked": [],
        },
        "application": {"id": nexmo.application_id, "looks_valid": True},
        "key": {
            "fingerprint": nexmo.auth().fingerprint,
            "bits": 2048,
            "form": "PKCS#8 PEM",
            "path": str(nexmo.private_key),
            "mode": "0600",
        },
        "request": {
            "url": f"{nexmo.url}/v1/calls",
            "status": 200,
            "second_try": False,
            "trace_id": report["request"]["trace_id"],
        },
        "clock": {"offset_s": pytest.approx(0, abs=1)},
        "answer": {"code": "unknown", "text": ""},
        "causes": [],
    }
    assert re.fullmatch(r"[0-9a-f]{32}", report["request"]["trace_id"])
    ask = ("check", "--json", "--url", "http://127.0.0.1:1/")
    without = report_of(nexmo_jwt(*ask, env=environment_of(nexmo)))
    assert list(without) == list(report)
    assert (without["ok"], without["request"]["status"], without["answer"]) == (None, None, None)
    assert without["key"] == report["key"]
    assert causes_in(without) == [("network", "certain")]
    given = report_of(nexmo_jwt(*ask, "--token", forge(keys)))
    assert (given["credentials"], given["key"]) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "nothing-found"),
        (["--app-id", "-----BEGIN PRIVATE KEY-----", "--private-key", "x.key"], "credentials"),
        (["--app-id", APPLICATION_ID, "--private-key", "nowhere.key"], "private-key"),
        (["--token", ARTICLE_TOKEN, "--url", "https://example.com/"], "not-in-scope"),
        (["--token", ARTICLE_TOKEN, "--url", "http://api.nexmo.com/"], "clear-text"),
    ],
)
def test_what_keeps_the_request_from_being_made_is_json_too(
    arguments: list[str], code: str, nexmo_jwt: Run
) -> None:
    report = report_of(nexmo_jwt("check", "--json", *arguments))
    assert (report["ok"], report["request"]["status"]) == (False, None)
    assert causes_in(report) == [(code, "certain")]
    assert report["causes"][0]["remedy"]
    assert "PRIVATE KEY" not in json.dumps(report)


def test_a_password_in_a_url_is_not_shown(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    for option in ([], ["--json"]):
        for url in ("u:S3cret@127.0.0.1/x", "https://u:S3cret@127.0.0.1/x", "u:S3cret@x"):
            result = nexmo_jwt("check", *option, "--url", url, env=environment_of(nexmo))
            assert result.returncode in (1, 2)
            assert "S3cret" not in result.stdout + result.stderr


SECRET_PARAMETERS = ["api_secret", "apiSecret", "sig", "TOKEN", "x;api_secret", "a=b;pass_key"]


@pytest.mark.parametrize("option", [[], ["--json"]])
@pytest.mark.parametrize("name", SECRET_PARAMETERS)
def test_a_secret_in_a_query_is_not_shown(
    name: str, option: list[str], nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    url = f"{nexmo.url}/v1/calls?page=1&{name}=S3cret&size=2"
    nexmo.answer_next(302, headers={"Location": url})
    result = nexmo_jwt("check", *option, "--url", url, env=environment_of(nexmo))
    assert result.stdout.count(f"/v1/calls?page=1&{name}=...&size=2") == 2
    assert "S3cret" not in result.stdout


def test_a_secret_in_the_place_of_the_id_is_not_shown(
    nexmo_jwt: Run, nexmo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "aBcDeFgHiJkLmN01"
    env = {**environment_of(nexmo), "VONAGE_APPLICATION_ID": secret}
    ask = ("check", "--url", f"{nexmo.url}/v1/messages/x")
    caplog.set_level("INFO")
    text = nexmo_jwt(*ask, env=env).stdout + nexmo_jwt(*ask, "--json", env=env).stdout
    assert "1. likely: Application (redacted) does not exist" in text
    assert secret not in text + nexmo_jwt("inspect", ARTICLE_TOKEN, env=env).stdout
    assert "(redacted)" in caplog.text
    assert secret not in caplog.text


def test_a_token_that_holds_a_key_is_not_shown(nexmo_jwt: Run, nexmo: Sandbox, keys: Keys) -> None:
    token = forge(keys, application_id=keys.pkcs8.decode())
    for option in ([], ["--json"]):
        result = nexmo_jwt("check", *option, "--url", f"{nexmo.url}/v1/calls", "--token", token)
        assert key_text_in(result.stdout + result.stderr, keys.pkcs8) is None


def test_check_reports_one_clock_offset_throughout(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    nexmo.clock_offset = 7200
    result = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    assert "200 OK, after a 401 to a token signed with this machine's time" in result.stdout
    assert len(set(re.findall(r"\d{4} s|\d+ hours?|\d+ min", result.stdout))) == 1
    assert "1. certain: This machine's clock is " in result.stdout
    nexmo.clock_offset = -20
    slightly = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    assert re.search(
        r"^1\. certain: This machine's clock is (20|21) s ahead", slightly.stdout, re.M
    )


def test_a_wrong_key_under_a_wrong_clock_is_not_put_down_to_the_clock(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path
) -> None:
    """The second try was signed with the server's time, and refused as well."""
    nexmo.clock_offset = 3600
    env = {**environment_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    ask = ("check", "--json", "--url", f"{nexmo.url}/v1/messages/x")
    assert causes_in(report_of(nexmo_jwt(*ask, env=env))) == [
        ("key", "likely"),
        ("application", "possible"),
    ]


def test_a_token_from_another_machine_does_not_accuse_the_clock_of_this_one(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    now = int(time.time())
    early = forge(nexmo, iat=now + 7200, exp=now + 8000)
    ask = ("check", "--url", f"{nexmo.url}/v1/calls", "--token")
    result = nexmo_jwt(*ask, early)
    assert "1. likely: The token's iat is 2 hours ahead of the server's time." in result.stdout
    assert "This machine's clock" not in result.stdout
    old = forge(nexmo, iat=now - 9000, exp=now - 7200)
    nexmo.answer_next(401, headers={"Date": None})
    result = nexmo_jwt(*ask, old)
    problem = "1. likely: The token expired 2 hours ago, by the clock of this machine."
    assert problem in result.stdout
    # Valid for a second that the Date has dropped.
    last = forge(nexmo, iat=now - 100, exp=now + 100)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now + 99))
    nexmo.answer_next(401, headers={"Date": date})
    assert "expired" not in nexmo_jwt(*ask, last).stdout


def test_a_terminal_gets_ticks_and_colour_and_80_columns(
    nexmo: Sandbox, key_file: Path, tmp_path: Path
) -> None:
    command = [str(NEXMO_JWT), "check", "--url", f"{nexmo.url}/v1/calls"]
    env = {**environment_of(nexmo), "HOME": str(tmp_path), "TERM": "xterm"}
    good = at_a_terminal(command, env)
    assert good.startswith("\033[32m\u2713\033[0m The token is accepted: 200 OK.")
    env |= {**account_of(nexmo), "VONAGE_PRIVATE_KEY": str(key_file)}
    bad = at_a_terminal(command, env)
    assert bad.startswith("\033[31m\u2717\033[0m The token is refused: 401 Unauthorized.")
    lines = re.sub("\033\\[[0-9;]*m", "", bad).splitlines()
    long_words = [str(key_file).rpartition(" ")[2], nexmo.url]
    for line in lines:
        assert len(line) <= 80 or any(word in line for word in long_words), line
    assert any(re.search(r"SHA256:[0-9a-f]{64}", line) for line in lines)
    assert "\033" not in at_a_terminal(command, {**env, "NO_COLOR": "1"})


@pytest.mark.parametrize(("status", "pause"), [(200, 0.2), (302, 0), (401, 0)])
def test_an_answer_without_an_end_is_read_in_part(
    status: int, pause: float, nexmo_jwt: Run, keys: Keys
) -> None:
    def answer() -> Iterator[bytes]:
        yield f"HTTP/1.1 {status} OK\r\nLocation: /x\r\n".encode()
        yield b"Content-Length: 99999999999\r\n\r\n"
        while True:
            time.sleep(pause)
            yield b"x" if pause else b"x" * 65536

    with answering(answer()) as url:
        result = nexmo_jwt("check", "--timeout", "0.5", "--token", forge(keys), "--url", url)
    assert f"  {status} OK" in result.stdout
    assert len(result.stdout) < 3000


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:4010/x", "Write http://127.0.0.1:4010/x"),
        ("[::1]:4010/x", "Write http://[::1]:4010/x"),
        ("api.nexmo.com/v1/calls", "Write https://api.nexmo.com/v1/calls"),
    ],
)
def test_a_url_without_a_scheme_gets_a_suggestion(url: str, words: str, nexmo_jwt: Run) -> None:
    result = nexmo_jwt("check", "--url", url)
    assert result.returncode == 2
    assert f"argument --url: it has no scheme. {words}" in result.stderr


def test_a_host_can_be_named_as_an_option(nexmo_jwt: Run, nexmo: Sandbox, tmp_path: Path) -> None:
    ask = ("check", "--url", f"{nexmo.url}/v1/calls")
    for env, option, status in [
        ({}, ("--host", nexmo.url), 0),
        ({}, ("--host", "api.example.com"), 1),
        ({"NEXMO_JWT_HOSTS": "api.example.com"}, ("--host", nexmo.url), 0),
        ({"NEXMO_JWT_HOSTS": "api.example.com"}, (), 1),
    ]:
        result = nexmo_jwt(*ask, *option, env={**environment_of(nexmo), **env})
        assert result.returncode == status
    assert f"Unset NEXMO_JWT_HOSTS, or pass --host {nexmo.url}." in result.stderr
    bad = nexmo_jwt(*ask, "--host", "*", env=environment_of(nexmo))
    assert bad.stderr.startswith("nexmo-jwt: --host has '*'")


def test_check_doubts_an_application_id_that_is_no_uuid(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    ours = ("--app-id", "a1b2c3d4", "--private-key", nexmo.private_key)
    result = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/messages/x", *ours)
    assert f"credentials: arguments: private key file {nexmo.private_key}\n" in result.stdout
    assert "application: a1b2c3d4 - not a UUID, so probably not an application id" in result.stdout
    assert "\n1. likely: Application 'a1b2c3d4' does not exist" in result.stdout


def test_check_shows_no_codes_of_the_server_to_the_terminal(nexmo_jwt: Run, keys: Keys) -> None:
    answer = b"HTTP/1.1 401 \x1b[31mred\x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n"
    token = forge(keys, application_id="\x1b[2J", kid="x")
    with answering([answer]) as url:
        result = nexmo_jwt("check", "--token", token, "--url", url)
    assert "401 \\x1b[31mred" in result.stdout
    assert "Application '\\x1b[2J' does not exist" in result.stdout


def test_check_reports_a_broken_connection(nexmo_jwt: Run, keys: Keys) -> None:
    with answering([]) as url:
        result = nexmo_jwt("check", "--token", forge(keys), "--url", url)
    assert result.returncode == 1
    assert "The connection to 127.0.0.1 broke before a whole answer came" in result.stdout


def test_check_measures_the_clock_when_the_answer_comes_not_when_it_ends(
    nexmo_jwt: Run, keys: Keys
) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())

    def slowly() -> Iterator[bytes]:
        yield f"HTTP/1.1 401 No\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n".encode()
        time.sleep(2.5)
        yield b"{}"

    with answering(slowly()) as url:
        result = nexmo_jwt("check", "--token", forge(keys), "--url", url)
    assert int(re.search(r"clock: +within (\d+) s", result.stdout)[1]) <= 2


@pytest.mark.parametrize(("mode", "words"), [(0o640, "others can read"), (0o600, "only you can")])
def test_check_looks_who_can_read_a_key_within_the_cli_s_file(
    mode: int, words: str, nexmo_jwt: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / ".vonagerc"
    fields = {"app-id": nexmo.application_id, "private-key": nexmo.private_key.read_text()}
    file.write_text(json.dumps(fields))
    file.chmod(mode)
    assert words in nexmo_jwt("check", "--url", nexmo.url).stdout


# Further arguments and variables of `check`, where {closed} is a port that nobody listens on.
NETWORK_PROBLEMS = [
    (["--url", "http://127.0.0.1:{closed}/"], {}, "{closed} refuses connections"),
    (["--url", "https://127.0.0.1:{nexmo}/"], {}, "127.0.0.1 does not speak TLS at this port."),
    ([], {"HTTPS_PROXY": "http://127.0.0.1:{closed}"}, "The proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "{proxy}"}, "The proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "http://"}, "The proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "x://y"}, "The proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "http://u:secret@[::1"}, "The proxy's address cannot be read"),
    ([], {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, "is not valid: Could not find a suitable TLS"),
    (
        ["--url", "https://name.invalid/"],
        {"NEXMO_JWT_HOSTS": "name.invalid"},
        "The host name name.invalid could not be resolved",
    ),
]


@pytest.mark.parametrize(("arguments", "variables", "words"), NETWORK_PROBLEMS)
def test_check_reports_network_problems_in_sentences(
    arguments: list[str], variables: dict[str, str], words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    with ConnectProxy({}) as proxy, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        values = {
            "{closed}": str(bound.getsockname()[1]),
            "{nexmo}": nexmo.url.rpartition(":")[2],
            "{proxy}": proxy.url,
        }

        def filled(text: str) -> str:
            for name, value in values.items():
                text = text.replace(name, value)
            return text

        env = {name: filled(value) for name, value in variables.items()}
        result = nexmo_jwt("check", *map(filled, arguments), env={**environment_of(nexmo), **env})
    assert result.returncode == 1
    assert filled(words) in result.stdout, result
    assert "secret" not in result.stdout


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Encoding": "gzip"}, "no gzip"),
        (401, {"Transfer-Encoding": "chunked"}, "zz\r\n"),
        (401, {"Content-Length": "5000"}, '{"title": "cut off'),
    ],
    ids=["no gzip", "no chunks", "cut off"],
)
def test_the_status_of_an_answer_whose_body_is_broken_counts(
    status: int, headers: dict[str, str], body: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, headers=headers, body=body)
    ask = ("check", "--json", "--timeout", "0.5", "--url", f"{nexmo.url}/v1/messages/x")
    report = report_of(nexmo_jwt(*ask, env=environment_of(nexmo)))
    assert report["request"]["status"] == status
    assert report["ok"] is (status == 200)
