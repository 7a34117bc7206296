"""``nexmo-jwt sandbox``: a loopback Nexmo, and two lines to paste that call it."""

from __future__ import annotations

import argparse
import logging
import re
import shlex
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..redaction import shown
from .arguments import add_command, seconds
from .output import fail

if TYPE_CHECKING:
    from ..sandbox import Sandbox


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = add_command(
        commands,
        "sandbox",
        _run,
        "run a loopback Nexmo that judges tokens as Nexmo does",
        "Run a loopback Nexmo with a throwaway application: it takes the requests that Nexmo\n"
        "would take, and says of the others which rule they break. Ctrl-C stops it.",
    )
    port = "the port on 127.0.0.1 (default: a free one)"
    parser.add_argument("--port", type=_port, default=0, help=port)
    ahead = "set the sandbox's clock ahead of this machine's, or behind it if negative"
    parser.add_argument("--clock-offset", type=seconds, default=0, metavar="SECONDS", help=ahead)


def _port(text: str) -> int:
    if re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{shown(text)} is no port: give 1 to 65535, or 0 for a free one"
    )


def _run(arguments: argparse.Namespace) -> int:
    from ..sandbox import Sandbox  # not for the other commands

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    try:
        nexmo = Sandbox(port=arguments.port, clock_offset=arguments.clock_offset)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        other = " Give another --port, or none for a free one." if arguments.port else ""
        return fail(f"the sandbox cannot start: {what}.{other}")
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    with nexmo:
        print(_how_to_call(nexmo), flush=True)
        stop.wait()
    return 0


def _how_to_call(nexmo: Sandbox) -> str:
    url = f"{nexmo.url}/v1/calls"
    auth = f"--auth={nexmo.application_id}:{nexmo.private_key}"
    script = (
        "import requests; from requests_nexmo_jwt import NexmoJWT; "
        f'auth = NexmoJWT("{nexmo.application_id}", "{nexmo.private_key}"); '
        f'print(requests.get("{url}", auth=auth).text)'
    )
    return (
        f"A loopback Nexmo on {nexmo.url}; Ctrl-C stops it.\n"
        f"Application id: {nexmo.application_id}\n"
        f"Private key:    {nexmo.private_key} (gone when it stops)\n"
        "\nCall it, from another terminal:\n\n"
        f"{shlex.join([_installed('http'), '--auth-type=nexmo-jwt', auth, 'GET', url])}\n\n"
        f"{shlex.join([sys.executable, '-c', script])}"
    )


def _installed(program: str) -> str:
    """Return how to call a ``program`` that pip installed beside us: by path if PATH has not it."""
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() and shutil.which(program) != str(beside) else program
