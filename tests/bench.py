"""What an Authorization header costs, beside a bare RSA signature: `make bench`.

All are measured with the same key in one run; what counts is the ratio.
"""

import tempfile

import pyperf
import requests
from conftest import APPLICATION_ID, Keys
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from requests_nexmo_jwt import NexmoJWT, keys

PEM = Keys().pkcs8  # a key of its own in each process
URL = "https://api.nexmo.com/v1/calls"


def main() -> None:
    runner = pyperf.Runner(processes=12, values=3)
    auth = NexmoJWT(APPLICATION_ID, PEM)
    key = keys.load(PEM).current()
    prepared = requests.Request("GET", URL).prepare()
    signed_part = auth.token().rpartition(".")[0].encode()

    bare = runner.bench_func("bare RSA signature", key.sign, signed_part, PKCS1v15(), SHA256())
    compared = {
        "one header, key loaded once": runner.bench_func("header", auth, prepared),
        "one token, PEM parsed for each": runner.bench_func(
            "PEM for each", lambda: NexmoJWT(APPLICATION_ID, PEM).token()
        ),
    }
    with tempfile.NamedTemporaryFile(suffix=".key") as file:
        file.write(PEM)
        file.flush()
        from_file = keys.load(file.name)
        look = runner.bench_func("look at the key file", from_file.current)
        no_look = runner.bench_func("no look, key from text", keys.load(PEM).current)
    if bare and not runner.args.worker:
        print(f"\nbare RSA signature: {bare.median() * 1e6:.0f} us")
        for name, benchmark in compared.items():
            ratio = benchmark.median() / bare.median()
            print(f"{name}: {benchmark.median() * 1e6:.0f} us, {ratio:.2f} times a bare signature")
        cost = look.median() - no_look.median()
        share = cost / compared["one header, key loaded once"].median()
        print(f"looking at the key file: {cost * 1e6:.1f} us, {share:.2%} of a header")


if __name__ == "__main__":
    main()
