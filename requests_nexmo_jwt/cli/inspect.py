"""``nexmo-jwt inspect``: what a token says, and which of the documented rules it keeps."""

from __future__ import annotations

import argparse
import json
import re
import time
from urllib.parse import urlsplit

from ..credentials import discovery
from ..credentials.given import private_key
from ..credentials.key import Key
from ..credentials.passphrase import ask_if_missing
from ..credentials.places import Credentials
from ..errors import NexmoJWTError
from ..redaction import Hidden, unquoted
from ..token.inspection import Inspection, inspect
from ..token.rules import Rule
from ..url import origin_of
from ..vonage.identifiers import shown_id
from ..vonage.products import product_of
from .arguments import OPTIONS, add_credentials, check_both, read_token
from .output import mark, show, show_fields


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Show what a token says, and which of the documented rules it keeps: a tick for one that\n"
        "is kept, a cross for one that is broken, a question mark if it is not documented\n"
        "whether Nexmo accepts such a token. It needs no key; if one is available, it shows\n"
        "whether the token was signed with it."
    )
    parser.epilog = "exit status: 0 if nothing is wrong, 1 if something is, 2 for wrong usage"
    given = "a token, an Authorization header or a curl command line in quotes; - reads stdin"
    parser.add_argument("token", nargs="+", metavar="TOKEN", help=given)
    request = "also show whether the token is for this request, such as 'GET https://...'"
    parser.add_argument("--for", type=_request, dest="request", metavar="REQUEST", help=request)
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    add_credentials(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    found = inspect(read_token(arguments.token))
    now = time.time()
    rules = found.rules(now=now)
    if arguments.request:
        rules += _rules_of_the_request(found, *arguments.request)
    verified, signature = _signature(arguments, found)
    good = all(rule.kept is not False for rule in rules) and verified is not False
    if arguments.json:
        report = {
            "ok": good,
            "header": found.header,
            "claims": found.claims,
            "rules": [vars(rule) for rule in rules],
            "signature": {"verified": verified, "reason": f"the signature {signature}"},
        }
        print(json.dumps(report))  # not indented: that recurses in Python, and a token may be deep
    else:
        print("header")
        show_fields(found.header, now)
        print("\nclaims")
        show_fields(found.claims, now)
        print("\nrules")
        for rule in rules:
            show(f"  {rule.name + ': ' if rule.kept else ''}{rule.reason}", mark=mark(rule.kept))
        show(f"  the signature {signature}", mark=mark(verified))
    return 0 if good else 1


def _request(text: str) -> tuple[str, str]:
    """Read ``METHOD URL``; without a method it is GET, without a host a path alone."""
    method, space, url = text.strip().rpartition(" ")
    method = method.strip() if space else "GET"
    # On loopback the path alone decides which product it is.
    address = f"http://localhost{url}" if url.startswith("/") else url
    if re.fullmatch("[A-Za-z]+", method) and origin_of(address):
        return method.upper(), address
    form = "'GET https://api.nexmo.com/v1/calls'"
    raise argparse.ArgumentTypeError(f"it is not of the form {form}")


def _rules_of_the_request(found: Inspection, method: str, url: str) -> list[Rule]:
    path = urlsplit(url).path or "/"
    name, opens = f"{method} {unquoted(path)}", found.opens(method, path)
    reason = {
        True: f"the acl permits {name}" if "acl" in found.claims else name,
        False: f"the acl does not permit {name}",
        None: f"the acl cannot be read, so it may not permit {name}",
    }[opens]
    rules = [Rule("for", opens, reason, None if opens else "acl")]
    product = product_of(url)
    objection = product.objection(found.claims) if product else None
    if objection:
        rules.append(Rule("for", False, objection[1], objection[0]))
    if product and not product.takes_jwt:
        reason = f"this product does not accept a token: {product.instead}"
        rules.append(Rule("for", False, reason, "product"))
    return rules


def _signature(arguments: argparse.Namespace, found: Inspection) -> tuple[bool | None, str]:
    """Verify the signature if a key is available; return None if it was not verified."""
    if arguments.app_id:
        check_both(arguments)
    if found.is_cut_short:
        return False, "is cut short: copy the whole token"
    try:
        if arguments.private_key:
            given = private_key(Hidden(arguments.private_key), "private_key")
            ours = Credentials(arguments.app_id or "", given, "--private-key", None)
            return _verified(found, ours.application_id, ask_if_missing(ours.load_key))
        ours = discovery.discover()
        key = ours.load_key()
    except NexmoJWTError as error:
        if arguments.private_key:
            raise
        if error.code == discovery.NOTHING_FOUND:
            return None, "was not verified: no key is available (pass --private-key)"
        return None, f"was not verified: {OPTIONS.sentence(error)}"
    return _verified(found, ours.application_id, key)


def _verified(found: Inspection, application_id: str, key: Key) -> tuple[bool, str]:
    if found.is_signed_by(key.current().private.public_key()):
        return True, f"was made with your key, {key.fingerprint}"
    verdict = f"was not made with your key, {key.fingerprint}"
    theirs = found.claims.get("application_id")
    if application_id and application_id != theirs:
        whose = f"application {shown_id(application_id)}, not of {shown_id(theirs)}"
        verdict += f"; that is the key of {whose}"
    return False, verdict
