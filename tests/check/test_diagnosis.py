"""Which cause `nexmo-jwt check` names for an answer: the kinds that real users met."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest
from conftest import Keys, Run, environment_of, forge

from requests_nexmo_jwt.sandbox import Sandbox


def checked(nexmo_jwt: Run, *arguments: object, env: dict[str, str]) -> dict[str, Any]:
    result: subprocess.CompletedProcess[str] = nexmo_jwt("check", "--json", *arguments, env=env)
    assert result.stderr == ""
    return json.loads(result.stdout)


# An answer to a token without sub, the code of the likeliest cause, and words of it.
ANSWERS = [
    ("user:error:invalid-user", "sub", "expects the token of a user"),
    ("user:error:not-found", "sub", "expects the token of a user"),
    ("user:error:invalid-user-token", "sub", "expects the token of a user"),
    ("user:error:anything-new", "sub", "expects the token of a user"),
    ("application:error:not-found", "application", "does not know application"),
    ("application:error:anything-new", "application", "does not know application"),
    ("user:error:invalid-application", "application", "does not know application"),
    ("leg:error:invalid-application", "application", "does not know application"),
]


@pytest.mark.parametrize(("code", "cause", "words"), ANSWERS)
def test_the_code_of_an_answer_names_the_user_or_the_application_and_not_the_key(
    code: str, cause: str, words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(401, body={"code": code, "title": "No"})
    ask = ("--url", f"{nexmo.url}/v1/users")
    first, *others = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert first["code"] == cause
    assert words in first["problem"]
    assert "key" not in [other["code"] for other in others if other["certainty"] == "likely"]


def test_a_404_of_users_names_the_application_too(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    nexmo.answer_next(401)
    nexmo.answer_next(404, body={"code": "application:error:not-found"})
    ask = ("--url", f"{nexmo.url}/v1/calls")
    first, *_ = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert first["code"] == "application"


def test_a_user_whom_the_server_does_not_know_is_named(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    nexmo.answer_next(401, body={"code": "user:error:not-found"})
    ask = ("--url", f"{nexmo.url}/v1/users", "--sub", "alice")
    first, *_ = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert (first["code"], first["certainty"]) == ("sub", "likely")
    assert "does not accept the user 'alice'" in first["problem"]


@pytest.mark.parametrize(
    ("status", "code", "certainty"),
    [
        (404, "not-found", "possible"),
        (401, "not-found", "likely"),
        (404, "invalid-user", "certain"),
        (401, "invalid-user", "certain"),
    ],
)
def test_a_user_who_is_not_found_may_be_the_requested_one(
    status: int, code: str, certainty: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, body={"code": f"user:error:{code}"})
    ask = ("--url", f"{nexmo.url}/v1/users/USR-123")
    first, *_ = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert (first["code"], first["certainty"]) == ("sub", certainty)
    assert ("the one that was requested" in first["problem"]) == (certainty == "possible")


@pytest.mark.parametrize(
    ("options", "status", "is_accepted"),
    [
        (("--acl", "GET:/*/calls/**"), 200, True),
        (("--acl", "/*/users/**"), 403, False),
        (("--acl", "POST:/*/calls/**"), 403, False),
    ],
)
def test_the_acl_of_the_token_can_be_asked_with_and_a_403_may_be_about_it(
    options: tuple[str, ...], status: int, is_accepted: bool, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    """Voice answers 403 to a token whose acl does not permit the request."""
    nexmo.answer_next(status)
    ask = ("--url", f"{nexmo.url}/v1/calls", *options)
    report = checked(nexmo_jwt, *ask, env=environment_of(nexmo))
    assert report["ok"] is (True if is_accepted else None)
    assert [cause["code"] for cause in report["causes"]][:1] == ([] if is_accepted else ["acl"])
    assert "acl" in nexmo.requests[-1].claims


def test_the_lifetime_and_the_user_of_the_token_can_be_asked_with(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    ask = ("--url", f"{nexmo.url}/v1/sessions", "--ttl", "60", "--sub", "alice")
    assert checked(nexmo_jwt, *ask, env=environment_of(nexmo))["ok"] is True
    claims = nexmo.requests[-1].claims
    assert (claims["exp"] - claims["iat"], claims["sub"]) == (60, "alice")
    wrong = nexmo_jwt("check", "--ttl", "5", env=environment_of(nexmo))
    assert (wrong.returncode, "--ttl is 5 s" in wrong.stderr) == (2, True)


def test_a_404_names_the_region_that_answered(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    nexmo.answer_next(404, headers={"x-vonage-region": "eu-3"})
    ask = ("--url", f"{nexmo.url}/v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356")
    (cause,) = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert "The path may not exist" in cause["problem"]
    assert "another region than eu-3" in cause["problem"]
    assert "region_url" in cause["remedy"]


# A path, the status of its answer, the code of the first cause, and words of it.
PROVE_NOTHING = [
    ("/v1/calls/ping", 200, "inconclusive", "answered without any authentication"),
    ("/v1/calls/", 404, "inconclusive", "The path ends with a slash."),
    ("/v1/meetings/x", 404, "ended", "The Meetings API ended 2025-06-30."),
    ("/v2/verify/x/silent-auth/redirect", 200, "inconclusive", "without any authentication"),
    ("/v1/redact/ping", 200, "inconclusive", "answered without any authentication"),
    ("/v0.1/bulk/x", 403, "ended", "The Proactive Connect API ended; the Java SDK dropped it in"),
    ("/v2/ni/x", 200, "wrong-authentication", "It ended; the Java SDK dropped it in 2025-04."),
    ("/ni/basic/json", 200, "wrong-authentication", "It ends 2027-02-04."),
]


@pytest.mark.parametrize(("path", "status", "code", "words"), PROVE_NOTHING)
def test_an_answer_that_proves_nothing_says_why(
    path: str, status: int, code: str, words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status)
    report = checked(nexmo_jwt, "--url", nexmo.url + path, env=environment_of(nexmo))
    first = report["causes"][0]
    assert (report["ok"], report["request"]["status"], first["code"]) == (None, status, code)
    assert words in first["problem"]


# A path, options, the status and body of its answer, whether all is well, and the causes.
SAID = [
    (
        "/oauth2/bc-authorize",
        ["--acl", "/**"],
        (401, {}),
        False,
        [("acl", "likely"), ("key", "likely"), ("application", "possible")],
    ),
    ("/v1/knocking", [], (401, {}), False, [("sub", "likely"), ("key", "likely")]),
    (
        "/oauth2/bc-authorize",
        [],
        (400, {"title": "Bad Request", "detail": "No Network Application associated with X"}),
        None,
        [("capability", "likely"), ("inconclusive", "possible")],
    ),
    (
        "/v1/users",
        [],
        (400, {"code": "user:error:duplicate-name"}),
        None,
        [("inconclusive", "possible")],
    ),
    (
        "/v1/calls",
        [],
        (403, {"code": "10001", "detail": "Invalid token format or signature."}),
        False,
        [("key", "likely"), ("application", "possible")],
    ),
    ("/v1/meetings", [], (401, {}), False, [("ended", "likely"), ("key", "likely")]),
]


@pytest.mark.parametrize(("path", "options", "answer", "is_ok", "causes"), SAID)
def test_what_the_product_and_the_answer_say_comes_first(
    path: str,
    options: list[str],
    answer: tuple[int, dict[str, str]],
    is_ok: bool | None,
    causes: list[tuple[str, str]],
    nexmo_jwt: Run,
    nexmo: Sandbox,
) -> None:
    nexmo.answer_next(answer[0], body=answer[1])
    report = checked(nexmo_jwt, "--url", nexmo.url + path, *options, env=environment_of(nexmo))
    found = [(cause["code"], cause["certainty"]) for cause in report["causes"]]
    assert (report["ok"], found[: len(causes)]) == (is_ok, causes)


def test_a_right_that_the_account_lacks_is_not_put_down_to_the_key(
    nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    body = {"title": "Forbidden", "detail": "Templates management is not enabled for your account"}
    nexmo.answer_next(403, body=body)
    report = checked(
        nexmo_jwt, "--url", f"{nexmo.url}/v2/verify/templates", env=environment_of(nexmo)
    )
    codes = [cause["code"] for cause in report["causes"]]
    assert (report["ok"], codes) == (None, ["rights", "inconclusive"])


@pytest.mark.parametrize("source", ["found", "arguments"])
def test_a_stray_server_on_this_machine_never_gets_the_account_s_secret(
    source: str, nexmo_jwt: Run, nexmo: Sandbox, key_file: object
) -> None:
    account = {"VONAGE_API_KEY": nexmo.api_key, "VONAGE_API_SECRET": nexmo.api_secret}
    credentials = {"VONAGE_APPLICATION_ID": nexmo.application_id, "VONAGE_PRIVATE_KEY": key_file}
    ask: tuple[object, ...] = ("--url", f"{nexmo.url}/v1/calls")
    env = {**account, **{name: str(value) for name, value in credentials.items()}}
    if source == "arguments":
        env, ask = account, (*ask, "--app-id", nexmo.application_id, "--private-key", key_file)
    report = checked(nexmo_jwt, *ask, env=env)
    assert [seen.path for seen in nexmo.requests] == ["/v1/calls", "/v1/users?page_size=1"]
    assert report["causes"][0]["certainty"] == "likely"
    report = checked(nexmo_jwt, *ask, "--host", nexmo.url, env=env)
    assert nexmo.requests[-1].path == f"/v2/applications/{nexmo.application_id}"
    assert [cause["code"] for cause in report["causes"]] == ["key"]


@pytest.mark.parametrize("place", ["VONAGE", "NEXMO", "file", "HS256", "account"])
def test_the_hint_at_the_account_names_where_it_is_looked_for(
    place: str, nexmo_jwt: Run, nexmo: Sandbox, key_file: Path, tmp_path: Path
) -> None:
    account = {"VONAGE_API_KEY": "abcd1234", "VONAGE_API_SECRET": "S3cretS3"}
    ask, env = ["check", "--url", f"{nexmo.url}/v1/calls"], {} if place == "VONAGE" else account
    names = f"{place}_API_KEY and {place}_API_SECRET"
    if place == "file":
        fields = {"application_id": nexmo.application_id, "private_key": key_file.read_text()}
        (tmp_path / "vonage_app.json").write_text(json.dumps(fields))
        names = f"apiKey and apiSecret in {tmp_path / 'vonage_app.json'}"
    elif place == "HS256":
        env, claims = {}, {"payload_hash": "x"}
        ask += ["--token", jwt.encode(claims, "secret" * 8, algorithm="HS256")]
    else:
        prefix = "NEXMO" if place == "NEXMO" else "VONAGE"
        credentials = {"APPLICATION_ID": nexmo.application_id, "PRIVATE_KEY": str(key_file)}
        env = {**env, **{f"{prefix}_{name}": value for name, value in credentials.items()}}
    shown = nexmo_jwt(*ask, env=env).stdout
    assert ("hint:" in shown) == (place not in ("HS256", "account"))
    assert (f"hint: add the API key and secret ({names}): check" in shown) == ("hint:" in shown)
    assert ("application: the token names none\n" in shown) == (place == "HS256")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"payload_hash": "x", "iss": "Vonage"}, "a signed webhook's"),
        ({"ist": "project"}, "OpenTok's"),
        ({}, "Nexmo requires 'RS256'"),
    ],
)
def test_a_token_of_another_kind_does_not_put_the_key_under_suspicion(
    claims: dict[str, str], words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    said = {"application_id": nexmo.application_id, "jti": "j", **claims}
    token = jwt.encode(said, "secret" * 8, algorithm="HS256")
    ask = ("--url", f"{nexmo.url}/v1/calls", "--token", token)
    causes = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert words in json.dumps(causes, ensure_ascii=False)
    assert "key" not in [cause["code"] for cause in causes]


def test_an_nbf_at_its_time_is_suspected_before_the_key(
    nexmo_jwt: Run, nexmo: Sandbox, keys: Keys
) -> None:
    nexmo.answer_next(401)
    ask = ("--url", f"{nexmo.url}/v1/calls", "--token", forge(nexmo, nbf=1541060230))
    first, *_ = checked(nexmo_jwt, *ask, env=environment_of(nexmo))["causes"]
    assert "has an nbf, and Nexmo was seen to refuse" in first["problem"]


def test_a_bundle_without_metadata_reports_unknown_versions(
    nexmo_jwt: Run, nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyInstaller leaves the metadata of packages out; here no path leads to any."""
    import importlib.metadata

    finder = importlib.metadata.MetadataPathFinder
    monkeypatch.setattr(finder, "find_distributions", lambda *_: iter(()))
    result = nexmo_jwt("check", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    assert result.returncode == 0
    assert "requests unknown, PyJWT unknown, cryptography unknown" in result.stdout
