"""docs/tools.md, run: each tool as the page says, against the sandbox.

    python tests/tools/other_tools.py [FOLDER]

It installs the tools from PyPI and npm into FOLDER, by default a temporary one, and takes Wget and
curl from the PATH. Files and commands are taken from the page. The sandbox has the name and a
certificate of api.nexmo.com. A tool that cannot be installed is named; the exit status is 1 if one
of the others did not get its answers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import hermetic
import trustme

from requests_nexmo_jwt.sandbox import Sandbox

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests"))
from connect_proxy import ConnectProxy  # noqa: E402

PAGE = (REPOSITORY / "docs" / "tools.md").read_text("utf-8")
HOST = "api.nexmo.com"
URL = f"https://{HOST}/v1/calls"
IN_SANDBOX = "nexmo-jwt sandbox -- "


class CannotInstallError(Exception):
    """Why a tool is not tried."""


class World(NamedTuple):
    """What a tool runs in: a folder, variables, and the sandbox."""

    folder: Path
    env: dict[str, str]
    nexmo: Sandbox

    def write(self, name: str, content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text)


def code(start: str) -> str:
    """Return the block, or the code between backticks, that begins with ``start``."""
    block = rf"^```\w+\n({re.escape(start)}.*?)^```$"
    found = re.search(block, PAGE, re.DOTALL | re.MULTILINE)
    found = found or re.search(rf"`({re.escape(start)}[^`]*)`", PAGE)
    if not found:
        sys.exit(f"docs/tools.md has no code that begins with {start!r}.")
    return found[1].strip()


def row(tool: str) -> list[str]:
    """Return where the token goes, and the commands, from the row of ``tool`` in the table."""
    (line,) = re.findall(rf"^\| {tool}.*$", PAGE, re.MULTILINE)
    where, command = (re.findall(r"`([^`]+)`", cell)[0] for cell in line.split("|")[2:4])
    return [where, f"{code('export TOKEN=')}\n{command}"]


# Each writes what its tool needs and returns what bash runs.


def mitmproxy(world: World) -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ca = world.env["SSL_CERT_FILE"]
    config = Path(world.env["HOME"], ".mitmproxy", "config.yaml")
    config.parent.mkdir(exist_ok=True)
    more = f"listen_port: {port}\nssl_verify_upstream_trusted_ca: {ca}\n"
    config.write_text(f"{code('proxyauth:')}\n{more}")
    world.write("addon.py", code("from requests_nexmo_jwt"))
    # It ignores HTTPS_PROXY.
    world.env["PYTHONPATH"] = str(REPOSITORY / "tests" / "names")
    world.env["TEST_NAMES"] = f"{HOST}={urlsplit(world.nexmo.url).port}"
    wait = f"curl -s --retry 99 --retry-delay 1 --retry-connrefused http://127.0.0.1:{port}"
    curl = code("curl -s -u").replace("8080", str(port))
    return f"{code('mitmdump')} & trap 'kill $!' EXIT\n{wait}\n{curl}"


def vonage(world: World) -> str:
    world.write("program.py", code("from requests_nexmo_jwt import NexmoJWT\nfrom vonage"))
    return "python program.py | grep -x completed"


def bruno(world: World) -> str:
    token, commands = row("Bruno")
    world.write("bruno.json", {"version": "1", "name": "Vonage", "type": "collection"})
    request = f"get {{\n  url: {URL}\n  auth: bearer\n}}\n"
    world.write("calls.bru", f"{request}\nauth:bearer {{\n  token: {token}\n}}\n")
    return commands


def httpyac(world: World) -> str:
    header, commands = row("httpyac")
    world.write("calls.http", f"GET {URL}\n{header}\n")
    return commands


def tavern(world: World) -> str:
    header, commands = row("Tavern")
    stage = f"name: calls\n    request:\n      url: {URL}\n      headers:\n        {header}\n"
    stage += "    response:\n      status_code: 200\n"
    world.write("test_calls.tavern.yaml", f"test_name: calls\nstages:\n  - {stage}")
    return commands


def newman(world: World) -> str:
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    collection = {"info": {"name": "Vonage", "schema": schema}}
    collection |= {"item": [{"name": "calls", "request": {"url": URL}}]}
    bearer = {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]}
    world.write("bearer.json", {**collection, "auth": bearer})
    fields = {"algorithm": "RS256", "privateKey": code("{{private_key"), "payload": code('{"appl')}
    signed = {"type": "jwt", "jwt": [{"key": key, "value": fields[key]} for key in fields]}
    script = [{"listen": "prerequest", "script": {"exec": [code("pm.variables")]}}]
    world.write("signed.json", {**collection, "auth": signed, "event": script})
    of = {"application_id": world.nexmo.application_id}
    of |= {"private_key": world.nexmo.private_key.read_text()}
    world.write("of.json", {"values": [{"key": key, "value": of[key]} for key in of]})
    return f"{code('printf')}\nnewman run signed.json -e of.json"


def locust(world: World) -> str:
    world.write("locustfile.py", code("from locust"))
    return code(f"{IN_SANDBOX}locust")


def schemathesis(world: World) -> str:
    world.write("hooks.py", code("import schemathesis"))
    size = {"name": "page_size", "in": "query", "schema": {"type": "integer"}}
    call = {"get": {"parameters": [size], "responses": {"200": {"description": "OK"}}}}
    spec = {"openapi": "3.0.3", "info": {"title": "Voice", "version": "1"}}
    world.write("openapi.json", {**spec, "paths": {"/v1/calls": call}})
    # 1 means that it has findings: the sandbox does not validate.
    return f"{code('export SCHEMA')}\n{code(f'{IN_SANDBOX}sh')} || test $? = 1"


def posting(world: World) -> str:
    world.write("sign.py", code("from posting"))
    scripts = "scripts:\n  on_request: sign.py\n"
    world.write("calls.posting.yaml", f"name: calls\nurl: {URL}\n{scripts}")
    world.write("press_keys.py", PRESS_KEYS)
    return "python press_keys.py"


PRESS_KEYS = """
import asyncio
from pathlib import Path
from posting.__main__ import make_posting
from posting.widgets.collection.browser import CollectionTree

async def main():
    app = make_posting(collection=Path("."))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(2)
        app.screen.query_one(CollectionTree).focus()
        await pilot.press("j", "enter")
        await pilot.pause(1)
        await pilot.press("ctrl+j")
        await pilot.pause(4)

asyncio.run(main())
"""


def jupyter(world: World) -> str:
    source = "import requests\nfrom requests_nexmo_jwt import NexmoJWT\n"
    source += f"assert requests.get({URL!r}, auth=NexmoJWT()).ok"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": source}
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}}
    world.write("calls.ipynb", {**notebook, "cells": [{**cell, "execution_count": None}]})
    return "jupyter execute calls.ipynb"


def http_prompt(world: World) -> str:
    world.env["TERM"] = "xterm"
    typed = f"{{ sleep 4; echo '{code('get ')}'; sleep 4; echo q; sleep 1; echo exit; sleep 1; }}"
    return f"{typed} | script -q -c '{code('http-prompt')}' /dev/null"


class Tool(NamedTuple):
    """A tool: what to install, what runs it, and how many requests it makes at least."""

    packages: str
    run: Callable[[World], str]
    requests: int = 1
    has_endpoint: bool = False  # the page starts a sandbox for it; here it is ours


TOOLS = {
    "mitmproxy": Tool("mitmproxy", mitmproxy),
    "wget": Tool("", lambda world: code("wget -q")),
    "curl": Tool("", lambda world: code("curl -s -H"), 3),
    "vonage": Tool("vonage", vonage),
    "@usebruno/cli": Tool("@usebruno/cli", bruno),
    "httpyac": Tool("httpyac", httpyac),
    "tavern": Tool("tavern pytest<9.1", tavern),
    "newman": Tool("newman", newman, 2),
    "locust": Tool("locust", locust, 10, True),
    "schemathesis": Tool("schemathesis", schemathesis, 10, True),
    "posting": Tool("posting tree-sitter<0.26", posting),
    "nbclient": Tool("nbclient ipykernel", jupyter),
    "http-prompt": Tool("http-prompt", http_prompt),
}


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        failed = False
        for name, tool in TOOLS.items():
            try:
                programs, version = install(name, tool.packages, folder / name.replace("/", "-"))
            except CannotInstallError as error:
                print(f"{name}: not installed: {error}", flush=True)
                continue
            with tempfile.TemporaryDirectory() as home:
                problem = tried(tool, programs, Path(home))
            failed = failed or bool(problem)
            noted = "" if version in PAGE else " (not the version of the page)"
            print(f"{name} {version}{noted}: {problem or 'accepted'}", flush=True)
    return 1 if failed else 0


def install(name: str, packages: str, folder: Path) -> tuple[Path, str]:
    """Install a tool, unless it is there; return where its programs are, and its version."""
    if not packages:
        if not shutil.which(name):
            raise CannotInstallError("it is not on the PATH")
        first = output([name, "--version"]).splitlines()[0]
        return Path(shutil.which(name)).parent, re.search(r"[0-9.]+[0-9]", first)[0]
    if "@" in name or name in ("httpyac", "newman"):
        if not shutil.which("npm"):
            raise CannotInstallError("there is no npm")
        installed = folder / "node_modules" / name / "package.json"
        if not installed.exists():
            quiet = ["--silent", "--no-audit", "--no-fund"]
            output(["npm", "install", *quiet, "--prefix", str(folder), packages])
        return folder / "node_modules" / ".bin", json.loads(installed.read_text())["version"]
    python = str(folder / "bin" / "python")
    ask = f"from importlib.metadata import version; print(version({name!r}))"
    if not (folder / "installed").exists():
        output([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        output([*pip, *packages.split(), str(REPOSITORY)])
        (folder / "installed").touch()
    return Path(python).parent, output([python, "-c", ask]).strip()


def output(command: list[str]) -> str:
    """Run a command with the settings of the caller, since pip and npm need them."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        raise CannotInstallError((lines or [f"{command[0]} failed"])[-1])
    return result.stdout


def tried(tool: Tool, programs: Path, home: Path) -> str:
    """Run a tool in ``home``; return what went wrong."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.cert_pem.write_to_path(str(home / "ca.pem"))
    ca.issue_cert(HOST).configure_cert(context)
    with Sandbox(ssl_context=None if tool.has_endpoint else context) as nexmo:
        with ConnectProxy({HOST: urlsplit(nexmo.url).port}) as proxy:
            env = hermetic.environment(home) | nexmo.environment
            if not tool.has_endpoint:
                del env["NEXMO_JWT_ENDPOINT"]
                env |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy.url)
            env |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
            cas = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
            env |= dict.fromkeys(cas, str(home / "ca.pem"))
            (home / ".wgetrc").write_text(f"ca_certificate = {home / 'ca.pem'}\n")
            ours = Path(sys.executable).parent
            env["PATH"] = os.pathsep.join([str(programs), str(ours), env["PATH"]])
            folder = home / "here"
            folder.mkdir()
            commands = tool.run(World(folder, env, nexmo)).replace(IN_SANDBOX, "")
            try:
                result = subprocess.run(
                    ["bash", "-c", f"set -e -o pipefail\n{commands}"],
                    cwd=folder,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=180,
                )
            except subprocess.TimeoutExpired:
                return "it did not end within 180 seconds"
        accepted = [seen for seen in nexmo.requests if seen.accepted and seen.status == 200]
        refused = [seen.verdict for seen in nexmo.requests if seen.status == 401]
    if refused:
        return f"refused: {refused[-1]}"
    if result.returncode:
        return f"exit status {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
    return "" if len(accepted) >= tool.requests else f"only {len(accepted)} requests accepted"


if __name__ == "__main__":
    sys.exit(main())
