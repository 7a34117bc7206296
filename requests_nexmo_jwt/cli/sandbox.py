"""``nexmo-jwt sandbox``: a loopback Nexmo, and what to paste to call it, or a command to run."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..credentials.passphrase import ask_if_missing
from ..credentials.pem import PASSPHRASE_VARIABLE
from ..credentials.places import VARIABLES
from ..errors import NexmoJWTError
from ..exchange.log_messages import program
from ..redaction import Secret, quoted
from ..sandbox import Sandbox
from .arguments import check_both, filled, key_path, seconds
from .output import fail

# Windows lacks the last two.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Run a local server that imitates Nexmo, with a throwaway application. It checks tokens\n"
        "by the documented rules and refuses bad ones in the words of each product. The log and\n"
        "the header X-Sandbox-Verdict say why. Ctrl-C stops the server.\n\n"
        "With a command after '--', run that with the sandbox's variables set, and end with its\n"
        "exit status: nexmo-jwt sandbox -- pytest"
    )
    parser.epilog = "exit status: 0, or that of COMMAND; 1 if it cannot start, 2 for wrong usage"
    port = "the port on 127.0.0.1 (default: a free one)"
    parser.add_argument("--port", type=_port, default=0, help=port)
    ahead = "set the sandbox's clock ahead of this machine's; behind it with --clock-offset=-1h"
    parser.add_argument("--clock-offset", type=seconds, default=0, metavar="SECONDS", help=ahead)
    once = "refuse a token that was accepted before; Nexmo accepts it again"
    parser.add_argument("--single-use", action="store_true", help=once)
    both = "Give both to have the same application after a restart."
    kept = parser.add_argument_group("application", both)
    kept.add_argument("--app-id", type=filled, metavar="ID", help="its id (default: a new one)")
    path = "the file with its private key (default: a new key)"
    kept.add_argument("--private-key", type=key_path, metavar="PATH", help=path)
    what = "a command to run, with its arguments"
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help=what)


def _port(text: str) -> int:
    if re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535:
        return int(text)
    problem = "is not a port: give 1 to 65535, or 0 for a free one"
    raise argparse.ArgumentTypeError(f"{quoted(text)} {problem}")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    check_both(arguments)
    words = arguments.words
    command = words[words.index("--") + 1 :] if "--" in words else []
    if len(arguments.command) > len(command):
        first = quoted(arguments.command[0])
        raise argparse.ArgumentTypeError(f"unexpected {first}: '--' has to precede a command")
    arguments.command = command
    # A command's own output is not mixed with what went well.
    level = logging.WARNING if arguments.command else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(message)s")
    with ExitStack() as stack:
        # Before there is a key to leave behind; one that is given stays, and may need a prompt.
        caught = None if arguments.private_key else stack.enter_context(_caught_signals())
        try:
            nexmo = ask_if_missing(lambda passphrase: _sandbox(arguments, passphrase))
        except NexmoJWTError:
            raise
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
            other = " Give another --port, or none for a free one." if arguments.port else ""
            return fail(f"the sandbox cannot start: {what}.{other}")
        signals, wake = caught or stack.enter_context(_caught_signals())
        stack.enter_context(nexmo)
        if arguments.command:
            return _run_within(nexmo, arguments, signals, wake)
        print(_how_to_call(nexmo), flush=True)
        signals.recv(1)
    return 0


def _sandbox(arguments: argparse.Namespace, passphrase: Secret | None) -> Sandbox:
    return Sandbox(
        port=arguments.port,
        clock_offset=arguments.clock_offset,
        single_use=arguments.single_use,
        application_id=arguments.app_id,
        key=arguments.private_key,
        passphrase=passphrase,
    )


@contextmanager
def _caught_signals() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield where the number of each signal arrives that would end this process, and from where.

    A handler that did more could be interrupted by the next signal, or be late for a system call.
    """
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    with receiver, sender:
        try:
            yield receiver, sender
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)


def _run_within(
    nexmo: Sandbox, arguments: argparse.Namespace, signals: socket.socket, wake: socket.socket
) -> int:
    """Run a command with the variables of the sandbox, and return its exit status."""
    kept = {PASSPHRASE_VARIABLE} if arguments.private_key else set()  # it may open that key
    hidden = set(VARIABLES) - kept
    environment = {name: os.environ[name] for name in os.environ if name not in hidden}
    command = arguments.command
    try:
        process = subprocess.Popen(command, env={**environment, **nexmo.environment})  # noqa: S603
    except OSError as error:
        # An unreadable folder on the PATH makes of "not found" a "permission denied".
        is_there = os.path.exists(shutil.which(command[0], os.F_OK) or command[0])
        reason = error.strerror if is_there else os.strerror(errno.ENOENT)
        fail(f"cannot run {quoted(command[0])}: {reason}.")
        return 126 if is_there else 127

    def wait() -> None:
        process.wait()
        wake.send(b"\0")

    threading.Thread(target=wait, daemon=True).start()
    has_terminal = any(std and std.isatty() for std in (sys.stdin, sys.stdout, sys.stderr))
    while number := signals.recv(1)[0]:
        # Ctrl-C reaches the command by itself: it has the same terminal.
        if number != signal.SIGINT or not has_terminal:
            process.send_signal(number)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _how_to_call(nexmo: Sandbox) -> str:
    variables = nexmo.environment.items()
    export = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables)
    # Another terminal may not have it on its PATH.
    http = [program("http") or "http", "-A", "nexmo-jwt", "GET", "https://api.nexmo.com/v1/calls"]
    return (
        f"A local server that imitates Nexmo: {nexmo.url}. Ctrl-C stops it.\n\n"
        "Paste this in another terminal. There, NexmoJWT(), http -A nexmo-jwt and nexmo-jwt find\n"
        "its application, and their requests for Vonage come here. curl does not know of it: give\n"
        f"it {nexmo.url} and the output of 'nexmo-jwt token --header'.\n\n"
        f"export {export}\n\n"
        f"{shlex.join(http)}"
    )
