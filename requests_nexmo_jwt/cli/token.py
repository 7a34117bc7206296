"""``nexmo-jwt token``: a new token for curl and the like."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..errors import ClaimError
from ..redaction import quoted
from ..token.acl import merged, read_acl
from ..token.claims import DEFAULT_TTL, MAX_TTL, MIN_TTL, OURS
from .arguments import add_command, add_credentials, auth, seconds


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = add_command(
        commands,
        "token",
        _run,
        "print a new token",
        "Print a new token and nothing else.\n\n"
        '  curl -H "Authorization: Bearer $(nexmo-jwt token)" https://api.nexmo.com/v1/calls\n'
        '  curl -H "$(nexmo-jwt token --header)" https://api.nexmo.com/v1/calls',
    )
    add = parser.add_argument
    life = f"lifetime in seconds, {MIN_TTL} to {MAX_TTL} (default: {DEFAULT_TTL})"
    add("--ttl", type=seconds, default=DEFAULT_TTL, metavar="S", help=life)
    add("--sub", metavar="NAME", help="a Vonage user's name")
    opens = "what it permits: a path, METHOD,METHOD:PATH, or @file.json; may be repeated"
    add("--acl", action="append", type=_acl, metavar="ACL", help=opens)
    further = "a further claim; may be repeated"
    add("--claim", action="append", type=_claim, default=[], metavar="NAME=JSON", help=further)
    add("--header", action="store_true", help="print the whole header line, 'Authorization: ...'")
    add_credentials(parser)


def _run(arguments: argparse.Namespace) -> int:
    acl = merged(arguments.acl, "--acl") if arguments.acl else None
    token = auth(
        arguments, ttl=arguments.ttl, sub=arguments.sub, acl=acl, claims=_claims(arguments)
    ).token()
    print(f"Authorization: Bearer {token}" if arguments.header else token)
    return 0


def _claims(arguments: argparse.Namespace) -> dict[str, Any]:
    claims = dict(arguments.claim)
    if len(claims) < len(arguments.claim):
        raise ClaimError("--claim", "names one claim twice", "Give it once.")
    for name in claims:
        if name in OURS:
            other = {"exp": "--ttl", "application_id": "--app-id"}.get(name)
            remedy = f"Leave it out{f'; use {other}' if other else ''}."
            raise ClaimError("--claim", f"names {name}, which is set for each token", remedy)
        if name in ("sub", "acl") and getattr(arguments, name):
            raise ClaimError(name, "is given twice, also as --claim", "Give it once.")
    return claims


def _acl(text: str) -> dict[str, Any]:
    try:
        return read_acl(text)
    except ClaimError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not of the form NAME=JSON")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"the value of {quoted(name)} is not JSON; a string has quotes: 'NAME=\"...\"'"
        ) from None
