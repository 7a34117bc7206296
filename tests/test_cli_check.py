"""`nexmo-jwt check`."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import (
    APPLICATION_ID,
    ARTICLE_TOKEN,
    PASSPHRASE,
    TLS,
    Keys,
    Run,
    answering,
    environment_of,
    forge,
    key_text_in,
)
from connect_proxy import ConnectProxy

from requests_nexmo_jwt.sandbox import Sandbox


def test_check_says_that_all_is_well(nexmo_jwt_process: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt_process("check", "--url", f"{nexmo.url}/v1/calls", env=environment_of(nexmo))
    assert result.returncode == 0, result
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


def test_check_prints_the_public_key_on_request_and_never_the_private_one(
    nexmo_jwt: Run, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    nexmo.accept_key(keys.public)
    (tmp_path / "locked.key").write_bytes(keys.encrypted_pkcs1)
    (tmp_path / "locked.key").chmod(0o644)
    (tmp_path / ".vonagerc").write_text(
        json.dumps({"app-id": nexmo.application_id, "private-key": "locked.key"})
    )
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    result = nexmo_jwt("check", "--public-key", "--url", nexmo.url, env=env)
    assert result.returncode == 0, result
    assert keys.public_pem.decode() in result.stdout
    assert "encrypted PKCS#1 PEM" in result.stdout
    assert (
        "looked at before: VONAGE_APPLICATION_ID (not set), NEXMO_APPLICATION_ID" in result.stdout
    )
    assert "others can read" in result.stdout
    assert "chmod 600" in result.stdout
    for pem in (keys.encrypted_pkcs1, keys.pkcs1, keys.pkcs8):
        body = re.sub(rb"MII.{60}", b"", pem)
        assert key_text_in(result.stdout.replace(keys.public_pem.decode(), ""), body) is None


def first_cause(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    return re.search(r"^  1\. (.*)$", result.stdout, re.M)[1]


def test_four_broken_setups_have_four_right_diagnoses(
    nexmo_jwt: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    ask = ("check", "--url", f"{nexmo.url}/v1/calls")
    other_key = nexmo_jwt(*ask, "--app-id", nexmo.application_id, "--private-key", key_file)
    assert "does not belong to application" in first_cause(other_key)
    assert "Compare the public key" in other_key.stdout
    assert other_key.stderr == ""

    other_id = nexmo_jwt(*ask, "--app-id", APPLICATION_ID, "--private-key", nexmo.private_key)
    assert f"There is no application '{APPLICATION_ID}'" in first_cause(other_id)

    now = int(time.time())
    nexmo.accept_key(keys.public)
    old = forge(keys, application_id=nexmo.application_id, iat=now - 7500, exp=now - 7200)
    expired = nexmo_jwt(*ask, "--token", old)
    assert "expired 2 hours ago" in first_cause(expired)

    spent = forge(keys, application_id=nexmo.application_id)
    assert nexmo_jwt(*ask, "--token", spent).returncode == 0
    assert "was sent before" in first_cause(nexmo_jwt(*ask, "--token", "-", stdin=spent.encode()))
    missing = forge(keys, application_id=nexmo.application_id, jti=None)
    spelled = nexmo_jwt(*ask, "--token", missing)
    assert "breaks a rule: jti is missing" in first_cause(spelled)
    assert "2. The token was sent before" not in spelled.stdout
    narrow = forge(keys, application_id=nexmo.application_id, acl={"paths": {"/v1/users": {}}})
    assert "acl does not open this" in first_cause(nexmo_jwt(*ask, "--token", narrow))

    nexmo.clock_offset = -20
    slightly = nexmo_jwt(*ask, env=environment_of(nexmo))
    assert re.search(r"iat is \d+ s in the future: a clock is wrong\.$", first_cause(slightly))
    assert slightly.stdout.count("Set this machine's clock") == 1

    nexmo.clock_offset = 3600
    clock = nexmo_jwt(*ask, env=environment_of(nexmo))
    assert re.search(r"clock: +(3600|359\d) s behind, by the server's Date", clock.stdout)
    assert re.search(r"clock is (3600|359\d) s ahead of this machine's", first_cause(clock))
    assert "200 OK, after a 401" in clock.stdout
    assert "Set this machine's clock" in clock.stdout


@pytest.mark.parametrize(
    ("status", "exit_status", "words"),
    [
        (200, 0, "token:       accepted\n"),
        (302, 1, "not judged: the server redirects"),
        (404, 0, "accepted: 404 is about the request"),
        (429, 0, "accepted: 429 is about the request"),
        (403, 1, "not allowed to do this"),
        (500, 1, "the server is in trouble"),
    ],
)
def test_check_tells_a_token_from_a_request(
    status: int, exit_status: int, words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, {"Location": "/elsewhere"} if status == 302 else {})
    result = nexmo_jwt("check", "--url", nexmo.url, env=environment_of(nexmo))
    assert result.returncode == exit_status
    assert words in result.stdout
    assert f" {status} " in result.stdout
    assert len(nexmo.requests) == 1


def test_check_shows_no_codes_of_the_server_to_the_terminal(nexmo_jwt: Run, keys: Keys) -> None:
    answer = b"HTTP/1.1 401 \x1b[31mred\x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n"
    token = forge(keys, application_id="\x1b[2J", kid="x")
    with answering([answer]) as url:
        result = nexmo_jwt("check", "--token", token, "--url", url)
    assert "401 \\x1b[31mred" in result.stdout
    assert "There is no application '\\x1b[2J'" in result.stdout


def test_check_tells_of_a_connection_that_breaks(nexmo_jwt: Run, keys: Keys) -> None:
    with answering([]) as url:
        result = nexmo_jwt("check", "--token", forge(keys), "--url", url)
    assert result.returncode == 1
    assert "the connection to 127.0.0.1 broke before an answer came" in result.stdout


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


def test_check_reads_a_problem_that_is_none(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    for body in ("[" * 100_000, "[]", '{"detail": 5}', "\xff"):
        nexmo.answer_next(401, body=body)
        result = nexmo_jwt("check", "--url", nexmo.url, env=environment_of(nexmo))
        assert "does not belong to application" in first_cause(result)
        assert "some take Basic" in result.stdout


@pytest.mark.parametrize(("mode", "words"), [(0o640, "others can read"), (0o600, "only you can")])
def test_check_looks_who_can_read_a_key_within_the_cli_s_file(
    mode: int, words: str, nexmo_jwt: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / ".vonagerc"
    fields = {"app-id": nexmo.application_id, "private-key": nexmo.private_key.read_text()}
    file.write_text(json.dumps(fields))
    file.chmod(mode)
    assert words in nexmo_jwt("check", "--url", nexmo.url).stdout


def test_check_does_not_take_an_unset_variable_for_no_token(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt("check", "--token", "", "--url", nexmo.url, env=environment_of(nexmo))
    assert result.returncode == 2
    assert "Is the variable set?" in result.stderr
    assert nexmo.requests == []


def test_check_says_where_the_arguments_came_from(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    ours = ("--app-id", nexmo.application_id, "--private-key", nexmo.private_key)
    result = nexmo_jwt("check", "--url", nexmo.url, *ours)
    assert f"credentials: arguments: private key file {nexmo.private_key}\n" in result.stdout
    assert result.returncode == 0


def test_check_doubts_an_application_id_that_is_no_uuid(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt(
        *("check", "--url", nexmo.url, "--app-id", "a1b2c3d4", "--private-key", nexmo.private_key)
    )
    assert "a1b2c3d4 - does not look like one (a UUID)" in result.stdout
    assert "There is no application 'a1b2c3d4'" in first_cause(result)


# Further arguments and variables of `check`, where {closed} is a port that nobody listens on.
NETWORK_PROBLEMS = [
    (["--url", "http://127.0.0.1:{closed}/"], {}, "{closed} refuses connections"),
    (["--url", "https://127.0.0.1:{nexmo}/"], {}, "TLS with 127.0.0.1 failed"),
    ([], {"HTTPS_PROXY": "http://127.0.0.1:{closed}"}, "the proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "{proxy}"}, "the proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "http://"}, "the proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "x://y"}, "the proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "http://u:secret@[::1"}, "the proxy's address cannot be read"),
    ([], {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, "cannot be made: Could not find a suitable TLS"),
    (
        ["--url", "https://name.invalid/"],
        {"NEXMO_JWT_HOSTS": "name.invalid"},
        "the name name.invalid is not found",
    ),
]


@pytest.mark.parametrize(("arguments", "variables", "words"), NETWORK_PROBLEMS)
def test_check_tells_what_is_wrong_with_the_network_in_sentences(
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
    ("status", "headers", "body", "words"),
    [
        (200, {"Content-Encoding": "gzip"}, "no gzip", "no whole HTTP answer (ContentDecodingE"),
        (
            200,
            {"Transfer-Encoding": "chunked"},
            "zz\r\n",
            "no whole HTTP answer (ChunkedEncodingError",
        ),
        (302, {"Location": "http://["}, "", None),
        (401, {"Content-Encoding": "gzip"}, "no gzip", "no whole HTTP answer (ContentDecodingE"),
    ],
)
def test_check_tells_of_an_answer_that_is_broken(
    status: int,
    headers: dict[str, str],
    body: str,
    words: str | None,
    nexmo_jwt: Run,
    nexmo: Sandbox,
) -> None:
    nexmo.answer_next(status, headers, body)
    result = nexmo_jwt("check", "--url", nexmo.url, env=environment_of(nexmo))
    assert result.returncode == 1
    sentence = f"answered with what is {words}" if words else "redirects to what is no URL"
    assert f"127.0.0.1 {sentence}" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    "url",
    ["foo", "", "http://[", "http://127.0.0.1:99999"],
)
def test_check_refuses_what_is_no_url(url: str, nexmo_jwt: Run, nexmo: Sandbox) -> None:
    result = nexmo_jwt("check", "--url", url, env=environment_of(nexmo))
    assert result.returncode == 1
    assert result.stderr.startswith(f"nexmo-jwt: {url!r} gets no token: its host cannot be told")
    assert len(result.stderr.splitlines()) == 1


def test_check_refuses_a_url_out_of_scope(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    for arguments in (
        ["--url", "https://example.com/"],
        ["--token", ARTICLE_TOKEN, "--url", "https://example.com"],
    ):
        result = nexmo_jwt("check", *arguments, env=environment_of(nexmo))
        assert result.returncode == 1
        assert "https://example.com is not one of Vonage's API origins" in result.stderr


def test_check_asks_api_nexmo_com_by_default(nexmo_jwt_process: Run, tls: TLS) -> None:
    with (
        Sandbox(ssl_context=tls.context("api.nexmo.com")) as nexmo,
        ConnectProxy({"api.nexmo.com": urlsplit(nexmo.url).port}) as proxy,
    ):
        env = {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": tls.ca}
        result = nexmo_jwt_process("check", env={**environment_of(nexmo), **env})
        assert result.returncode == 0, result
        assert [seen.path for seen in nexmo.requests] == ["/v1/calls?page_size=1"]
