"""`nexmo-jwt-auto` as HTTPie's default: what is Vonage's is signed, and the rest left alone."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import hermetic
import jwt
import pytest
from conftest import HTTP, REPOSITORY, Internet, Run, dash_a, environment_of

from requests_nexmo_jwt.sandbox import Sandbox

AUTO = "nexmo-jwt-auto"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return an HTTPie folder in which `nexmo-jwt-auto` is the default."""
    folder = tmp_path / "httpie"
    folder.mkdir()
    (folder / "config.json").write_text(block_of_the_readme("default_options"))
    return folder


def block_of_the_readme(words: str) -> str:
    """Return the one block of code of docs/httpie.md that has ``words`` in it."""
    readme = (REPOSITORY / "docs" / "httpie.md").read_text(encoding="utf-8")
    (block,) = (code for code in re.findall(r"```\w*\n(.*?)```", readme, re.S) if words in code)
    return block


@pytest.fixture
def typed(http_here: Run, config: Path) -> Callable[..., str]:
    """Type an `http --offline` under the default, and return the `Authorization` that it sends."""

    def typed(*arguments: str, env: dict[str, str] | None = None) -> str:
        env = {"HTTPIE_CONFIG_DIR": str(config), **(env or {})}
        return header_of(http_here("--offline", *arguments, env=env))

    return typed


def header_of(result: subprocess.CompletedProcess[str]) -> str:
    """Return the header `Authorization` that was printed, empty where there is none."""
    assert result.returncode == 0, result
    assert result.stderr == ""
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines() if ": " in line)
    return lines.get("Authorization", "")


def claims_in(header: str) -> dict[str, object]:
    scheme, _, token = header.partition(" ")
    assert scheme == "Bearer"
    return jwt.decode(token, options={"verify_signature": False})


BASIC = "Basic dTpw"  # u:p

# What is typed, and the header: "signed", or as without us, when no credentials are read.
TYPED = [
    (["https://api.nexmo.com/v1/calls"], "signed"),
    (["--default-scheme=https", "api.nexmo.com/v1/calls"], "signed"),
    (["https://rest.nexmo.com/sms/json"], ""),
    (["example.org"], ""),
    (["https://example.org./nexmo.com"], ""),
    (["https://bücher.example/?q=nexmo.com"], ""),
    (["https://api.nexmo.com/v1/calls", "Authorization:Basic abc"], "Basic abc"),
    (["https://example.org/?see=https://api.nexmo.com/"], ""),
    (["https://api.nexmo.com.example.org/"], ""),
    ([":8080/x"], ""),
    (["localhost:8080/x"], ""),
    (["-a", "u:p", "example.org"], BASIC),
    (["-a", "u:p", "https://api.nexmo.com/v2/applications"], BASIC),
    (["-A", "basic", "-a", "u:p", "https://api.nexmo.com/v1/calls"], BASIC),
    (["-A", "bearer", "-a", "t", "https://api.nexmo.com/v1/calls"], "Bearer t"),
    (["--no-auth-type", "https://api.nexmo.com/v1/calls"], ""),
    (["https://u:p@example.org"], BASIC),
    (["https://u:p@api.nexmo.com/v2/applications"], BASIC),
    (["http://u:p@localhost:8080/"], BASIC),
]


@pytest.mark.parametrize(("arguments", "header"), TYPED, ids=[" ".join(row[0]) for row in TYPED])
def test_what_is_vonages_is_signed_and_the_rest_is_as_without_us(
    arguments: list[str], header: str, typed: Callable[..., str], nexmo: Sandbox
) -> None:
    env = environment_of(nexmo)
    if header == "signed":
        assert claims_in(typed(*arguments, env=env))["application_id"] == nexmo.application_id
    else:
        assert typed(*arguments, env={**env, "VONAGE_PRIVATE_KEY": "nowhere.key"}) == header


def test_a_named_loopback_server_is_signed_for(
    http_here: Run, config: Path, nexmo: Sandbox
) -> None:
    env = {"HTTPIE_CONFIG_DIR": str(config), **environment_of(nexmo)}
    port = nexmo.url.rpartition(":")[2]
    for hosts, status in [(nexmo.url.replace("127.0.0.1", "localhost"), "200"), (None, "401")]:
        named = {"NEXMO_JWT_HOSTS": hosts} if hosts else {}
        result = http_here("--headers", f":{port}/v1/calls", env={**env, **named})
        assert f"HTTP/1.1 {status}" in result.stdout


def test_a_broken_variable_with_hosts_concerns_no_other_host(typed: Callable[..., str]) -> None:
    for hosts in ("*", "localhost:7701", "http://prism:4010/path"):
        assert typed("example.org", env={"NEXMO_JWT_HOSTS": hosts}) == ""


@pytest.mark.parametrize("option", ["--session", "--session-read-only"])
@pytest.mark.parametrize(
    "auth", [["-A", "nexmo-jwt"], ["-A", AUTO], ["-A", "bearer", "-a", "t"]], ids=str
)
def test_the_auth_of_a_session_comes_before_the_default(
    auth: list[str], option: str, http_here: Run, typed: Callable, tmp_path: Path, nexmo: Sandbox
) -> None:
    session, url = tmp_path / "session.json", "https://api.nexmo.com/v1/calls"
    if "bearer" not in auth:
        auth = [*auth, dash_a(nexmo, "?sub=alice")]
    http_here("--offline", f"--session={session}", *auth, url)
    before = json.loads(session.read_text())["auth"]
    header = typed(f"{option}={session}", url)
    if "bearer" not in auth:
        assert claims_in(header)["sub"] == "alice"
    else:
        assert header == "Bearer t"
    assert json.loads(session.read_text())["auth"] == before


@pytest.mark.parametrize(
    ("url", "variables", "words"),
    [
        ("http://api.nexmo.com/v1/calls", {}, "http://api.nexmo.com would send the token in clear"),
        ("api.nexmo.com/v1/calls", {}, "use the command 'https' instead of 'http'"),
        ("https://api.nexmo.com/v1/calls", {"VONAGE_APPLICATION_ID": ""}, "No credentials were"),
        ("https://api.nexmo.com/", {"NEXMO_JWT_HOSTS": "*"}, "NEXMO_JWT_HOSTS has '*'"),
        ("https://api.nexmo.com./", {}, "its host is ambiguous"),
    ],
)
def test_what_cannot_be_signed_is_refused_in_one_line(
    url: str, variables: dict[str, str], words: str, http_here: Run, config: Path, nexmo: Sandbox
) -> None:
    env = {"HTTPIE_CONFIG_DIR": str(config), **environment_of(nexmo), **variables}
    result = http_here("--offline", url, env=env)
    assert result.returncode == 1
    assert result.stderr.startswith("http: error: nexmo-jwt: ")
    line, *places = result.stderr.strip().splitlines()
    assert all(place.startswith("  ") for place in places)
    assert words in line


def test_netrc_counts_elsewhere(typed: Callable[..., str], nexmo: Sandbox, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine example.org login u password p\n")
    netrc.chmod(0o600)
    env = {"NETRC": str(netrc), **environment_of(nexmo)}
    assert typed("example.org", env=env) == BASIC
    assert typed("example.com", env=env) == ""
    assert typed("--ignore-netrc", "example.org", env=env) == ""


def test_a_session_of_another_host_is_kept(
    http_here: Run, typed: Callable[..., str], nexmo: Sandbox, tmp_path: Path
) -> None:
    session = tmp_path / "session.json"
    use = (f"--session={session}", "example.org")
    env = environment_of(nexmo)
    assert header_of(http_here("--offline", "-a", "u:p", *use, env=env)) == BASIC
    auth = json.loads(session.read_text())["auth"]
    assert typed(*use, env=env) == BASIC
    assert json.loads(session.read_text())["auth"] == auth
    assert auth["type"] == "basic"


def test_a_session_file_that_is_broken_is_reported_by_httpie(
    http: Run, config: Path, tmp_path: Path, nexmo: Sandbox
) -> None:
    (tmp_path / "broken.json").write_text("{")
    env = {"HTTPIE_CONFIG_DIR": str(config), **environment_of(nexmo)}
    options = ("--offline", f"--session={tmp_path}/broken.json")
    result = http(*options, "https://api.nexmo.com/v1/calls", env=env)
    assert "Traceback" not in result.stderr
    assert "http: error:" in result.stderr


def test_a_session_for_vonage_signs_anew_and_holds_no_token(
    http_here: Run, typed: Callable[..., str], nexmo: Sandbox, tmp_path: Path
) -> None:
    session = tmp_path / "session.json"
    use = (f"--session={session}", "https://api.nexmo.com/v1/calls")
    first = typed(*use, env=environment_of(nexmo))
    saved = session.read_text()
    assert json.loads(saved)["auth"] == {"type": AUTO, "raw_auth": None}
    assert first.removeprefix("Bearer ") not in saved
    without_default = header_of(http_here("--offline", *use, env=environment_of(nexmo)))
    assert claims_in(without_default)["jti"] != claims_in(first)["jti"]


def test_a_redirect_leaves_the_token_behind(http: Run, config: Path, internet: Internet) -> None:
    env = {"HTTPIE_CONFIG_DIR": str(config), "HTTPS_PROXY": internet.proxy.url}
    env |= environment_of(internet.vonage)
    internet.vonage.answer_next(302, headers={"Location": "https://example.com/"})
    internet.elsewhere.answer_next(200)
    options = ("--follow", f"--verify={internet.ca}")
    assert http(*options, "https://api.nexmo.com/v1/calls", env=env).returncode == 0
    internet.elsewhere.answer_next(200)
    assert http(*options, "https://example.com/", env=env).returncode == 0
    assert [seen.claims is not None for seen in internet.vonage.requests] == [True]
    assert [seen.claims for seen in internet.elsewhere.requests] == [None, None]


def test_auto_reads_options_an_application_and_a_host_from_dash_a(
    typed: Callable[..., str], nexmo: Sandbox
) -> None:
    url, found = "https://api.nexmo.com/v1/calls", environment_of(nexmo)
    assert claims_in(typed("-a", "?sub=alice", url, env=found))["sub"] == "alice"
    assert claims_in(typed(dash_a(nexmo, "?sub=alice"), url))["sub"] == "alice"
    assert claims_in(typed("-a", f"?host={nexmo.url}", nexmo.url, env=found))


@pytest.mark.downloads
def test_auto_works_from_the_httpie_plugin_folder(
    http_with_plugin_folder: Run, nexmo: Sandbox
) -> None:
    env = environment_of(nexmo)
    # Plugins are in the folder of the person, so the default is typed here.
    use = ("--offline", f"--auth-type={AUTO}")
    assert header_of(http_with_plugin_folder(*use, "example.org", env=env)) == ""
    signed = header_of(http_with_plugin_folder(*use, "https://api.nexmo.com/", env=env))
    assert signed.startswith("Bearer ")


@pytest.mark.downloads
def test_bindings_of_httpie_auth_store_choose_among_applications(
    http: Run, config: Path, downloads: Path, nexmo: Sandbox
) -> None:
    """As the README shows it, and beside the default."""
    store = config / "auth_store.json"
    bindings = json.loads(block_of_the_readme('"bindings"'))["bindings"]
    bindings[0]["auth"] = f"{nexmo.application_id}:{nexmo.private_key}"
    bindings += [{"auth_type": "basic", "auth": "u:p", "resources": ["https://rest.nexmo.com"]}]
    store.write_text(json.dumps({"bindings": bindings}))
    store.chmod(0o600)
    env = {"HTTPIE_CONFIG_DIR": str(config), "PYTHONPATH": str(downloads / "auth-store")}
    use = ("--offline", "-A", "store")
    signed = header_of(http(*use, "https://api.nexmo.com/v1/calls", env=env))
    assert claims_in(signed)["application_id"] == nexmo.application_id
    assert header_of(http(*use, "https://rest.nexmo.com/sms/json", env=env)) == BASIC


def test_the_alias_of_the_readme_signs(nexmo: Sandbox, tmp_path: Path) -> None:
    lines = [
        "shopt -s expand_aliases",
        block_of_the_readme("alias vonage"),
        "vonage --ignore-stdin --offline api.nexmo.com/v1/calls",
    ]
    path = f"{HTTP.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**hermetic.environment(tmp_path / "home"), **environment_of(nexmo), "PATH": path}
    result = subprocess.run(
        ["bash", "-c", "\n".join(lines)], env=env, capture_output=True, text=True, check=False
    )
    assert header_of(result).startswith("Bearer ")
