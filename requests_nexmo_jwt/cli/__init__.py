"""The ``nexmo-jwt`` command: arguments in, text or JSON out."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import ClaimError, NexmoJWTError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 good, 1 bad, 2 wrong usage."""
    try:
        from .arguments import OPTIONS
        from .output import fail
    except NexmoJWTError as error:  # another module is named jwt
        print(f"nexmo-jwt: {error}", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    arguments, unknown = _parser().parse_known_args(words, argparse.Namespace(words=words))
    parser = arguments.parser
    if unknown:
        # Not their values, which may be secrets.
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"unrecognized arguments{': ' * bool(options)}{' '.join(options)}")
    try:
        status: int = arguments.run(arguments) or 0
        sys.stdout.flush()
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


def _parser() -> argparse.ArgumentParser:
    from . import check, inspect, sandbox, token
    from .arguments import Parser

    parser = Parser(
        prog="nexmo-jwt",
        description="JSON Web Tokens for the Nexmo (Vonage) API.",
        epilog="examples:\n"
        '  curl -H "Authorization: Bearer $(nexmo-jwt token)" https://api.nexmo.com/v1/calls\n'
        "  nexmo-jwt token --ttl 3600 --sub alice --acl '/*/users/**' --acl 'GET:/*/calls/**'\n"
        "  pbpaste | nexmo-jwt inspect -\n"
        "  nexmo-jwt check\n"
        "  nexmo-jwt sandbox\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda arguments: print(parser.format_help(), end=""), parser=parser)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("help", help="show this help")
    for command in (token, inspect, check, sandbox):
        command.add_to(commands)
    return parser
