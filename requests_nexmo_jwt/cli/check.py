"""``nexmo-jwt check``: credentials, key, clock and one real request, and what is wrong."""

from __future__ import annotations

import argparse
import logging
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.auth import AuthBase

from .. import credentials, diagnosis
from ..auth import NexmoJWT
from ..credentials import CLIConfig, Credentials
from ..errors import NexmoJWTError
from ..inspection import inspect
from ..keys import Key, concealed
from ..passphrase import ask_if_missing
from ..redaction import Secret, shown
from ..scope import Scope
from .arguments import add_command, add_credentials, check_both, filled, read_token
from .output import show

DEFAULT_URL = "https://api.nexmo.com/v1/calls?page_size=1"


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = add_command(
        commands,
        "check",
        _run,
        "find out why a request is refused",
        "Look at the credentials, the key and the clock, make one request, and say what is wrong.",
    )
    url = "what to request; it must be in scope (default: %(default)s)"
    parser.add_argument("--url", default=DEFAULT_URL, help=url)
    public_key = "print the public key, for Vonage's dashboard"
    parser.add_argument("--public-key", action="store_true", help=public_key)
    given = "send this token instead of a new one; - reads it from stdin"
    parser.add_argument("--token", type=filled, help=given)
    add_credentials(parser)


def _run(arguments: argparse.Namespace) -> int:
    # What a request would log, this command says itself.
    logging.getLogger("requests_nexmo_jwt").addHandler(logging.NullHandler())
    if arguments.token is not None:
        token = read_token([arguments.token])
        inspect(token)
        good, lines = _ask(arguments.url, GivenToken(token), None)
        show(*lines)
        return 0 if good else 1
    check_both(arguments)
    found = credentials.find(arguments.app_id, concealed(arguments.private_key))
    show(*_describe_credentials(found))

    def load(passphrase: Secret | None) -> tuple[Key, NexmoJWT]:
        auth = NexmoJWT(arguments.app_id, arguments.private_key, passphrase=passphrase)
        return found.load_key(passphrase), auth

    key, auth = ask_if_missing(load)
    show(*_describe_key(key, found))
    if arguments.public_key:
        show("", _public_key_pem(key))
    good, lines = _ask(arguments.url, auth, auth.fingerprint)
    show(*lines)
    return 0 if good else 1


class GivenToken(AuthBase):
    """Sends a token that somebody else has signed, where a token may go."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the request's ``Authorization`` header."""
        r.headers["Authorization"] = self.header(str(r.url))
        return r

    def header(self, url: str) -> str:
        """Return the header; raise ``ScopeError`` where ``url`` may not have it."""
        Scope().check(url)
        return f"Bearer {self._token}"


def _describe_credentials(found: Credentials) -> Iterator[str]:
    """Yield lines on where the credentials came from and on the application's id."""
    yield f"credentials: {found.source}"
    if found.also_checked:
        yield f"             looked at before: {', '.join(found.also_checked)}"
    looks = "" if diagnosis.is_uuid(found.application_id) else " - does not look like one (a UUID)"
    yield f"application: {shown(found.application_id)[1:-1]}{looks}"


def _describe_key(key: Key, found: Credentials) -> Iterator[str]:
    """Yield lines on the key: its size and form, its fingerprint, and who may read its file."""
    yield f"key:         RSA, {key.current().private.key_size} bits, {key.current().form}"
    yield f"             {key.fingerprint}"
    path = key.path or (found.place.path if isinstance(found.place, CLIConfig) else None)
    if path and os.path.exists(path) and os.name == "posix":
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            yield f"             others can read {path} (mode {mode:04o}): chmod 600 it"
        else:
            yield f"             only you can read {path} (mode {mode:04o})"


def _public_key_pem(key: Key) -> str:
    """Return the public key in PEM, as Vonage's dashboard takes it."""
    public_key = key.current().private.public_key()
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _ask(url: str, auth: NexmoJWT | GivenToken, fingerprint: str | None) -> tuple[bool, list[str]]:
    """Make one request and return whether all is well, and lines on what came back.

    Raises ``ScopeError`` where ``url`` may not have a token.
    """
    auth.header(url)
    lines = [f"request:     GET {url}"]
    started = time.time()
    try:
        response = requests.get(url, auth=auth, timeout=diagnosis.TIMEOUT, allow_redirects=False)
    except NexmoJWTError:
        raise
    except (OSError, ValueError) as error:  # requests' own, a CA bundle that is missing, a Location
        return False, [*lines, f"             {diagnosis.network_problem(error, url)}"]
    first = response.history[0] if response.history else response
    lines.append(f"             {response.status_code} {response.reason}")
    if first is not response:
        lines[-1] += f", after a {first.status_code} to a token signed with this machine's time"
    answered = started + first.elapsed.total_seconds()
    offset = diagnosis.clock_offset(first, received=answered)
    by = "" if offset is None else ", by the server's Date"
    lines.append(f"clock:       {diagnosis.clock_state(offset, first)}{by}")
    if first.status_code != 401:
        good, words = diagnosis.verdict(response.status_code)
        return good, [*lines, f"token:       {words}"]
    return False, [*lines, *_describe_refusal(first, offset, fingerprint)]


def _describe_refusal(
    refused: requests.Response, offset: float | None, fingerprint: str | None
) -> Iterator[str]:
    """Yield the server's own words, and what may be wrong."""
    detail = diagnosis.server_detail(refused)
    if detail:
        yield f"the server:  {detail!r:.300}"
    token = str(refused.request.headers["Authorization"]).removeprefix("Bearer ")
    causes = diagnosis.causes(inspect(token), refused, offset=offset, fingerprint=fingerprint)
    yield "diagnosis:   the likeliest first"
    for number, cause in enumerate(causes, 1):
        yield f"  {number}. {cause.problem}"
        yield f"     {cause.remedy}"
