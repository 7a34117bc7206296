"""`nexmo-jwt sandbox`, as a real process."""

import errno
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from conftest import HTTP, NEXMO_JWT, Run

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox


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
        url = said_by(printed)["NEXMO_JWT_HOSTS"] + "/v1/calls"
        lines += [
            shlex.join([sys.executable, "-c", script.format(url=url)]),
            f"{shlex.quote(str(NEXMO_JWT))} check --url {url}",
            f"{shlex.quote(str(NEXMO_JWT))} check",
            f"{shlex.quote(str(NEXMO_JWT))} check --url https://api.nexmo.com/v1/calls || true",
            f"{shlex.quote(str(HTTP))} -A nexmo-jwt GET https://api.nexmo.com/v1/calls || true",
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
        assert result.stdout.count('"_embedded"') == 2, result
        assert result.stdout.count("The token is accepted: 200 OK.") == 2
        assert result.stderr.count("https://api.nexmo.com may not receive a token") == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        logged = process.stderr.read()
        assert logged.count("GET /v1/calls: 200, accepted") == 3
        assert "Traceback" not in logged
    assert not Path(said_by(printed)["VONAGE_PRIVATE_KEY"]).parent.exists()


def test_a_sandbox_can_refuse_a_token_that_it_has_seen() -> None:
    with running(str(NEXMO_JWT), "sandbox", "--single-use") as (_, printed):
        said = said_by(printed)
        auth = NexmoJWT(said["VONAGE_APPLICATION_ID"], said["VONAGE_PRIVATE_KEY"])
        headers = {"Authorization": f"Bearer {auth.token()}"}
        url = said["NEXMO_JWT_HOSTS"]
        answers = [requests.get(url, headers=headers, timeout=10) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 401]


def test_the_sandbox_stops_cleanly_when_it_is_terminated() -> None:
    module = (sys.executable, "-m", "requests_nexmo_jwt")
    with running(*module, "sandbox", "--clock-offset=-3600") as (process, printed):
        url = said_by(printed)["NEXMO_JWT_HOSTS"]
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
