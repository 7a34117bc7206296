"""The `nexmo-jwt` command as a whole: usage, streams, and keys in the wrong place."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import ARTICLE_TOKEN, TYPED, Keys, Run, environment_of, key_text_in

from requests_nexmo_jwt.sandbox import Sandbox

# Where the text of a key may land, quoted as it should be or not.
MISPLACED_KEYS = [
    *(["token", option, "{pem}"] for option in ("--ttl", "--sub", "--acl", "--claim", "--app-id")),
    ["token", "--acl", "{base64}"],
    ["token", "--acl", "@{pem}"],
    ["token", "--claim", "{base64}={base64}"],
    ["token", "--claim", 'x="{base64} -----BEGIN PRIVATE KEY-----"'],
    ["token", "--app-id", "x", "--private-key", "{pem}"],
    ["token", "--app-id", "x", "--private-key={words}"],
    ["token", "--app-id", "x", "--private-key", "{base64}"],
    ["token", "--app-id", "{base64}", "--private-key", "private.key"],
    ["inspect", "{base64}"],
    ["inspect", ARTICLE_TOKEN, "--app-id", "{pem}", "--private-key", "private.key"],
    ["check", "--app-id", "{pem}", "--private-key", "private.key"],
    ["check", "--app-id", "{base64}", "--private-key", "private.key"],
    ["check", "--token", "{pem}"],
    ["check", "--url", "https://{base64}/"],
    ["sandbox", "--port", "{pem}"],
    ["{base64}"],
]


@pytest.mark.parametrize("command", MISPLACED_KEYS, ids=" ".join)
def test_key_text_in_the_wrong_place_is_never_shown(
    command: list[str], nexmo_jwt: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    pem = keys.pkcs8.decode()
    arguments: list[str] = []
    for part in command:
        if part.endswith("{words}"):  # as the shell splits what has no quotes around it
            arguments += part.replace("{words}", pem).split()
        else:
            base64 = "".join(pem.splitlines()[1:-1])
            arguments.append(part.replace("{pem}", pem).replace("{base64}", base64))
    result = nexmo_jwt(*arguments, env=environment_of(nexmo))
    assert result.returncode in (1, 2)
    if command[0] != "inspect":
        assert "nexmo-jwt" in result.stderr
    assert key_text_in(result.stdout + result.stderr, keys.pkcs8) is None


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("inspect - >/dev/full", 1, "", "No space left"),
        ("inspect - 0>/dev/null", 1, "", "stdin cannot be read"),
        ("check --app-id '\x1b[' --private-key k", 1, "application: \\x1b[", "be printed"),
    ],
)
def test_a_full_disk_and_an_unreadable_stdin_are_told(
    command: str, status: int, stdout: str, stderr: str, nexmo: Sandbox, tmp_path: Path
) -> None:
    result = subprocess.run(
        f"{TYPED} {command}",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, **environment_of(nexmo)},
        input=ARTICLE_TOKEN.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == status
    assert stdout in result.stdout.decode() if stdout else result.stdout == b""
    assert b"\033" not in result.stdout + result.stderr
    assert stderr in result.stderr.decode()
    assert len(result.stderr.splitlines()) <= 1


def test_a_closed_pipe_and_a_full_disk_are_no_traceback(nexmo: Sandbox) -> None:
    env = {**os.environ, **environment_of(nexmo)}
    command = f"{TYPED} token | true"
    result = subprocess.run(command, shell=True, env=env, capture_output=True, check=True)
    assert result.stderr == b""
    result = subprocess.run(
        f"{TYPED} token > /dev/full", shell=True, env=env, capture_output=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == b"nexmo-jwt: cannot write the result: No space left on device.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sandbx"],
        ["sandbox", "--port=http"],
        ["sandbox", "--port=65536"],
        ["sandbox", "--clock-offset=nan"],
        ["sandbox", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_with_status_2(arguments: list[str], nexmo_jwt: Run) -> None:
    result = nexmo_jwt(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: nexmo-jwt")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["sandbox", "--help"]], ids=" ".join)
def test_help_names_the_sandbox(arguments: list[str], nexmo_jwt: Run) -> None:
    result = nexmo_jwt(*arguments)
    assert result.returncode == 0
    assert "sandbox" in result.stdout
