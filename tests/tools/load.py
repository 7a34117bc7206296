"""One auth object, 16 threads, 20,000 requests to a sandbox in a process of its own: `make load`.

It runs with --single-use and refuses a `jti` that it has seen; so none refused is none seen twice.
"""

import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hermetic
import requests

from requests_nexmo_jwt import NexmoJWT

THREADS = 16
REQUESTS = 20_000
WARM_UP = 4_000


def peak_mib() -> float:
    import resource  # Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> int:
    command = [sys.executable, "-m", "requests_nexmo_jwt", "sandbox", "--single-use"]
    with tempfile.TemporaryDirectory() as home:
        hermetic.enter(Path(home))
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as sandbox:
            try:
                export = next(line for line in sandbox.stdout if line.startswith("export "))
                said = dict(word.split("=", 1) for word in shlex.split(export)[1:])
                auth = NexmoJWT(said["VONAGE_APPLICATION_ID"], said["VONAGE_PRIVATE_KEY"])
                return load(f"{said['NEXMO_JWT_ENDPOINT']}/v1/calls", auth)
            finally:
                sandbox.terminate()


def load(url: str, auth: NexmoJWT) -> int:
    def call(times: int) -> Counter[int]:
        with requests.Session() as session:
            return Counter(
                session.get(url, auth=auth, timeout=60).status_code for _ in range(times)
            )

    def all_threads(times: int) -> Counter[int]:
        return sum(pool.map(call, [times // THREADS] * THREADS), Counter())

    with ThreadPoolExecutor(THREADS) as pool:
        statuses = all_threads(WARM_UP)
        before, started = peak_mib(), time.perf_counter()
        statuses += all_threads(REQUESTS - WARM_UP)
        took = time.perf_counter() - started
    grown = peak_mib() - before
    refused = REQUESTS - statuses[200]
    print(f"{REQUESTS} requests from {THREADS} threads: {refused} refused {dict(statuses)}")
    print(f"{(REQUESTS - WARM_UP) / took:.0f} requests/s, memory grew by {grown:.1f} MiB")
    return 0 if refused == 0 and grown < 3 else 1


if __name__ == "__main__":
    sys.exit(main())
