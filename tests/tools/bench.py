"""What a signed request costs, each figure beside another in one run: `make bench`.

A machine's speed changes from minute to minute. So what is compared is measured in turns; a ratio
is the median of the ratios of the turns, with the quartiles between which half of them lie. Whole
processes are compared by their CPU time.

The rows go to the terminal, and to bench.md, bench.json and bench.svg in docs/.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import bench_report
import bench_servers
import hermetic
import requests
import trustme
from bench_report import Row
from bench_servers import Job, cpu_of, in_turns, timed
from conftest import APPLICATION_ID, REPOSITORY, Keys
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from requests_nexmo_jwt import NexmoJWT

SERVERS = Path(bench_servers.__file__)
PEERS = Path(sys.prefix) / "peers"
DOWNLOADS = Path(sys.prefix) / "downloads"
URL = "https://api.nexmo.com/v1/calls"

# Both prepare a request and give it a header.
PREPARED = "import sys, requests; r = requests.Request('GET', 'https://api.nexmo.com/').prepare(); "
PYJWT = PREPARED + (
    "import jwt; key = open(sys.argv[1], 'rb').read(); "
    "r.headers['Authorization'] = 'Bearer ' + jwt.encode({'iat': 1}, key, algorithm='RS256')"
)
OURS = PREPARED + (
    f"from requests_nexmo_jwt import NexmoJWT; NexmoJWT('{APPLICATION_ID}', sys.argv[1])(r)"
)
# What the rows of peers say beside their figures.
REMARKS = {
    "NexmoJWT(...)(request)": "as an auth object of requests",
    "NexmoJWT.header(url)": "for any other client",
    "PyJWT alone, key parsed beforehand": "no scope, clock or reload of the key",
    "google-auth: jwt.encode, RSASigner": "no scope, clock or reload of the key",
    "vonage-jwt: generate_application_jwt": "gives PyJWT the PEM text for each token",
    "vonage: create_jwt_auth_string": "makes its tokens with vonage-jwt",
    "vonage: HttpClient.get": "the client of the official SDK; speaks HTTPS only",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the turns")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "docs", help="where files go")
    given = parser.parse_args()
    share = 0.1 if given.quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hermetic.enter(folder / "home")
        key_file = folder / "private.key"
        key_file.write_bytes(Keys().pkcs8)
        about = bench_report.machine(versions())
        rows = []
        for row in measure(key_file, folder, share):
            print(bench_report.line(row), flush=True)
            rows.append(row)
    bench_report.write(given.to, rows, about)


def measure(key_file: Path, folder: Path, share: float) -> Iterator[Row]:
    yield from in_process(key_file, int(5000 * share))
    yield from headers(key_file, 4 * share)
    yield node(key_file, int(2000 * share))
    yield from requests_a_second(key_file, folder, int(14 * share) + 2)
    yield from processes(key_file, folder, int(40 * share))
    yield from pytest_runs(folder / "test_nothing.py", int(40 * share))


def in_process(key_file: Path, turns: int) -> Iterator[Row]:
    key = Keys().object
    auth = NexmoJWT(APPLICATION_ID, key)
    signing_input = auth.token().rpartition(".")[0].encode()
    prepared = [requests.Request("GET", f"{URL}/{number}").prepare() for number in range(1000)]
    another = itertools.cycle(prepared)
    NexmoJWT(APPLICATION_ID, key_file)
    signature, header, again = in_turns(
        timed(lambda: key.sign(signing_input, PKCS1v15(), SHA256())),
        timed(lambda: auth(next(another))),
        timed(lambda: NexmoJWT(APPLICATION_ID, key_file).token()),
        turns=turns,
    )
    beside = (bench_report.SIGNATURE, signature)
    group, name = bench_report.SIGNING, bench_report.ONE_HEADER
    yield Row(group, name, header, *beside, aim=1.15)
    yield Row(group, "construct from a path once more, and sign", again, *beside, aim=1.5)

    def first_construction() -> float:
        new = key_file.with_name("new.key")
        new.write_bytes(Keys().pkcs8)
        return timed(lambda: NexmoJWT(APPLICATION_ID, new))()

    first = [first_construction() for _ in range(15)]
    yield Row(group, "construct from a path for the first time", first, aim=0.01)


def headers(key_file: Path, seconds: float) -> Iterator[Row]:
    """Compare what makes a header with a bare signature, in the venv of the peers."""
    for name, found in run_worker("headers", key_file, str(seconds)):
        ours = "NexmoJWT" in name
        aims = 1.15 if ours else None
        found |= {"beside": bench_report.SIGNATURE} if "values" in found else {}
        yield Row(
            bench_report.HEADERS, name, **found, aim=aims, ours=ours, remark=REMARKS.get(name, "")
        )


def run_worker(command: str, key_file: Path, *arguments: str) -> Iterator[tuple[str, dict]]:
    """Run a command of bench_servers where the peers are; without them, where the tests are."""
    run = [worker_python(), SERVERS, command, APPLICATION_ID, key_file, *arguments]
    result = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    for found in json.loads(result.stdout):
        yield found.pop("name"), found


def worker_python() -> str | Path:
    python = PEERS / "bin" / "python"
    works = [python, "-c", "import jwt, requests, requests_nexmo_jwt"]
    try:
        subprocess.run(works, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return sys.executable
    return python


def node(key_file: Path, turns: int) -> Row:
    """Compare @vonage/jwt with a signature by Node's own crypto, both within one Node."""
    group, name = bench_report.HEADERS, "@vonage/jwt: tokenGenerate"
    run = ["node", "-e", bench_servers.NODE, PEERS / "node", APPLICATION_ID, key_file, str(turns)]
    try:
        result = subprocess.run(run, check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return Row(group, name, not_measured=why(error))
    beside, remark = "crypto.sign within Node", "in Node, in signatures by Node's own crypto.sign"
    return Row(group, name, **json.loads(result.stdout), beside=beside, remark=remark)


def why(error: Exception) -> str:
    """Say in one line why a peer could not be measured."""
    if isinstance(error, FileNotFoundError):
        return f"{Path(error.filename).name} is not installed"
    said = getattr(error, "stderr", None) or str(error)
    lines = said.decode(errors="replace") if isinstance(said, bytes) else said
    errors = [line.strip() for line in lines.splitlines() if "Error" in line]
    return (errors or [f"{type(error).__name__}"])[0][:200]


def requests_a_second(key_file: Path, folder: Path, turns: int) -> Iterator[Row]:
    """Compare kept-alive clients against an HTTPS server in a process of its own.

    HTTPS, since vonage's client speaks nothing else.
    """
    authority, certificate = folder / "ca.crt", folder / "server.crt"
    issuer = trustme.CA()
    issuer.cert_pem.write_to_path(authority)
    issuer.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
    run = [sys.executable, SERVERS, "serve", certificate]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = f"https://127.0.0.1:{int(server.stdout.readline())}/v1/calls"
            for threads in (1, 2, 4):
                found = run_worker("requests", key_file, url, str(threads), str(turns))
                yield from (rate_row(threads, name, row) for name, row in found)
        finally:
            server.terminate()
            del os.environ["REQUESTS_CA_BUNDLE"]


def rate_row(threads: int, name: str, found: dict) -> Row:
    many = "1 thread" if threads == 1 else f"{threads} threads"
    group, row_name = bench_report.REQUESTS.format(many), f"{name}, {many}"
    if "not_measured" in found:
        return Row(group, row_name, **found)
    if name == "no auth":
        remark = "the server, a process of its own, shares the cores"
        return Row(group, row_name, found["values"], unit="requests/s", remark=remark)
    compared = {"beside": "no auth", "unit": "requests/s", "ours": name == "NexmoJWT"}
    return Row(group, row_name, **found, **compared, remark=REMARKS.get(name, ""))


def processes(key_file: Path, folder: Path, turns: int) -> Iterator[Row]:
    """Compare an HTTPie without this package, one with it, and those with other plugins."""
    python = install(folder / "with-plugin")
    given = ["--app-id", APPLICATION_ID, "--private-key", key_file]
    jobs = {
        **http_jobs(key_file, python.with_name("http"), folder),
        "PyJWT": cpu_of([python, "-c", PYJWT, key_file]),
        "ours": cpu_of([python, "-c", OURS, key_file]),
        "token": cpu_of([python.with_name("nexmo-jwt"), "token", *given]),
    }
    others, failed = plugin_jobs(key_file, folder)
    times = dict(zip(jobs | others, in_turns(*(jobs | others).values(), turns=turns), strict=True))
    unused, used = bench_report.UNUSED, bench_report.HTTP
    absent = ("http without this plugin", times["absent"])
    bearer = ("http --auth-type=bearer", times["bearer"])
    yield Row(unused, "this plugin installed and not used", times["unused"], *absent, aim=1.01)
    elsewhere = "http elsewhere, nexmo-jwt-auto as default"
    yield Row(unused, elsewhere, times["elsewhere"], *absent, aim=1.03)
    name = "http --auth-type=nexmo-jwt"
    yield Row(used, name, times["used"], *bearer, aim=1.25, ours=True)
    for plugin, remark in PLUGINS.items():
        if plugin in failed:
            yield Row(used, plugin, not_measured=failed[plugin])
        else:
            yield Row(used, plugin, times[plugin], *bearer, remark=remark)
    pyjwt = ("the same with PyJWT alone", times["PyJWT"])
    name = "import, load a key, sign one request"
    yield Row(bench_report.PROGRAMS, name, times["ours"], *pyjwt)
    beside = ("a script with the same imports", times["ours"])
    yield Row(bench_report.PROGRAMS, "nexmo-jwt token", times["token"], *beside, aim=1.15)


def install(folder: Path) -> Path:
    """Make a venv with HTTPie, this package and nothing else; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run = [python, "-m", "pip", "install", "--quiet", "--no-index"]
    run += ["--find-links", DOWNLOADS / "wheels", "httpie", REPOSITORY]
    subprocess.run(run, check=True)
    return python


def http_jobs(key_file: Path, program: Path, folder: Path) -> dict[str, Job]:
    """Return what is done with an HTTPie with this package, and with one without it."""
    token = NexmoJWT(APPLICATION_ID, key_file).token()
    http = [program, "--ignore-stdin", "--offline"]
    plain = [DOWNLOADS / "httpie" / "bin" / "http", *http[1:]]
    ours = ["--auth-type=nexmo-jwt", f"--auth={APPLICATION_ID}:{key_file}", URL]
    default, none = folder / "default", folder / "none"
    for config, options in ((default, ["--auth-type=nexmo-jwt-auto"]), (none, [])):
        config.mkdir()
        (config / "config.json").write_text(
            json.dumps({"disable_update_warnings": True, "default_options": options})
        )
    return {
        "absent": cpu_of([*plain, "example.org"], HTTPIE_CONFIG_DIR=str(none)),
        "unused": cpu_of([*http, "example.org"], HTTPIE_CONFIG_DIR=str(none)),
        "elsewhere": cpu_of([*http, "example.org"], HTTPIE_CONFIG_DIR=str(default)),
        "bearer": cpu_of([*http, "--auth-type=bearer", f"--auth={token}", URL]),
        "used": cpu_of([*http, *ours]),
    }


# Other plugins of HTTPie, each with an HTTPie of its own.
PLUGINS = {
    "httpie-jwt-auth": "signs nothing: it is given a token",
    "httpie-asap-auth": "signs with RS256, claims of Atlassian's ASAP",
}


def plugin_jobs(key_file: Path, folder: Path) -> tuple[dict[str, Job], dict[str, str]]:
    """Return jobs for the plugins that work, and why the others do not."""
    asap = folder / "asap.json"
    config = {"issuer": "bench", "kid": "bench/key", "audience": "nexmo"}
    asap.write_text(json.dumps({**config, "privateKey": key_file.read_text()}))
    token = NexmoJWT(APPLICATION_ID, key_file).token()
    given = {"httpie-jwt-auth": ("jwt", token), "httpie-asap-auth": ("asap", asap)}
    jobs, failed = {}, {}
    for plugin, (auth_type, value) in given.items():
        run = [PEERS / plugin / "bin" / "http", "--ignore-stdin", "--offline"]
        run += [f"--auth-type={auth_type}", f"--auth={value}", URL]
        try:
            tried = subprocess.run(run, check=True, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            # Another `http` of the same name is installed: what is missing is the plugin.
            missing = isinstance(error, FileNotFoundError)
            failed[plugin] = f"{plugin} is not installed" if missing else why(error)
        else:
            signed = "Authorization: Bearer ey" in tried.stdout
            jobs |= {plugin: cpu_of(run)} if signed else {}
            failed |= {} if signed else {plugin: "it sets no bearer token"}
    return jobs, failed


def pytest_runs(test: Path, turns: int) -> Iterator[Row]:
    """Compare a run that does not use the fixture ``nexmo`` with one that leaves our plugin out."""
    test.write_text("def test_nothing(): pass\n")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    without, unused = in_turns(cpu_of([*run, "-p", "no:nexmo-jwt"]), cpu_of(run), turns=turns)
    group, beside = bench_report.PYTEST, "pytest without this plugin"
    yield Row(group, "pytest, this plugin loaded and not used", unused, beside, without)
    costs = [a - b for a, b in zip(unused, without, strict=True)]
    yield Row(group, "cost of the plugin, median of pairs", costs, aim=0.005)


def versions() -> dict[str, str]:
    """Return the versions of what is compared, as installed."""
    clients = ("requests", "PyJWT", "cryptography", "vonage", "vonage-jwt", "google-auth")
    asked = [(Path(sys.executable), ("httpie", "pytest")), (Path(worker_python()), clients)]
    asked += [(PEERS / name / "bin" / "python", (name,)) for name in PLUGINS]
    package = PEERS / "node" / "node_modules" / "@vonage" / "jwt" / "package.json"
    return bench_report.versions(asked, package)


if __name__ == "__main__":
    main()
