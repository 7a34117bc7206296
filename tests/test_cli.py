import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from requests_nexmo_jwt.sandbox import Sandbox

SCRIPT = [str(Path(sys.executable).with_name("nexmo-jwt"))]
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


@pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])
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
                env={"PATH": "/usr/bin:/bin", "HTTPIE_CONFIG_DIR": str(tmp_path)},
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
    key_file = next(line for line in printed if "Private key:" in line).split()[2]
    assert not Path(key_file).parent.exists()


def test_the_sandbox_stops_cleanly_when_it_is_terminated() -> None:
    with running(*SCRIPT, "sandbox", "--clock-offset=-3600") as (process, printed):
        url = next(line for line in printed if "127.0.0.1" in line).split()[4].rstrip(";")
        assert requests.get(url, timeout=10).status_code == 401
        process.terminate()
        assert process.wait(10) == 0
        assert "no Authorization header" in process.stderr.read()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=30
    )


def test_a_port_that_is_taken_is_one_line(nexmo: Sandbox) -> None:
    port = nexmo.url.rpartition(":")[2]
    result = run("sandbox", f"--port={port}")
    assert result.returncode == 1
    assert result.stderr == (
        f"nexmo-jwt: cannot listen on 127.0.0.1:{port}: {os.strerror(98)}. "
        "Give another --port, or none for a free one.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["sandbx"], ["sandbox", "--port=http"], ["sandbox", "--port=65536"], ["sandbox", "x"]],
    ids=" ".join,
)
def test_wrong_usage_is_told_with_status_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: nexmo-jwt")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["sandbox", "--help"]], ids=" ".join)
def test_help_names_the_sandbox(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 0
    assert "sandbox" in result.stdout
