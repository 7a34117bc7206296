"""``nexmo-jwt check``: credentials, key, clock and a real request, and what is wrong."""

from __future__ import annotations

import argparse
import ipaddress
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from .. import account, credentials, diagnosis, dialects, probe
from ..account import Record
from ..auth import NexmoJWT
from ..diagnosis import CERTAIN, Cause
from ..errors import CredentialsError, NexmoJWTError, PrivateKeyError, ScopeError
from ..evidence import Evidence
from ..inspection import inspect
from ..keys import concealed
from ..passphrase import ask_if_missing
from ..places import CLIConfig, Environment
from ..probe import Reply
from ..redaction import Secret
from ..scope import Scope, product_of
from .arguments import add_command, add_credentials, check_both, filled, in_options, read_token
from .output import is_terminal, mark, show
from .report import Report, Subject

DEFAULT_URL = "https://api.nexmo.com/v1/calls?page_size=1"


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = add_command(
        commands,
        "check",
        _run,
        "find out why a request is refused",
        "Look at the credentials, the key and the clock, make a request, and say what is wrong.\n"
        "Where the request is refused, a second one asks the Users API, whose refusals say more\n"
        "than Voice's. Where the API key and secret are found at the same place as the\n"
        "application, Vonage is asked for its public key.",
    )
    add = parser.add_argument
    url = "what to request; it must be in scope (default: %(default)s)"
    add("--url", type=_url, default=DEFAULT_URL, help=url)
    host = "a host that may receive the token, instead of Vonage's; may be repeated"
    add("--host", action="append", type=filled, metavar="HOST", help=host)
    add("--public-key", action="store_true", help="print the public key, for Vonage's dashboard")
    add("--token", type=filled, help="send this token, not a new one; - reads it from stdin")
    no_account = "do not ask Vonage for the application, with the API key and secret"
    add("--no-account", action="store_true", help=no_account)
    longest = "for how long to wait for each answer (default: %(default)s)"
    add("--timeout", type=_positive, default=20, metavar="SECONDS", help=longest)
    add("--json", action="store_true", help="print JSON, for machines")
    add_credentials(parser)


def _run(arguments: argparse.Namespace) -> int:
    # What a request would log, this command says itself.
    logging.getLogger("requests_nexmo_jwt").addHandler(logging.NullHandler())
    subject = Subject()
    try:
        auth, subject = _subject(arguments)
        report = _report(arguments, auth, subject)
    except NexmoJWTError as error:
        if not arguments.json:
            raise
        report = Report(subject, Reply(arguments.url), [_unusable(error)])
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        verdict, *lines = report.as_text(with_public_key=arguments.public_key)
        show(verdict, mark=mark(report.ok) if is_terminal() else "")
        show(*lines)
    return 0 if report.ok else 1


def _subject(arguments: argparse.Namespace) -> tuple[NexmoJWT | GivenToken, Subject]:
    """Return what signs or sends, and what is known of it."""
    if arguments.token is not None:
        token = read_token([arguments.token])
        application_id = inspect(token).claims.get("application_id")
        return GivenToken(token, arguments.host), Subject(application_id=application_id)
    check_both(arguments)
    found = credentials.find(arguments.app_id, concealed(arguments.private_key))

    def load(passphrase: Secret | None) -> tuple[NexmoJWT, Subject]:
        auth = NexmoJWT(
            arguments.app_id, arguments.private_key, passphrase=passphrase, hosts=arguments.host
        )
        return auth, Subject(found, found.load_key(passphrase), found.application_id)

    return ask_if_missing(load)


class GivenToken(AuthBase):
    """Sends a token that somebody else has signed, where a token may go."""

    def __init__(self, token: str, hosts: list[str] | None = None) -> None:
        self._token, self._scope = token, Scope(hosts)

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the request's ``Authorization`` header."""
        r.headers["Authorization"] = self.header(str(r.url))
        return r

    def header(self, url: str) -> str:
        """Return the header; raise ``ScopeError`` where ``url`` may not have it."""
        self._scope.check(url)
        return f"Bearer {self._token}"


def _report(arguments: argparse.Namespace, auth: NexmoJWT | GivenToken, subject: Subject) -> Report:
    """Ask what the answers so far leave open, until something is certain."""
    url, timeout = arguments.url, arguments.timeout
    auth.header(url)  # raises what it raises here, not in another thread
    fingerprint = subject.key.fingerprint if subject.key else ""
    reply = probe.ask(url, auth, timeout=timeout)
    evidence = Evidence(reply, fingerprint)
    users, record = None, None
    if reply.verdict == "refused" and not arguments.no_account and _is_open(evidence):
        record = _look_up(arguments, subject)
        evidence = Evidence(reply, fingerprint, record=record)
    product = product_of(url)
    says_nothing = bool(product and product.name == "Voice")
    says_nothing = says_nothing and reply.reading.code == dialects.UNKNOWN
    if reply.verdict == "refused" and says_nothing and _is_open(evidence):
        parts = urlsplit(url)
        users_url = f"{parts.scheme}://{parts.netloc}/v1/users?page_size=1"
        users = probe.ask(users_url, auth, timeout=timeout)
        evidence = Evidence(reply, fingerprint, users, record)
    return Report(subject, reply, diagnosis.causes(evidence), users=users, record=record)


def _is_open(evidence: Evidence) -> bool:
    return all(cause.certainty != CERTAIN for cause in diagnosis.causes(evidence))


def _look_up(arguments: argparse.Namespace, subject: Subject) -> Record | None:
    place = subject.credentials.place if subject.credentials else None
    try:
        found = credentials.find_account(place)
    except CredentialsError:  # a place that has nothing to do with the arguments
        return None
    application_id = subject.application_id
    if found is None or not isinstance(application_id, str):
        return None
    return account.look_up(
        found,
        application_id,
        arguments.url,
        Scope(arguments.host),
        timeout=arguments.timeout,
        is_ours=isinstance(place, (Environment, CLIConfig)),
    )


def _unusable(error: NexmoJWTError) -> Cause:
    """Return the cause that kept the request from being made."""
    codes = ((PrivateKeyError, "private-key"), (ScopeError, "scope"))
    code = next((code for kind, code in codes if isinstance(error, kind)), "credentials")
    problem, _, remedy = in_options(str(error)).partition(". ")
    return Cause(code, CERTAIN, f"{problem.rstrip('.')}.", remedy)


def _url(text: str) -> str:
    """Refuse an address without a scheme, and say how to write it."""
    if "://" in text or not text.strip():
        return text
    host = text.partition("/")[0].rpartition(":")[0] or text.partition("/")[0]
    scheme = "http" if _is_loopback(host) else "https"
    raise argparse.ArgumentTypeError(f"it has no scheme. Write {scheme}://{text}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in ("localhost", "")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if 0 < number <= 3600:
        return number
    raise argparse.ArgumentTypeError("give a number of seconds, up to 3600")
