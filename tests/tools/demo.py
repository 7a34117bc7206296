"""The main job, shown: `make demo` runs this against the embedded sandbox, on a free port."""

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


def main() -> int:
    with tempfile.TemporaryDirectory() as home, Sandbox() as nexmo:
        hermetic.enter(Path(home))
        url = f"{nexmo.url}/v1/calls"
        print(f"A local server that imitates Nexmo listens on {nexmo.url}.")
        print(f"Its application: {nexmo.application_id}, with the private key")
        print(f"{nexmo.private_key}.\n")

        print("1. With requests:\n")
        print(f'    requests.get("{url}",')
        print(f'        auth=NexmoJWT("{nexmo.application_id}", "{nexmo.private_key}"))\n')
        auth = NexmoJWT(nexmo.application_id, nexmo.private_key)
        signed = requests.get(url, auth=auth, timeout=10)
        show(f"{signed.status_code} {signed.reason}\n{signed.text}")

        print("2. With HTTPie:\n")
        command = ["http", "--ignore-stdin", "--print=hb", "--auth-type=nexmo-jwt"]
        command += [f"--auth={nexmo.application_id}:{nexmo.private_key}", url]
        typed = http(command)

        print("3. A token that another key has signed. Voice does not say why it refuses; the")
        print("   sandbox does, in a header that Nexmo does not have:\n")
        other_key = Path(home, "other.key")
        other_key.write_bytes(new_key())
        print(f'    requests.get("{url}",')
        print(f'        auth=NexmoJWT("{nexmo.application_id}", "{other_key}"))\n')
        other = NexmoJWT(nexmo.application_id, other_key)
        refused = requests.get(url, auth=other, timeout=10)
        verdict = refused.headers["X-Sandbox-Verdict"]
        show(
            f"{refused.status_code} {refused.reason}\nX-Sandbox-Verdict: {verdict}\n{refused.text}"
        )

    worked = signed.ok and '"calls"' in signed.text
    worked = worked and typed.startswith("HTTP/1.1 200") and '"calls"' in typed
    worked = worked and refused.status_code == 401 and "public key" in verdict
    print("All as it should be." if worked else "Something is wrong: see above.")
    return 0 if worked else 1


def new_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def http(command: list[str]) -> str:
    print(f"    {shlex.join(command)}\n")
    program = str(Path(sys.executable).with_name(command[0]))
    result = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    show(result.stdout + result.stderr)
    return result.stdout


def show(text: str) -> None:
    print("".join(f"    | {line}\n" for line in text.strip().splitlines()))


if __name__ == "__main__":
    sys.exit(main())
