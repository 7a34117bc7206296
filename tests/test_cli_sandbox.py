"""`nexmo-jwt sandbox`, as a real process."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from conftest import NEXMO_JWT, Run

from requests_nexmo_jwt.sandbox import Sandbox

MODULE = [sys.executable, "-m", "requests_nexmo_jwt"]


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a sandbox command and yield it with what it printed once it listens."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed: list[str] = []
            while not any(" -c " in line for line in printed):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                printed.append(line)
            yield process, printed
        finally:
            process.kill()


@pytest.mark.parametrize("command", [[str(NEXMO_JWT)], MODULE], ids=["script", "module"])
def test_the_two_lines_that_the_sandbox_prints_can_be_pasted(
    command: list[str], tmp_path: Path
) -> None:
    with running(*command, "sandbox") as (process, printed):
        pasted = [line for line in printed if " --auth-type=nexmo-jwt " in line or " -c " in line]
        assert len(pasted) == 2
        for line in pasted:
            result = subprocess.run(
                line,
                shell=True,
                cwd=tmp_path,
                env={**os.environ, "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert '"_embedded"' in result.stdout, result
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        logged = process.stderr.read()
        assert logged.count("GET /v1/calls: 200, accepted") == 2
        assert "Traceback" not in logged
    (key_file,) = re.findall(r"Private key: +(.*) \(gone", "".join(printed))
    assert not Path(key_file).parent.exists()


def test_the_sandbox_stops_cleanly_when_it_is_terminated() -> None:
    with running(str(NEXMO_JWT), "sandbox", "--clock-offset=-3600") as (process, printed):
        url = next(line for line in printed if "127.0.0.1" in line).split()[4].rstrip(";")
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
