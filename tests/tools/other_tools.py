"""docs/tools.md, run against the sandbox: python tests/tools/other_tools.py [FOLDER].

The tools are installed from PyPI and npm into FOLDER, by default a temporary one; Wget and curl are
those on the PATH. Code and commands are taken from the page. The sandbox has the name and a
certificate of api.nexmo.com. A tool that cannot be installed is named; the exit status is 1 if one
of the others did not get its answers. The first run takes eight minutes.
"""

import json
import logging
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

OUR_PROGRAMS = str(Path(sys.executable).parent)
REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "tests"))
from connect_proxy import ConnectProxy  # noqa: E402

PAGE = (REPOSITORY / "docs" / "tools.md").read_text("utf-8")
HOST = "api.nexmo.com"
URL = f"https://{HOST}/v1/calls"
IN_SANDBOX = "nexmo-jwt sandbox -- "


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


def listed(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def collection(auth: str, **fields: str) -> str:
    """Return a collection of Postman with one request."""
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    script = {"listen": "prerequest", "script": {"exec": [code("const now")]}}
    info, used = {"name": "Vonage", "schema": schema}, {"type": auth, auth: listed(fields)}
    item = {"name": "calls", "request": {"url": URL}}
    return json.dumps({"info": info, "auth": used, "event": [script], "item": [item]})


with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = str(free.getsockname()[1])

# mitmproxy ignores HTTPS_PROXY, so it finds the sandbox as tests/names says.
MITMPROXY = f"""
mkdir ~/.mitmproxy
printf '%s\\n' '{code("proxyauth:")}' 'listen_port: {PORT}' \\
  "ssl_verify_upstream_trusted_ca: $SSL_CERT_FILE" >~/.mitmproxy/config.yaml
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
"""

KEYS = """
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

CELL = f"""import requests, requests_nexmo_jwt
assert requests.get("{URL}", auth=requests_nexmo_jwt.NexmoJWT()).ok"""

CALL = {"get": {"responses": {"200": {"description": "OK"}}}}
OPENAPI = {"openapi": "3.0.3", "info": {"title": "Voice", "version": "1"}}
OPENAPI = json.dumps({**OPENAPI, "paths": {"/v1/calls": CALL, "/v1/calls/{id}": CALL}})
# The status 1 means findings, and there are: the sandbox does not validate.
FUZZ = f"{code('export SCHEMATHESIS')}\n{code(f'{IN_SANDBOX}sh')} || test $? = 1"
PAYLOAD, KEY = code('{"application_id"'), code("{{private_key")
SIGNED = collection("jwt", algorithm="RS256", privateKey=KEY, payload=PAYLOAD)
COLLECTIONS = {"bearer.json": collection("bearer", token=code("{{token")), "signed.json": SIGNED}
NEWMAN = f"{code('printf')}\nnewman run signed.json -e environment.json"
TYPED = f"sleep 4; echo '{code('get ')}'; sleep 4; echo q; sleep 1; echo exit; sleep 1"
PROMPT = f"({TYPED}) | TERM=xterm script -q -c '{code('http-prompt')}' /dev/null"
REQUEST = f"name: calls\nurl: {URL}\nscripts:\n  on_request: sign.py\n"
POSTING = {"a.posting.yaml": REQUEST, "sign.py": code("from posting"), "keys.py": KEYS}
LOCUST = {"locustfile.py": code("from locust")}
HOOKS = {"hooks.py": code("import schemathesis"), "openapi.json": OPENAPI}
BRU = f"get {{\n  url: {URL}\n  auth: bearer\n}}\n\nauth:bearer {{\n  token: @\n}}\n"
SDK = code("from requests_nexmo_jwt import NexmoJWT\nfrom vonage")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
NPM = ("@usebruno/cli", "httpyac", "newman")

TOOLS = {
    "mitmproxy": Tool("mitmproxy", MITMPROXY, {"addon.py": code("from requests_nexmo_jwt")}),
    "wget": Tool("", code("wget -q"), {}),
    "curl": Tool("", code("curl -s -H"), {}, 3),
    "vonage": Tool("vonage", "python calls.py | grep -x completed", {"calls.py": SDK}),
    "@usebruno/cli": from_table("Bruno", "@usebruno/cli", "calls.bru", BRU),
    "httpyac": from_table("httpyac", "httpyac", "calls.http", f"GET {URL}\n@\n"),
    "tavern": from_table("Tavern", "tavern pytest<9.1", "test_calls.tavern.yaml", TAVERN),
    "newman": Tool("newman", NEWMAN, COLLECTIONS, 2),
    "locust": Tool("locust", code(f"{IN_SANDBOX}locust"), LOCUST, 10),
    "schemathesis": Tool("schemathesis", FUZZ, HOOKS, 10),
    "posting": Tool("posting tree-sitter<0.26", "python keys.py", POSTING),
    "ipykernel": Tool("ipykernel", "jupyter run calls.py", {"calls.py": CELL}),
    "http-prompt": Tool("http-prompt", PROMPT, {}),
}


def main() -> int:
    logging.getLogger("requests_nexmo_jwt").addHandler(logging.NullHandler())
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        for name, tool in TOOLS.items():
            try:
                programs, version = install(name, tool.packages, folder / name.replace("/", "-"))
            except (OSError, subprocess.CalledProcessError) as error:
                reason = getattr(error, "stderr", None) or error
                print(f"{name}: not installed: {str(reason).strip()[-200:]}", flush=True)
                continue
            with tempfile.TemporaryDirectory() as home:
                problem = tried(tool, programs, Path(home))
            failed = failed or bool(problem)
            differs = "" if version in PAGE else " (the page names another version)"
            print(f"{name} {version}{differs}: {problem or 'accepted'}", flush=True)
    return 1 if failed else 0


def install(name: str, packages: str, folder: Path) -> tuple[Path, str]:
    """Install a tool, unless it is there; return where its programs are, and its version."""
    if not packages:  # what is on the PATH is found there
        return folder, re.search(r"[\d.]+\d", output([name, "--version"]))[0]
    if name in NPM:
        installed = folder / "node_modules" / name / "package.json"
        if not installed.exists():
            options = ["--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
            output([shutil.which("npm") or "npm", "install", *options, packages])
        return folder / "node_modules" / ".bin", json.loads(installed.read_text())["version"]
    python, installed = str(folder / "bin" / "python"), folder / "installed"
    if not installed.exists():
        output([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        output([*pip, *packages.split(), str(REPOSITORY)])
        installed.touch()
    ask = f"from importlib.metadata import version; print(version({name!r}))"
    return folder / "bin", output([python, "-c", ask]).strip()


def output(command: list[str]) -> str:
    """Run a command with the caller's settings, which pip and npm need."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def tried(tool: Tool, programs: Path, home: Path) -> str:
    """Run a tool in ``home``; return what went wrong, or an empty string."""
    ca, context, pem = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(home / "ca.pem")
    ca.cert_pem.write_to_path(pem)
    ca.issue_cert(HOST).configure_cert(context)
    is_moved = IN_SANDBOX in tool.commands  # by NEXMO_JWT_ENDPOINT; the sandbox is this one
    with Sandbox(ssl_context=None if is_moved else context) as nexmo:
        port = urlsplit(nexmo.url).port
        with ConnectProxy({HOST: port}) as proxy:
            env = {**hermetic.environment(home), **nexmo.environment}
            if not is_moved:
                del env["NEXMO_JWT_ENDPOINT"]
                env |= {"HTTPS_PROXY": proxy.url, "https_proxy": proxy.url}
            env |= {"TEST_NAMES": f"{HOST}={port}", **dict.fromkeys(CA_VARIABLES, pem)}
            env["PATH"] = os.pathsep.join([str(programs), OUR_PROGRAMS, env["PATH"]])
            (home / ".wgetrc").write_text(f"ca_certificate = {pem}\n")
            key = {"private_key": nexmo.private_key.read_text()}
            variables = listed({"application_id": nexmo.application_id, **key})
            problem = run(tool, {"environment.json": json.dumps({"values": variables})}, env)
    refused = [seen.verdict for seen in nexmo.requests if seen.status == 401]
    accepted = [seen for seen in nexmo.requests if seen.accepted and seen.status == 200]
    few = "" if len(accepted) >= tool.requests else f"only {len(accepted)} requests accepted"
    return f"refused: {refused[-1]}" if refused else problem or few


def run(tool: Tool, more_files: dict[str, str], env: dict[str, str]) -> str:
    """Run the commands of a tool in a folder with its files; return what went wrong."""
    folder = Path(env["HOME"], "here")
    folder.mkdir()
    for name, text in {**tool.files, **more_files}.items():
        (folder / name).write_text(text)
    command = ["bash", "-c", f"set -e -o pipefail\n{tool.commands.replace(IN_SANDBOX, '')}"]
    with open(folder / "output", "w+", encoding="utf-8", errors="replace") as file:
        streams = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
        try:
            subprocess.run(command, cwd=folder, env=env, timeout=180, check=True, **streams)
        except subprocess.SubprocessError as error:
            file.seek(0)
            return f"{error}\n{file.read()[-3000:]}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
