"""``nexmo-jwt check``: credentials, key, clock and a real request, and what is wrong."""

from __future__ import annotations

import argparse
import json
import logging
import re
from contextlib import suppress

from ..auth import NexmoJWT
from ..check.cause import CERTAIN, Cause
from ..check.diagnosis import causes
from ..check.evidence import Evidence
from ..check.investigation import GivenToken, investigate
from ..check.probe import Reply, without_secrets
from ..check.report import Report, Subject
from ..credentials import discovery
from ..credentials.passphrase import ask_if_missing
from ..credentials.places import CLIConfig, Environment
from ..errors import CredentialsError, NexmoJWTError
from ..redaction import Hidden, Secret
from ..scope import Scope
from ..token.inspection import inspect
from ..url import host_part, origin_of
from .arguments import OPTIONS, add_claims, add_credentials, check_both, claims, filled, read_token
from .output import is_terminal, mark, show

DEFAULT_PATH = "/v1/calls?page_size=1"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Check the credentials, the key and the clock, make a request, and report what is wrong.\n"
        "If Voice refuses it without a reason, a second request asks the Users API, whose\n"
        "refusals say more. If an API key and secret are found as well, Vonage is asked for the\n"
        "application's public key."
    )
    parser.epilog = "exit status: 0 if all is well, 1 if not or if nobody knows, 2 for wrong usage"
    add = parser.add_argument
    url = "what to request (default: Voice's list of calls, at Vonage or at the first of the"
    add("--url", type=_url, help=f"{url} configured hosts)")
    host = "a host that may receive the token, instead of Vonage's; may be repeated"
    add("--host", action="append", type=filled, metavar="HOST", help=host)
    add("--token", type=filled, help="send this token, not a new one ('-': read it from stdin)")
    add_claims(parser)
    no_account = "do not ask Vonage for the application, with the API key and secret"
    add("--no-account", action="store_true", help=no_account)
    longest = "how many seconds to wait for each answer (default: %(default)s)"
    add("--timeout", type=_positive, default=20, metavar="SECONDS", help=longest)
    add("--json", action="store_true", help="print JSON, for machines")
    add_credentials(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    # What a request would log, this command says itself.
    logging.getLogger("requests_nexmo_jwt").addHandler(logging.NullHandler())
    subject, url = Subject(), arguments.url or ""
    try:
        url = url or f"{Scope(arguments.host).first_origin}{DEFAULT_PATH}"
        auth, subject = _subject(arguments)
        evidence = investigate(
            url,
            auth,
            hosts=arguments.host,
            place=subject.credentials.place if subject.credentials else None,
            may_ask_the_account=not arguments.no_account,
            timeout=arguments.timeout,
        )
    except NexmoJWTError as error:
        if not arguments.json:
            raise
        report = Report(subject, Evidence(Reply(host_part(url))), [_unusable(error)])
    else:
        found = causes(evidence)
        report = Report(subject, evidence, found, _hint(subject, evidence, found))
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        verdict, *lines = report.as_text()
        show(verdict, mark=mark(report.ok) if is_terminal() else "")
        show(*lines)
    return 0 if report.ok else 1


def _hint(subject: Subject, evidence: Evidence, found: list[Cause]) -> str:
    """Return how to let check compare the keys, if it lacks only the API key and secret."""
    is_comparable = evidence.lacks_account and evidence.token.header.get("alg") == "RS256"
    if not is_comparable or found[0].certainty == CERTAIN:
        return ""
    place = subject.credentials.place if subject.credentials else None
    names = "VONAGE_API_KEY and VONAGE_API_SECRET"
    if isinstance(place, Environment):
        names = " and ".join(place.account_variables)
    elif isinstance(place, CLIConfig):
        names = f"apiKey and apiSecret in {place.path}"
    return (
        f"hint: add the API key and secret ({names}): check then compares the application's public "
        "key with yours"
    )


def _subject(arguments: argparse.Namespace) -> tuple[NexmoJWT | GivenToken, Subject]:
    """Return the auth object, and what the report says about it."""
    if arguments.token is not None:
        if arguments.acl or arguments.sub is not None or arguments.ttl is not None:
            problem = "--acl, --sub and --ttl are for a new token; the one of --token has its own"
            raise argparse.ArgumentTypeError(problem)
        token = read_token([arguments.token])
        application_id = inspect(token).claims.get("application_id")
        return GivenToken(token, arguments.host), Subject(application_id=application_id)
    check_both(arguments)
    found = discovery.find(Hidden(arguments.app_id), Hidden(arguments.private_key))

    def load(passphrase: Secret | None) -> tuple[NexmoJWT, Subject]:
        key = found.load_key(passphrase)  # once: the path may be that of a pipe
        private, options = key.current().private, claims(arguments)
        auth = NexmoJWT(found.application_id, private, hosts=arguments.host, **options)
        return auth, Subject(found, key, found.application_id)

    return ask_if_missing(load)


def _unusable(error: NexmoJWTError) -> Cause:
    """Return the cause that kept the request from being made."""
    problem = OPTIONS.problem(error)
    if isinstance(error, CredentialsError) and error.places:
        problem += f" Checked: {', '.join(error.places)}."
    return Cause(error.code, CERTAIN, problem, OPTIONS.remedy(error))


def _url(text: str) -> str:
    """Refuse an address without a scheme, and say how to write it."""
    if "://" in filled(text):
        return text
    origin = origin_of(f"http://{text}")
    if origin is None or re.match(r"[a-z]+:/", text):
        raise argparse.ArgumentTypeError("it is not a URL. Write https:// and the name of the host")
    scheme = "http" if origin.is_loopback else "https"
    raise argparse.ArgumentTypeError(f"it has no scheme. Write {scheme}://{without_secrets(text)}")


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) <= 3600:
            return float(text)
    raise argparse.ArgumentTypeError("give a number of seconds, up to 3600")
