"""Pictures of a terminal for the pages: `make pictures` writes docs/http.svg and docs/check.svg.

Each is a command and the first lines of what it prints today, against the sandbox; a test compares.
The text is plain: one line of SVG for each line, which any renderer draws alike.
"""

import html
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import hermetic
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from requests_nexmo_jwt.sandbox import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
APPLICATION_ID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
URL = "https://api.nexmo.com/v1/calls"
FINGERPRINTS = (
    "8c998ee6730d752890c28ad7910bf52e31bf64aab3a32585accc96fc5fc75d48",
    "19f33b3b0a9fa4d6a7e4e7a8d3b4d9dd6a2e2f0c3f9b1a6c5d8e7f60718293a4",
)
LINES = 12
COLUMNS = 84

COMMANDS = {
    "http": ["http", "--ignore-stdin", "--print=Hh", "--auth-type=nexmo-jwt", URL],
    "check": ["nexmo-jwt", "check", "--app-id", APPLICATION_ID, "--private-key", "other.key"],
}


@contextmanager
def world() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder with another key, and the variables of a sandbox."""
    with tempfile.TemporaryDirectory() as name, Sandbox(application_id=APPLICATION_ID) as nexmo:
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        folder = Path(name).resolve()
        (folder / "other.key").write_bytes(pem)
        (folder / "other.key").chmod(0o600)
        yield folder, {**hermetic.environment(folder), **nexmo.environment}


def shown(command: list[str], folder: Path, env: dict[str, str]) -> list[str]:
    """Return the command and its first lines, without what differs from run to run."""
    program = Path(sys.executable).with_name(command[0])
    result = subprocess.run(
        [program, *command[1:]], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    text = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:4010", result.stdout.replace("\r", ""))
    text = text.replace("deflate, zstd", "deflate")  # of Python 3.14
    text = re.sub(r"(Bearer eyJ[^.]*\.eyJ)\S+", r"\1...", text)
    text = text.replace(f"HTTPie/{version('httpie')}", "HTTPie").replace(str(folder), "/home/me")
    found = dict.fromkeys(re.findall(r"[0-9a-f]{64}", text))
    for fingerprint, shown_instead in zip(found, FINGERPRINTS, strict=False):
        text = text.replace(fingerprint, shown_instead)
    text = re.sub(r"Date: .*|x-nexmo-trace-id: .*", lambda m: m[0].partition(" ")[0] + " ...", text)
    typed = " ".join(shlex.quote(word) for word in command if word != "--ignore-stdin")
    lines = [f"$ {typed}"]
    for line in text.strip().splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(line, COLUMNS, subsequent_indent=indent) or [""]
    return [*lines[: LINES - 1], "..."] if len(lines) > LINES else lines


def svg(lines: list[str]) -> str:
    """Return a picture of ``lines``."""
    width = round(max(map(len, lines)) * 8.43 + 32)
    rows = "\n".join(
        f'<text x="16" y="{28 + 18 * number}" xml:space="preserve">{html.escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    height = 18 * len(lines) + 28
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="monospace" font-size="14" fill="#ddd">\n'
        f'<rect width="{width}" height="{height}" rx="6" fill="#1e1e1e"/>\n{rows}\n</svg>\n'
    )


def pictures() -> Iterator[tuple[Path, str]]:
    """Yield the path and the content of each picture."""
    with world() as (folder, env):
        for name, command in COMMANDS.items():
            yield DOCS / f"{name}.svg", svg(shown(command, folder, env))


if __name__ == "__main__":
    os.environ.pop("COLUMNS", None)
    for path, content in pictures():
        path.write_text(content, encoding="utf-8")
        print(path.name)
