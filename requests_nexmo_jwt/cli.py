"""The ``nexmo-jwt`` command: arguments in, text out; what it shows, other rooms decide."""

from __future__ import annotations

import argparse
import logging
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .sandbox import Sandbox


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 good, 1 failed, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nexmo-jwt", description="JSON Web Tokens for the Nexmo (Vonage) API."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    sandbox = commands.add_parser(
        "sandbox",
        help="run a loopback Nexmo that judges tokens as Nexmo does",
        description="Run a loopback Nexmo with a throwaway application: it takes the requests that "
        "Nexmo would take, and says of the others which rule they break. Ctrl-C stops it.",
    )
    sandbox.add_argument(
        "--port", type=_port, default=0, help="the port on 127.0.0.1 (default: a free one)"
    )
    sandbox.add_argument(
        "--clock-offset",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="set the sandbox's clock ahead of this machine's, or behind it if negative",
    )
    sandbox.set_defaults(run=_sandbox)
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port: give 1 to 65535, or 0 for a free one")
    return port


def _sandbox(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    try:
        nexmo = Sandbox(port=arguments.port, clock_offset=arguments.clock_offset)
    except OSError as error:
        print(
            f"nexmo-jwt: cannot listen on 127.0.0.1:{arguments.port}: {error.strerror}. "
            "Give another --port, or none for a free one.",
            file=sys.stderr,
        )
        return 1
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    with nexmo:
        url = f"{nexmo.url}/v1/calls"
        print(f"A loopback Nexmo on {nexmo.url}; Ctrl-C stops it.")
        print(f"Application id: {nexmo.application_id}")
        print(f"Private key:    {nexmo.private_key} (gone when it stops)")
        print("\nCall it, from another terminal:\n")
        auth = f"--auth={nexmo.application_id}:{nexmo.private_key}"
        print(shlex.join([_installed("http"), "--auth-type=nexmo-jwt", auth, "GET", url]))
        print()
        script = (
            "import requests; from requests_nexmo_jwt import NexmoJWT; "
            f'auth = NexmoJWT("{nexmo.application_id}", "{nexmo.private_key}"); '
            f'print(requests.get("{url}", auth=auth).text)'
        )
        print(shlex.join([sys.executable, "-c", script]), flush=True)
        stop.wait()
    return 0


def _installed(program: str) -> str:
    """Return how to call a ``program`` that pip installed beside us: by path if PATH has not it."""
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() and shutil.which(program) != str(beside) else program
