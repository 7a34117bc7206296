"""The code blocks of README and docs, run as printed: what we sign goes to the sandbox.

That is done by NEXMO_JWT_ENDPOINT. curl and a header alone do not know it: for them, the sandbox
has the name and a certificate of api.nexmo.com.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import hermetic
import pytest
from conftest import APPLICATION_ID, REPOSITORY, TLS, Keys, address, forge
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from requests_nexmo_jwt.sandbox import Sandbox

PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += sorted((REPOSITORY / "docs").glob("*.md"))


class Block(NamedTuple):
    """A code block of a page: its language, its text, and the output that is printed below it."""

    page: str
    number: int
    language: str
    text: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.page} {self.number}"


def blocks_of(page: Path) -> Iterator[Block]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for number, (language, text) in enumerate(found):
        is_output = number + 1 < len(found) and found[number + 1][0] == "text"
        output = found[number + 1][1] if is_output else None
        if language != "text":
            yield Block(page.name, number, language, text, output)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def blocks(language: str) -> list[Block]:
    # The page on testing is run by test_pytest_plugin, with the tests that it has.
    return [b for b in BLOCKS if b.language == language and b.page != "testing.md"]


@pytest.fixture
def world(
    block: Block, tls: TLS, tmp_path: Path, nexmo_key: RSAPrivateKey, keys: Keys
) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the keys of the pages, and an environment in which the sandbox is Nexmo."""
    has_name = "curl" in block.text or "auth.header(" in block.text
    context = tls.context("api.nexmo.com") if has_name else None
    with Sandbox(application_id=APPLICATION_ID, key=nexmo_key, ssl_context=context) as nexmo:
        folder, home = tmp_path / "here", tmp_path / "home"
        folder.mkdir()
        (folder / "private.key").write_bytes(nexmo.private_key.read_bytes())
        (folder / "other.key").write_bytes(keys.pkcs8)
        export = ["openssl", "pkey", "-in", "private.key", "-pubout", "-out", "public.pem"]
        subprocess.run(export, cwd=folder, check=True)
        port = address(nexmo)[1]
        env = hermetic.environment(home)
        env |= {} if has_name else nexmo.environment
        env |= {"VONAGE_APPLICATION_ID": APPLICATION_ID, "VONAGE_PRIVATE_KEY": "private.key"}
        env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}
        env |= {"TOKEN": forge(nexmo), "DASK_TEMPORARY_DIRECTORY": str(tmp_path)}
        if has_name:
            env |= {"REQUESTS_CA_BUNDLE": tls.ca, "SSL_CERT_FILE": tls.ca, "PYTHONWARNINGS": ""}
            env |= {"PYTHONPATH": str(REPOSITORY / "tests" / "names")}
            env |= {"TEST_NAMES": f"api.nexmo.com={port}"}
        (home / ".curlrc").write_text(
            f'connect-to = "api.nexmo.com:443:127.0.0.1:{port}"\ncacert = "{tls.ca}"\n'
        )
        yield folder, env


IS_MOVED = re.compile("NEXMO_JWT_ENDPOINT: requests for Vonage are sent to http://127.0.0.1:")


def run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command whose stdin is a terminal, as HTTPie wants it for a request without a body."""
    import pty  # Windows has none

    ours, stdin = pty.openpty()
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(stdin)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_blocks_of_the_docs_run(block: Block, world: tuple[Path, dict[str, str]]) -> None:
    folder, env = world
    if "def test_" in block.text:
        (folder / "test_printed.py").write_text(block.text)
        result = run([sys.executable, "-m", "pytest", "-q"], folder, env)
    else:
        (folder / "printed.py").write_text(block.text)
        result = run([sys.executable, "printed.py"], folder, env)
    assert result.returncode == 0, result
    if block.output is not None:
        assert result.stdout == block.output
    elif "print(" in block.text:
        assert result.stdout == "200\n"


def is_install(block: Block) -> bool:
    return bool(re.search(r"pip install|plugins install|^make ", block.text, re.MULTILINE))


@pytest.mark.parametrize("block", [b for b in blocks("sh") if not is_install(b)], ids=str)
def test_shell_blocks_of_the_docs_run(block: Block, world: tuple[Path, dict[str, str]]) -> None:
    if "curl" in block.text and not shutil.which("curl"):
        pytest.skip("there is no curl")
    folder, env = world
    result = run(["bash", "-c", f"shopt -s expand_aliases\n{block.text}"], folder, env)
    assert "Traceback" not in result.stderr
    if block.output is not None:
        assert without_fingerprints(result.stdout).startswith(without_fingerprints(block.output))
    elif "other.key" in block.text or "inspect --for" in block.text or "debug" in block.text:
        assert result.stdout  # what is shown there is a refusal, or about one
    else:
        warned = [line for line in result.stderr.splitlines() if line and not IS_MOVED.search(line)]
        assert (result.returncode, warned) == (0, []), result
    requests = len(re.findall(r"https?[ :].*api\.nexmo\.com", block.text))
    if re.match("http|curl", block.text) and "--offline" not in block.text:
        assert result.stdout.count('"_embedded"') == requests


def without_fingerprints(output: str) -> str:
    """Return the words of an output up to dots, without what differs from key to key.

    Python 3.14 has zstd, and requests accepts it there.
    """
    shown = " ".join(output.split()).removesuffix(" ...").replace("deflate, zstd", "deflate")
    return re.sub(r"[0-9a-f]{64}", "-", shown)


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json(block: Block) -> None:
    json.loads(block.text)  # what it does is tested by test_httpie_auto


@pytest.mark.downloads
@pytest.mark.parametrize("block", [b for b in blocks("sh") if is_install(b)], ids=str)
def test_the_printed_install_command_works(block: Block, tmp_path: Path, downloads: Path) -> None:
    clone, home, venv = tmp_path / "a clone", tmp_path / "home", tmp_path / "venv"
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(REPOSITORY, clone, ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    # The pip that is here: to unpack one takes seconds.
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "pip").symlink_to(Path(find_spec("pip").origin).parent)
    env = hermetic.environment(home)
    env |= {"PATH": f"{venv / 'bin'}{os.pathsep}{env['PATH']}"}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (downloads / "wheels").as_uri()}
    env |= {"PIP_NO_COMPILE": "1"}
    result = run(["bash", "-c", f"set -e\n{block.text}"], clone, env)
    assert result.returncode == 0, result
    assert run([venv / "bin" / "nexmo-jwt", "--version"], home, env).stdout.startswith("nexmo-jwt ")


def test_the_pages_name_only_targets_of_make_and_files_that_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for page in PAGES:
        text = page.read_text("utf-8")
        for target in re.findall(r"`make ([a-z-]+)", text):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page, target)
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / link).exists(), (page, link)


def test_every_block_has_a_language_and_every_shell_block_is_known() -> None:
    assert {block.language for block in BLOCKS} == {"python", "sh", "json"}
    readme = (REPOSITORY / "README.md").read_text("utf-8").splitlines()
    assert len(readme) <= 120
    assert max(map(len, readme)) <= 120
