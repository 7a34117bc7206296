"""``nexmo-jwt sandbox``: a loopback Nexmo, and what to paste to call it."""

from __future__ import annotations

import argparse
import logging
import re
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from ..exchange.log_messages import program
from ..redaction import quoted
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
        "run a local server that imitates Nexmo",
        "Run a local server that imitates Nexmo, with a throwaway application. It checks tokens\n"
        "by the documented rules and refuses bad ones in the words of each product. The log and\n"
        "the header X-Sandbox-Verdict say why. Ctrl-C stops the server.",
    )
    port = "the port on 127.0.0.1 (default: a free one)"
    parser.add_argument("--port", type=_port, default=0, help=port)
    ahead = "set the sandbox's clock ahead of this machine's, or behind it if negative"
    parser.add_argument("--clock-offset", type=seconds, default=0, metavar="SECONDS", help=ahead)
    once = "refuse a token that was accepted before; Nexmo accepts it again"
    parser.add_argument("--single-use", action="store_true", help=once)


def _port(text: str) -> int:
    if re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{quoted(text)} is not a port: give 1 to 65535, or 0 for a free one"
    )


def _run(arguments: argparse.Namespace) -> int:
    from ..sandbox import Sandbox  # not for the other commands

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    try:
        nexmo = Sandbox(
            port=arguments.port,
            clock_offset=arguments.clock_offset,
            single_use=arguments.single_use,
        )
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
    variables = nexmo.environment.items()
    export = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables)
    # Another terminal may not have it on its PATH.
    http = [program("http") or "http", "-A", "nexmo-jwt", "GET", f"{nexmo.url}/v1/calls"]
    return (
        f"A local server that imitates Nexmo: {nexmo.url}. Ctrl-C stops it and deletes its key.\n"
        "\nPaste this in another terminal. There, NexmoJWT(), http -A nexmo-jwt and nexmo-jwt\n"
        "find its application, and no token leaves this machine:\n\n"
        f"export {export}\n\n"
        f"{shlex.join(http)}"
    )
