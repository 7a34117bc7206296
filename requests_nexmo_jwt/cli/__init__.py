"""The ``nexmo-jwt`` command: arguments in, text or JSON out."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from ..errors import ClaimError, NexmoJWTError

#: The commands, each a module of this folder, and what they do.
COMMANDS = {
    "token": "print a new token",
    "inspect": "show what a token says, and which rules it keeps",
    "check": "find out why a request is refused",
    "public-key": "print the public key, for the Vonage dashboard",
    "sandbox": "run a local server that imitates Nexmo",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage raises ``SystemExit`` with 2."""
    try:
        from .arguments import OPTIONS
        from .output import fail
    except NexmoJWTError as error:  # another module is named jwt
        print(f"nexmo-jwt: {error}", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["help"] and words[1:]:
        words[:2] = [words[1], "--help"]
    parser = _parser(words[0] if words else "")
    arguments, unknown = parser.parse_known_args(words, argparse.Namespace(words=words))
    parser = arguments.parser
    if unknown:
        # Not their values, which may be secrets.
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"unrecognized arguments{': ' * bool(options)}{' '.join(options)}")
    try:
        status: int = arguments.run(arguments) or 0
        print(end="", flush=True)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    except ClaimError as error:
        parser.error(OPTIONS.sentence(error))
    except NexmoJWTError as error:
        return fail(OPTIONS.sentence(error))
    except OSError as error:
        # Python would report a closed pipe or a full disk once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        is_closed = isinstance(error, BrokenPipeError)
        return 1 if is_closed else fail(f"cannot write the result: {error.strerror}.")
    except KeyboardInterrupt:
        return 130
    return status


def _parser(command: str) -> argparse.ArgumentParser:
    """Return the parser, which knows the arguments of ``command`` alone: the others stay unread."""
    from .arguments import Formatter, Parser

    parser = Parser(
        prog="nexmo-jwt",
        description="JSON Web Tokens for the Nexmo (Vonage) API.",
        epilog="examples:\n"
        '  curl -H "$(nexmo-jwt token --header)" https://api.nexmo.com/v1/calls\n'
        "  nexmo-jwt token --ttl 1h --sub alice --acl 'GET:/*/calls/**'\n"
        "  nexmo-jwt token | nexmo-jwt inspect -\n"
        "  nexmo-jwt check\n"
        "  nexmo-jwt sandbox -- pytest\n\n"
        "'nexmo-jwt help COMMAND' shows the options of a command.",
        formatter_class=Formatter,
    )
    parser.set_defaults(run=lambda arguments: print(parser.format_help(), end=""), parser=parser)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("help", help="show this help, or that of a command")
    for name, what in COMMANDS.items():
        added = commands.add_parser(name, help=what, formatter_class=Formatter)
        if name == command:
            module = import_module(f".{name.replace('-', '_')}", __name__)
            module.add_to(added)
            added.set_defaults(run=module.run, parser=added)
    return parser
