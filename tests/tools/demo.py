"""The main job, shown: `make demo` runs this against the embedded sandbox, on a free port."""

import logging
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import hermetic
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox

URL = "https://api.nexmo.com/v1/calls"


class Log(logging.Handler):
    """Keeps what the sandbox logs until the step that it is about is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> int:
    log = Log()
    logging.getLogger("requests_nexmo_jwt").addHandler(logging.NullHandler())
    logging.getLogger("requests_nexmo_jwt.sandbox").addHandler(log)
    logging.getLogger("requests_nexmo_jwt.sandbox").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as home, Sandbox() as nexmo:
        hermetic.enter(Path(home))
        os.environ.update(nexmo.environment)
        print(f"A local server that imitates Nexmo listens on {nexmo.url}. Its variables are set:")
        print("NexmoJWT() finds its application, and requests for Vonage's hosts are sent there.\n")

        print("1. With requests:\n")
        print(f'    requests.get("{URL}", auth=NexmoJWT())\n')
        signed = requests.get(URL, auth=NexmoJWT(), timeout=10)
        show(f"{signed.status_code} {signed.reason}\n{signed.text}", log)

        print("2. With HTTPie:\n")
        typed = http(["http", "--ignore-stdin", "--print=hb", "--auth-type=nexmo-jwt", URL], log)

        print("3. Signed with another key. Voice does not say why it refuses; the sandbox does:\n")
        other_key = Path(home, "other.key")
        other_key.write_bytes(new_key())
        print(f'    requests.get("{URL}",')
        print(f'        auth=NexmoJWT("{nexmo.application_id}", "{other_key.name}"))\n')
        other = NexmoJWT(nexmo.application_id, other_key)
        refused = requests.get(URL, auth=other, timeout=10)
        show(f"{refused.status_code} {refused.reason}\n{refused.text}", log)
        verdict = nexmo.requests[-1].verdict

    worked = signed.ok and signed.json()["count"] == 1
    worked = worked and typed.startswith("HTTP/1.1 200") and '"count": 1' in typed
    worked = worked and refused.status_code == 401 and "public key" in verdict
    print("All as it should be." if worked else "Something is wrong: see above.")
    return 0 if worked else 1


def new_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def http(command: list[str], log: Log) -> str:
    print(f"    {shlex.join(command)}\n")
    program = str(Path(sys.executable).with_name(command[0]))
    result = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    # Headers are not what this shows.
    head, _, body = result.stdout.replace("\r", "").partition("\n\n")
    show(f"{head.partition(chr(10))[0]}\n{body}" if body else result.stderr, log)
    return result.stdout


def show(text: str, log: Log) -> None:
    first, *lines = text.strip().splitlines()
    more = ["..."] if len(lines) > 5 else []
    print("".join(f"    | {line}\n" for line in [first, *lines[:5], *more]), end="")
    print("".join(f"    sandbox: {line}\n" for line in log.lines))
    log.lines.clear()


if __name__ == "__main__":
    sys.exit(main())
