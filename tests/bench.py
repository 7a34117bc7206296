"""What a signed request costs, each figure beside another in one run: `make bench`.

A machine's speed changes from minute to minute. So what is compared is measured in turns; a ratio
is the median of the ratios of the turns, with the quartiles between which half of them lie. Whole
processes are compared by their CPU time.
"""

import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

import hermetic
import requests
from conftest import APPLICATION_ID, REPOSITORY, Keys
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from requests_nexmo_jwt import NexmoJWT

Job = Callable[[], float]  # does something once and returns the seconds that it took

# Both prepare a request and give it a header.
PREPARED = "import sys, requests; r = requests.Request('GET', 'https://api.nexmo.com/').prepare(); "
PYJWT = PREPARED + (
    "import jwt; key = open(sys.argv[1], 'rb').read(); "
    "r.headers['Authorization'] = 'Bearer ' + jwt.encode({'iat': 1}, key, algorithm='RS256')"
)
OURS = PREPARED + (
    f"from requests_nexmo_jwt import NexmoJWT; NexmoJWT('{APPLICATION_ID}', sys.argv[1])(r)"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        downloads = Path(sys.prefix) / "downloads"
        hermetic.enter(Path(folder, "home"))
        key_file = Path(folder, "private.key")
        key_file.write_bytes(Keys().pkcs8)
        in_process(key_file)
        processes(key_file, downloads, Path(folder, "with-plugin"))
        pytest_runs(Path(folder, "test_nothing.py"))


def in_process(key_file: Path) -> None:
    key = Keys().object
    auth = NexmoJWT(APPLICATION_ID, key)
    signing_input = auth.token().rpartition(".")[0].encode()
    prepared = [
        requests.Request("GET", f"https://api.nexmo.com/v1/calls/{number}").prepare()
        for number in range(1000)
    ]
    another = itertools.cycle(prepared)
    NexmoJWT(APPLICATION_ID, key_file)
    signature, header, again = in_turns(
        timed(lambda: key.sign(signing_input, PKCS1v15(), SHA256()), 1),
        timed(lambda: auth(next(another)), 1),
        timed(lambda: NexmoJWT(APPLICATION_ID, key_file).token(), 1),
        turns=5000,
    )
    beside = "a bare RSA signature"
    show("one header, each for another URL", header, beside, signature)
    show("construct from a path once more, and sign", again, beside, signature)

    def first_construction() -> float:
        new = key_file.with_name("new.key")
        new.write_bytes(Keys().pkcs8)
        return timed(lambda: NexmoJWT(APPLICATION_ID, new), 1)()

    show("construct from a path for the first time", [first_construction() for _ in range(15)])


def processes(key_file: Path, downloads: Path, folder: Path) -> None:
    """Compare an HTTPie without this package and one with it, both with nothing else installed."""
    venv.create(folder, with_pip=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index"]
    install += ["--find-links", downloads / "wheels", "httpie", REPOSITORY]
    subprocess.run(install, check=True)
    url = "https://api.nexmo.com/v1/calls"
    http = [folder / "bin" / "http", "--ignore-stdin", "--offline"]
    plain, python = downloads / "httpie" / "bin" / "http", folder / "bin" / "python"
    token = NexmoJWT(APPLICATION_ID, key_file).token()
    ours = ["--auth-type=nexmo-jwt", f"--auth={APPLICATION_ID}:{key_file}", url]
    default, none = folder / "default", folder / "none"
    for config, options in ((default, ["--auth-type=nexmo-jwt-auto"]), (none, [])):
        config.mkdir()
        (config / "config.json").write_text(
            json.dumps({"disable_update_warnings": True, "default_options": options})
        )
    absent, unused, elsewhere, bearer, used, pyjwt, library = in_turns(
        cpu_of([plain, *http[1:], "example.org"], HTTPIE_CONFIG_DIR=str(none)),
        cpu_of([*http, "example.org"], HTTPIE_CONFIG_DIR=str(none)),
        cpu_of([*http, "example.org"], HTTPIE_CONFIG_DIR=str(default)),
        cpu_of([*http, "--auth-type=bearer", f"--auth={token}", url]),
        cpu_of([*http, *ours]),
        cpu_of([python, "-c", PYJWT, key_file]),
        cpu_of([python, "-c", OURS, key_file]),
        turns=40,
    )
    show("http, this plugin installed and not used", unused, "http without this plugin", absent)
    show("http elsewhere, nexmo-jwt-auto as default", elsewhere, "http without this plugin", absent)
    show("http --auth-type=nexmo-jwt", used, "http --auth-type=bearer", bearer)
    show("import, load a key, sign one request", library, "the same with PyJWT alone", pyjwt)


def pytest_runs(test: Path) -> None:
    """Compare a run that does not use the fixture ``nexmo`` with one that leaves our plugin out."""
    test.write_text("def test_nothing(): pass\n")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    without, unused = in_turns(cpu_of([*run, "-p", "no:nexmo-jwt"]), cpu_of(run), turns=40)
    show("pytest, this plugin loaded and not used", unused, "pytest without this plugin", without)
    costs = statistics.median(a - b for a, b in zip(unused, without, strict=True))
    print(f"{'':42} it costs {costs * 1e3:.1f} ms (median of pairs)", flush=True)


def in_turns(*jobs: Job, turns: int) -> list[list[float]]:
    """Do all ``jobs`` in each turn, and return the times of each job."""
    for job in jobs:
        job()
    return list(zip(*([job() for job in jobs] for _ in range(turns)), strict=False))


def timed(function: Callable[[], object], times: int) -> Job:
    def job() -> float:
        started = time.perf_counter()
        for _ in range(times):
            function()
        return (time.perf_counter() - started) / times

    return job


def cpu_of(command: list[str | Path], **variables: str) -> Job:
    env = {**os.environ, **variables}

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    def job() -> float:
        before = used()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        return used() - before

    return job


def show(name: str, measured: list[float], beside: str = "", other: list[float] = ()) -> None:
    line = f"{name:42} {figure(measured)}"
    if beside:
        ratios = [a / b for a, b in zip(measured, other, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        line += f"  {beside:32} {figure(other)}  {middle:7.2f} ({low:.2f} to {high:.2f})"
    print(line, flush=True)


def figure(seconds: list[float]) -> str:
    median = statistics.median(seconds)
    return f"{median * 1e6:6.0f} us" if median < 1e-3 else f"{median * 1e3:6.1f} ms"


if __name__ == "__main__":
    main()
