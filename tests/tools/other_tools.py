"""docs/tools.md, run: each tool as the page says, against the sandbox.

    python tests/tools/other_tools.py [FOLDER]

It installs the tools from PyPI and npm into FOLDER, by default a temporary one, and takes Wget and
curl from the PATH. Their code is that of the page, and the sandbox has the name and a certificate
of api.nexmo.com. A tool that cannot be installed is named; the exit status is 1 if one of the
others did not get its answers. The first run takes eight minutes.
"""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
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
SECONDS = 180  # for the commands of one tool


class CannotInstallError(Exception):
    """Why a tool is not tried."""


class Tool(NamedTuple):
    """A tool: what to install, what bash runs, in which files, and its least requests."""

    packages: str
    commands: str
    files: dict[str, str]
    requests: int = 1


def code(start: str) -> str:
    """Return the block, or the code between backticks, that begins with ``start``."""
    block = rf"^```\w+\n({re.escape(start)}.*?)^```$"
    found = re.search(block, PAGE, re.DOTALL | re.MULTILINE)
    found = found or re.search(rf"`({re.escape(start)}[^`]*)`", PAGE)
    if not found:
        sys.exit(f"docs/tools.md has no code that begins with {start!r}.")
    return found[1].strip()


def from_table(name: str, packages: str, file: str, text: str) -> Tool:
    """Return a tool of the table; in ``text``, @ is where the token goes."""
    (line,) = re.findall(rf"^\| {name}.*$", PAGE, re.MULTILINE)
    where, command = (re.findall(r"`([^`]+)`", cell)[0] for cell in line.split("|")[2:4])
    files = {"bruno.json": '{"version": "1", "name": "Vonage", "type": "collection"}'}
    files[file] = text.replace("@", where)
    return Tool(packages, f"{code('export TOKEN=')}\n{command}", files)


def collection(auth: str, **fields: str) -> str:
    """Return a collection of Postman with one request."""
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    script = {"listen": "prerequest", "script": {"exec": [code("pm.variables")]}}
    values = [{"key": key, "value": value} for key, value in fields.items()]
    whole = {"info": {"name": "Vonage", "schema": schema}, "auth": {"type": auth, auth: values}}
    items = [{"name": "calls", "request": {"url": URL}}]
    return json.dumps({**whole, "item": items, "event": [script]})


with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = str(free.getsockname()[1])

# mitmproxy ignores HTTPS_PROXY, so it finds the sandbox as tests/names says.
MITMPROXY = f"""
mkdir ~/.mitmproxy
echo '{code("proxyauth:")}' >~/.mitmproxy/config.yaml
echo 'listen_port: {PORT}' >>~/.mitmproxy/config.yaml
echo "ssl_verify_upstream_trusted_ca: $SSL_CERT_FILE" >>~/.mitmproxy/config.yaml
PYTHONPATH={REPOSITORY}/tests/names {code("mitmdump")} &
trap 'kill $!' EXIT
curl -s --retry 99 --retry-delay 1 --retry-connrefused http://127.0.0.1:{PORT} | grep 401
{code("curl -s -u").replace("8080", PORT)}
"""

TAVERN = f"""
test_name: calls
stages:
  - name: calls
    request:
      url: {URL}
      headers:
        @
    response:
      status_code: 200
"""

KEYS_FOR_POSTING = """
import asyncio
from pathlib import Path
from posting.__main__ import make_posting
from posting.widgets.collection.browser import CollectionTree

async def main():
    async with make_posting(collection=Path(".")).run_test(size=(120, 40)) as pilot:
        await pilot.pause(2)
        pilot.app.screen.query_one(CollectionTree).focus()
        for keys in (["j", "enter"], ["ctrl+j"]):
            await pilot.press(*keys)
            await pilot.pause(3)

asyncio.run(main())
"""

KEYS_FOR_HTTP_PROMPT = (
    f"sleep 4; echo '{code('get ')}'; sleep 4; echo q; sleep 1; echo exit; sleep 1"
)

NOTEBOOK = """
import json
source = "import requests\\nfrom requests_nexmo_jwt import NexmoJWT\\n"
"""

CALL = {"get": {"responses": {"200": {"description": "OK"}}}}
OPENAPI = {"openapi": "3.0.3", "info": {"title": "Voice", "version": "1"}}
OPENAPI["paths"] = {"/v1/calls": CALL, "/v1/calls/{id}": CALL}

CELL = f"""import requests
from requests_nexmo_jwt import NexmoJWT
assert requests.get("{URL}", auth=NexmoJWT()).ok
"""
NOTEBOOK = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
