"""`nexmo-jwt sandbox`, as a real process."""

import errno
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from conftest import APPLICATION_ID, HTTP, NEXMO_JWT, PASSPHRASE, TYPED, Keys, Run

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox

CALLS = "https://api.nexmo.com/v1/calls"


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a sandbox command and yield it with what it printed once it listens."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed: list[str] = []
            while not any(" -A nexmo-jwt GET " in line for line in printed):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                printed.append(line)
            yield process, printed
        finally:
            process.terminate()  # which deletes its key, as a kill would not
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def said_by(printed: list[str]) -> dict[str, str]:
    """Return the variables that the sandbox asks to be exported."""
    (export,) = (line for line in printed if line.startswith("export "))
    return dict(word.split("=", 1) for word in shlex.split(export)[1:])


def test_what_the_sandbox_prints_can_be_pasted(tmp_path: Path) -> None:
    """In a shell with the exported variables, nothing needs an argument."""
    script = "import requests; from requests_nexmo_jwt import NexmoJWT; " + (
        "print(requests.get({url!r}, auth=NexmoJWT()).text)"
    )
    with running(str(NEXMO_JWT), "sandbox") as (process, printed):
        lines = [line for line in printed if line.startswith("export ") or " GET " in line]
        assert lines[-1] == f"{shlex.quote(str(HTTP))} -A nexmo-jwt GET {CALLS}\n"
        said = said_by(printed)
        url = said["NEXMO_JWT_ENDPOINT"] + "/v1/calls"
        assert said["NO_PROXY"] == said["no_proxy"] == "127.0.0.1"
        lines += [
            shlex.join([sys.executable, "-c", script.format(url=CALLS)]),
            shlex.join([sys.executable, "-c", script.format(url=url)]),
            f"{TYPED} check --url {url}",
            f"{TYPED} check",
            f"{TYPED} check --url {CALLS}",
            f"{TYPED} check --url http://127.0.0.1:9/v1/calls || true",
            f"{shlex.quote(str(HTTP))} -A nexmo-jwt GET http://localhost:9/v1/calls || true",
        ]
        result = subprocess.run(
            "\n".join(lines),
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout.count('"_embedded"') == 3, result
        assert result.stdout.count("The token is accepted: 200 OK.") == 3
        for origin in ("http://127.0.0.1:9", "http://localhost:9"):
            refused = f"{origin} may not receive a token: NEXMO_JWT_ENDPOINT allows only {url[:-9]}"
            assert result.stderr.count(refused) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        logged = process.stderr.read()
        assert logged.count("GET /v1/calls: 200, accepted") == 5
        assert logged.count("GET /v1/calls?page_size=1: 200, accepted") == 1
        assert "Traceback" not in logged
    assert not Path(said_by(printed)["VONAGE_PRIVATE_KEY"]).parent.exists()


def test_a_sandbox_can_refuse_a_token_that_it_has_seen() -> None:
    with running(str(NEXMO_JWT), "sandbox", "--single-use") as (_, printed):
        said = said_by(printed)
        auth = NexmoJWT(said["VONAGE_APPLICATION_ID"], said["VONAGE_PRIVATE_KEY"])
        headers = {"Authorization": f"Bearer {auth.token()}"}
        url = said["NEXMO_JWT_ENDPOINT"] + "/v1/calls"
        answers = [requests.get(url, headers=headers, timeout=10) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 401]


def test_the_sandbox_stops_cleanly_when_it_is_terminated() -> None:
    module = (sys.executable, "-m", "requests_nexmo_jwt")
    with running(*module, "sandbox", "--clock-offset=-3600") as (process, printed):
        url = said_by(printed)["NEXMO_JWT_ENDPOINT"] + "/v1/calls"
        assert requests.get(url, timeout=10).status_code == 401
        process.terminate()
        assert process.wait(10) == 0
        assert "no Authorization header" in process.stderr.read()


def test_a_port_that_is_taken_is_one_line(nexmo_jwt: Run, nexmo: Sandbox) -> None:
    port = nexmo.url.rpartition(":")[2]
    result = nexmo_jwt("sandbox", f"--port={port}")
    assert result.returncode == 1
    assert result.stderr == (
        f"nexmo-jwt: the sandbox cannot start: {os.strerror(errno.EADDRINUSE)}. "
        "Give another --port, or none for a free one.\n"
    )


def test_a_sandbox_that_has_no_place_for_its_key_says_so(nexmo_jwt: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'file')!r}\n"
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            script + "from requests_nexmo_jwt.cli import main; main()",
            "sandbox",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert result.stderr.startswith(f"nexmo-jwt: the sandbox cannot start: {tmp_path}/file/")
    assert len(result.stderr.splitlines()) == 1


def test_a_command_runs_with_the_variables_of_the_sandbox_and_no_others(
    nexmo_jwt_process: Run,
) -> None:
    script = (
        "import json, os, requests; from requests_nexmo_jwt import NexmoJWT\n"
        f"answer = requests.get({CALLS!r}, auth=NexmoJWT(), timeout=20)\n"
        "print(json.dumps([answer.status_code, answer.url, dict(os.environ)]))"
    )
    theirs = dict.fromkeys(
        ["VONAGE_APPLICATION_ID", "VONAGE_PRIVATE_KEY", "VONAGE_PRIVATE_KEY_PASSPHRASE"], "theirs"
    )
    proxies = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    env = {**theirs, **proxies, "NO_PROXY": "example.org", "MINE": "1"}
    result = nexmo_jwt_process("sandbox", "--", sys.executable, "-c", script, env=env)
    assert result.returncode == 0, result
    status, url, variables = json.loads(result.stdout)  # the command's own output, and no more
    assert (status, url) == (200, variables["NEXMO_JWT_ENDPOINT"] + "/v1/calls")
    assert "theirs" not in variables.values()
    assert variables["NO_PROXY"] == variables["no_proxy"] == "example.org,127.0.0.1"
    assert variables["MINE"] == "1"
    assert len(variables["VONAGE_API_SECRET"]) == 16
    assert not Path(variables["VONAGE_PRIVATE_KEY"]).parent.exists()


def test_a_command_gets_its_arguments_and_stdin_and_a_refusal_is_logged(
    nexmo_jwt_process: Run,
) -> None:
    words = ("printf", "%s.", "a b", "--", "--port=1", "-h", "")
    assert nexmo_jwt_process("sandbox", "--port=0", "--", *words).stdout == "a b.--.--port=1.-h.."
    assert nexmo_jwt_process("sandbox", "--", "cat", stdin=b"typed").stdout == "typed"
    script = "import os, requests; requests.get(os.environ['NEXMO_JWT_ENDPOINT'] + '/v1/calls')"
    logged = nexmo_jwt_process("sandbox", "--", sys.executable, "-c", script).stderr.splitlines()
    assert [line.split(" ", 2)[2] for line in logged] == [
        "GET /v1/calls: 401, there is no Authorization header"
    ]


STATUSES = {"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143, "kill -KILL $$": 137}


@pytest.mark.parametrize(("script", "status"), STATUSES.items())
def test_a_sandbox_ends_with_the_exit_status_of_its_command(
    script: str, status: int, nexmo_jwt_process: Run, tmp_path: Path
) -> None:
    env = {"TMPDIR": str(tmp_path)}
    result = nexmo_jwt_process("sandbox", "--", "sh", "-c", script, env=env)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", "")
    assert list(tmp_path.glob("nexmo-sandbox-*")) == []


@pytest.mark.parametrize(
    ("command", "status", "number"),
    [("nowhere-at-all", 127, errno.ENOENT), ("./private.key", 126, errno.EACCES)],
)
def test_a_command_that_cannot_run_is_one_line(
    command: str,
    status: int,
    number: int,
    nexmo_jwt_process: Run,
    key_file: Path,
    tmp_path: Path,
) -> None:
    result = nexmo_jwt_process("sandbox", "--", command, env={"TMPDIR": str(tmp_path)})
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr == f"nexmo-jwt: cannot run {command!r}: {os.strerror(number)}.\n"
    assert list(tmp_path.glob("nexmo-sandbox-*")) == []


def test_a_command_has_to_follow_two_dashes(nexmo_jwt: Run) -> None:
    for words in (["pytest"], ["--port=0", "pytest", "tests"], ["pytest", "--", "ls"]):
        result = nexmo_jwt("sandbox", *words)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            "nexmo-jwt sandbox: error: unexpected 'pytest': '--' has to precede a command "
            "(usage: nexmo-jwt sandbox --help)\n"
        )


def test_an_application_of_ones_own_is_served_after_a_restart_too_and_its_file_stays(
    keys: Keys, key_file: Path
) -> None:
    def file() -> object:
        stat = key_file.stat()
        return key_file.read_bytes(), stat.st_mode, stat.st_mtime_ns, os.listdir(key_file.parent)

    before, secrets = file(), set()
    options = (f"--app-id={APPLICATION_ID}", f"--private-key={key_file}")
    for number in (signal.SIGINT, signal.SIGTERM):
        with running(str(NEXMO_JWT), "sandbox", *options) as (process, printed):
            said = said_by(printed)
            assert said["VONAGE_APPLICATION_ID"] == APPLICATION_ID
            assert said["VONAGE_PRIVATE_KEY"] == str(key_file)
            secrets.add((said["VONAGE_API_KEY"], said["VONAGE_API_SECRET"]))
            url = said["NEXMO_JWT_ENDPOINT"] + "/v1/calls"
            for key, status in [(keys.object, 200), (Keys().object, 401)]:
                auth = NexmoJWT(APPLICATION_ID, key)
                assert requests.get(url, auth=auth, timeout=10).status_code == status
            process.send_signal(number)
            assert process.wait(10) == 0
        assert file() == before
    assert len(secrets) == 1


def test_a_command_finds_a_key_of_ones_own_from_any_folder(
    nexmo_jwt_process: Run, key_file: Path
) -> None:
    """``key_file`` is in the folder in which the command runs."""
    options = (f"--app-id={APPLICATION_ID}", "--private-key=private.key")
    result = nexmo_jwt_process("sandbox", *options, "--", "printenv", "VONAGE_PRIVATE_KEY")
    assert (result.returncode, result.stdout) == (0, f"{key_file}\n")
    assert key_file.exists()


def test_an_id_and_a_key_are_given_together(nexmo_jwt: Run, key_file: Path) -> None:
    for given, missing in [
        (f"--app-id={APPLICATION_ID}", "--private-key"),
        (f"--private-key={key_file}", "--app-id"),
    ]:
        result = nexmo_jwt("sandbox", given)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            f"nexmo-jwt sandbox: error: {given.partition('=')[0]} needs {missing} beside it: "
            "an id and a key are never mixed from two places (usage: nexmo-jwt sandbox --help)\n"
        )


#: When the signals come: once all runs, once there is something to delete, or at any moment.
MOMENTS = ["once it runs", "once its folder is there", "at any moment"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM", "SIGQUIT"])
@pytest.mark.parametrize("command", ["", "sleep 100"])
def test_two_signals_at_once_end_it_and_leave_nothing_behind(
    command: str, first: str, moment: str, tmp_path: Path
) -> None:
    number = getattr(signal, first)
    within = ["--", "sh", "-c", f"echo on; exec {command}"] if command else []
    for _ in range(2):
        with subprocess.Popen(
            [NEXMO_JWT, "sandbox", *within],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                if moment == "once it runs":
                    assert process.stdout.readline()
                elif moment == "once its folder is there":
                    while not list(tmp_path.glob("nexmo-sandbox-*")):
                        assert process.poll() is None
                else:
                    time.sleep(random.uniform(0, 0.5))
                process.send_signal(number)
                process.terminate()
                # To the end of its output: a command that went on would hold it open.
                _, logged = process.communicate(timeout=10)
            finally:
                process.kill()
        if moment == "once it runs":
            # The command dies of either; the second may come when all is cleaned up.
            ends = {128 + number, 128 + signal.SIGTERM} if command else {0}
            assert process.returncode in {*ends, -signal.SIGTERM}
            assert logged == b""
        assert list(tmp_path.glob("nexmo-sandbox-*")) == []


def test_the_passphrase_of_a_given_key_reaches_the_command(
    nexmo_jwt_process: Run, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "locked.key").write_bytes(keys.encrypted)
    given = [f"--app-id={APPLICATION_ID}", "--private-key=locked.key"]
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE, "VONAGE_APP_ID": "theirs"}
    result = nexmo_jwt_process("sandbox", *given, "--", NEXMO_JWT, "check", env=env)
    assert result.stdout.startswith("The token is accepted: 200 OK."), result
