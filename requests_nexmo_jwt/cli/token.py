"""``nexmo-jwt token``: a new token for curl and the like."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..errors import ClaimError
from ..redaction import quoted
from .arguments import add_claims, add_credentials, auth, claims


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Print a new token and nothing else:\n"
        '  curl -H "$(nexmo-jwt token --header)" https://api.nexmo.com/v1/calls'
    )
    parser.epilog = "exit status: 0 if a token was printed, 1 if not, 2 for wrong usage"
    add = parser.add_argument
    add_claims(parser)
    further = "a further claim; may be repeated"
    add("--claim", action="append", type=_claim, default=[], metavar="NAME=JSON", help=further)
    add("--header", action="store_true", help="print the whole header line, 'Authorization: ...'")
    add_credentials(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    token = auth(arguments, **claims(arguments), claims=_further(arguments)).token()
    print(f"Authorization: Bearer {token}" if arguments.header else token)
    return 0


def _further(arguments: argparse.Namespace) -> dict[str, Any]:
    further = dict(arguments.claim)
    if len(further) < len(arguments.claim):
        raise ClaimError("--claim", "names one claim twice", "Give it once.")
    return further


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("it is not of the form NAME=JSON")  # it may be a secret
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        problem = "is not JSON; a string has quotes: 'NAME=\"...\"'"
        raise argparse.ArgumentTypeError(f"the value of {quoted(name)} {problem}") from None
