"""The `nexmo-jwt` command as a whole: usage, streams, and keys in the wrong place."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ARTICLE_TOKEN, TYPED, Keys, Run, environment_of, key_text_in

from requests_nexmo_jwt.cli import COMMANDS
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
    ["inspect", ARTICLE_TOKEN, "--for", "{pem}"],
    ["inspect", ARTICLE_TOKEN, "--for", "{base64}"],
    ["inspect", ARTICLE_TOKEN, "--for", "GET /v1/{base64}"],
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
    ("command", "stderr"),
    [
        ("inspect - >/dev/full", "No space left"),
        ("help >/dev/full", "No space left"),
        ("token >/dev/full", "nexmo-jwt: cannot write the result: No space left on device.\n"),
    ],
)
def test_a_full_disk_and_an_unreadable_stdin_are_reported(
    command: str, stderr: str, nexmo: Sandbox, tmp_path: Path
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
    assert (result.returncode, result.stdout) == (1, b"")
    assert stderr in result.stderr.decode()
    assert len(result.stderr.splitlines()) <= 1


def test_a_closed_pipe_is_no_error(nexmo: Sandbox) -> None:
    env = {**os.environ, **environment_of(nexmo)}
    command = f"{TYPED} token | true"
    result = subprocess.run(command, shell=True, env=env, capture_output=True, check=True)
    assert result.stderr == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["sandbx"],
        ["help", "x"],
        ["inspect"],
        ["sandbox", "--port=65536"],
        ["sandbox", "--clock-offset=nan"],
        ["sandbox", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_status_2(arguments: list[str], nexmo_jwt: Run) -> None:
    result = nexmo_jwt(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("nexmo-jwt")
    command = f" {arguments[0]}" if arguments[0] in ("inspect", "sandbox") else ""
    assert result.stderr.endswith(f" (usage: nexmo-jwt{command} --help)\n")
    assert len(result.stderr.splitlines()) == 1


# What asks for help, and words of it.
HELP = [
    ([], "commands:"),
    (["--help"], "commands:"),
    (["token", "--help"], "--ttl TIME"),
    (["help", "check"], "--url URL"),
    (["public-key", "--help"], "--private-key PATH"),
    (["inspect", "--help"], "--for REQUEST"),
    (["check", "--help"], "--url URL"),
    (["sandbox", "--help"], "--port"),
]


@pytest.mark.parametrize(("arguments", "words"), HELP)
def test_help_is_printed_where_it_is_asked_for(
    arguments: list[str], words: str, nexmo_jwt: Run
) -> None:
    result = nexmo_jwt(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    command = " ".join(arguments).replace("help ", "").removesuffix(" --help")
    command = command if len(arguments) > 1 else "[-h]"
    assert result.stdout.startswith(f"usage: nexmo-jwt {command}")
    assert words in result.stdout
    assert ("exit status: 0" in result.stdout) == (len(arguments) > 1)


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_help_has_at_most_80_columns_and_breaks_no_word(
    command: str, columns: str, nexmo_jwt: Run
) -> None:
    def shown(width: str) -> str:
        return nexmo_jwt("help", *filter(None, [command]), env={"COLUMNS": width}).stdout

    assert max(map(len, shown("80").splitlines())) <= 80
    assert shown("200") == shown("80")
    assert shown(columns).split() == shown("80").split()


def test_help_of_a_real_command_names_every_command(nexmo_jwt_process: Run) -> None:
    shown = nexmo_jwt_process()
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == nexmo_jwt_process("help").stdout
    for command in ("help", *COMMANDS):
        assert re.search(f"^    {command} +[a-z]", shown.stdout, re.MULTILINE)


def test_the_version_is_the_installed_one(nexmo_jwt: Run) -> None:
    result = nexmo_jwt("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"nexmo-jwt {version('requests-nexmo-jwt')}\n"


# What goes wrong after the arguments were parsed, the exit status, and how the error begins.
LATE = [
    (["inspect", ARTICLE_TOKEN, "--app-id", "x"], 2, "nexmo-jwt inspect: error: --app-id needs"),
    (["check", "--private-key", "x"], 2, "nexmo-jwt check: error: --private-key needs --app-id"),
    *(
        (["check", *words], 2, f"nexmo-jwt check: error: unrecognized arguments{end}")
        for words, end in [
            (["--api-secret", "S3cret", "--secret=S3cret"], ": --api-secret --secret"),
            (["S3cret"], ""),
        ]
    ),
    *(
        (["check", "--token", ARTICLE_TOKEN, *more], 2, "nexmo-jwt check: error: --acl, --sub and")
        for more in (["--acl", "/x"], ["--sub", ""], ["--ttl", "900"])
    ),
    (
        ["check", "--url", "api.nexmo.com/x?apiSecret=S3cret"],
        2,
        "nexmo-jwt check: error: argument --url: it has no scheme. Write https://api.nexmo.com/x?",
    ),
    (["check", "--token", ""], 2, "nexmo-jwt check: error: argument --token: it is empty. Is the"),
    (["check", "--url", "http://["], 1, "nexmo-jwt: 'http://[' is refused: its host is ambiguous"),
    (
        ["check", "--url", "http://127.0.0.1:99999"],
        1,
        "nexmo-jwt: 'http://127.0.0.1:99999' is refus",
    ),
    (["check", "--url", "https://a.test"], 1, "nexmo-jwt: https://a.test is not one of Vonage's"),
    (["check", "--host", "*"], 1, "nexmo-jwt: --host has '*'"),
    (
        ["check", "--app-id", "\x1b[", "--private-key", "k"],
        1,
        "nexmo-jwt: --app-id has white space",
    ),
    (["check", "--token", "\x1b[.\x1b[."], 1, "nexmo-jwt: This is not a JSON Web Token"),
    (
        ["check", "--token", ARTICLE_TOKEN, "--url", "https://example.com/x"],
        1,
        "nexmo-jwt: https://example.com is not one of Vonage's API origins, so it may not receive "
        "a token. To allow it, pass --host https://example.com.",
    ),
    (
        ["check", "--token", ARTICLE_TOKEN, "--url", "https://rest.nexmo.com/sms/json"],
        1,
        "nexmo-jwt: https://rest.nexmo.com does not accept a token: the SMS API accepts the API "
        "key and secret",
    ),
]


@pytest.mark.parametrize(("arguments", "status", "words"), LATE)
def test_an_error_names_the_command_and_its_options(
    arguments: list[str], status: int, words: str, nexmo_jwt: Run, nexmo: Sandbox
) -> None:
    result = nexmo_jwt(*arguments, env=environment_of(nexmo))
    assert (result.returncode, result.stdout) == (status, "")
    if status == 2:
        assert result.stderr.endswith(f" (usage: nexmo-jwt {arguments[0]} --help)\n")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(words)
    assert "S3cret" not in result.stderr
    assert "\033" not in result.stderr
    assert nexmo.requests == []
