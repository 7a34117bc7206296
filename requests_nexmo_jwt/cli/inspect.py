"""``nexmo-jwt inspect``: what a token says, and which rules it keeps."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from .. import credentials, diagnosis
from ..errors import NexmoJWTError
from ..inspection import Inspection, inspect
from ..keys import concealed
from ..passphrase import ask_if_missing
from ..redaction import printable
from .arguments import add_command, add_credentials, check_both, read_token
from .output import mark, show_fields


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = add_command(
        commands,
        "inspect",
        _run,
        "show what a token says, and which of Nexmo's rules it keeps",
        "Show what a token says, and which of Nexmo's rules it keeps. It needs no key; where one\n"
        "is at hand, it tells whether the token was signed with it.",
    )
    parser.add_argument(
        "token",
        nargs="+",
        metavar="TOKEN",
        help="a token, an Authorization header or a curl command line; - reads stdin",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    add_credentials(parser)


def _run(arguments: argparse.Namespace) -> int:
    found = inspect(read_token(arguments.token))
    now = time.time()
    rules = found.rules(now=now)
    verified, signature = _signature(arguments, found)
    good = all(rule.kept for rule in rules) and verified is not False
    if arguments.json:
        report = {
            "ok": good,
            "header": found.header,
            "claims": found.claims,
            "rules": [vars(rule) for rule in rules],
            "signature": {"verified": verified, "reason": f"the signature {signature}"},
        }
        print(json.dumps(report, indent=2))
        return 0 if good else 1
    print("header")
    show_fields(found.header, now)
    print("\nclaims")
    show_fields(found.claims, now)
    print("\nrules")
    for rule in rules:
        print(f"  {mark(rule.kept)} {rule.name + ': ' if rule.kept else ''}{rule.reason}")
    print(f"  {mark(verified)} the signature {printable(signature)}")
    return 0 if good else 1


def _signature(arguments: argparse.Namespace, found: Inspection) -> tuple[bool | None, str]:
    """Verify the signature where a key is at hand; None where it was not verified."""
    if arguments.app_id:
        check_both(arguments)
    try:
        if arguments.private_key:
            ours = credentials.find(arguments.app_id or "", concealed(arguments.private_key))
            key = ask_if_missing(ours.load_key)
        else:
            ours = credentials.find(None, None)
            key = ours.load_key()
    except credentials.NothingFoundError:
        return None, "was not verified: there is no key at hand (--private-key names one)"
    except NexmoJWTError as error:
        if arguments.private_key:
            raise
        return None, f"was not verified: {error}"
    return diagnosis.signature_verdict(found, ours.application_id, key)
