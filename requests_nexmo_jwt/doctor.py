"""``nexmo-jwt check``: credentials, key, clock and one real request, and what is wrong."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from typing import Any

import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.auth import AuthBase

from . import diagnosis
from .auth import NexmoJWT
from .credentials import CLIConfig, Credentials
from .errors import NexmoJWTError, shown
from .inspection import Inspection, inspect
from .keys import Key
from .scope import Scope, origin_of

DEFAULT_URL = "https://api.nexmo.com/v1/calls?page_size=1"

_TIMEOUT = 20  # seconds, for the connection and for each read

_BROKEN_ANSWER = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


class GivenToken(AuthBase):
    """Sends a token that somebody else has signed, where a token may go."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the request's ``Authorization`` header."""
        Scope().check(str(request.url))
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def describe_credentials(found: Credentials) -> Iterator[str]:
    """Yield lines on where the credentials came from and on the application's id."""
    yield f"credentials: {found.source}"
    if found.passed_over:
        yield f"             looked at before: {', '.join(found.passed_over)}"
    looks = "" if diagnosis.is_uuid(found.application_id) else " - does not look like one (a UUID)"
    yield f"application: {shown(found.application_id)[1:-1]}{looks}"


def describe_key(key: Key, found: Credentials) -> Iterator[str]:
    """Yield lines on the key: its size and form, its fingerprint, and who may read its file."""
    yield f"key:         RSA, {key.current().key_size} bits, {key.form}"
    yield f"             {key.fingerprint}"
    path = key.path or (found.place.path if isinstance(found.place, CLIConfig) else None)
    if path and os.path.exists(path) and os.name == "posix":
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            yield f"             others can read {path} (mode {mode:04o}): chmod 600 it"
        else:
            yield f"             only you can read {path} (mode {mode:04o})"


def public_key_pem(key: Key) -> str:
    """Return the public key in PEM, as Vonage's dashboard takes it."""
    public_key = key.current().public_key()
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ask(url: str, auth: NexmoJWT | GivenToken, fingerprint: str | None) -> tuple[bool, list[str]]:
    """Make one request and return whether all is well, and lines on what came back.

    Raises ``ScopeError`` where ``url`` may not have a token.
    """
    Scope().check(url)
    lines = [f"request:     GET {url}"]
    started = time.time()
    try:
        response = requests.get(url, auth=auth, timeout=_TIMEOUT, allow_redirects=False)
    except NexmoJWTError:
        raise
    except (OSError, ValueError) as error:  # requests' own, a CA bundle that is missing, a Location
        return False, [*lines, f"             {_network_problem(error, url)}"]
    first = response.history[0] if response.history else response
    lines.append(f"             {response.status_code} {response.reason}")
    if first is not response:
        lines[-1] += f", after a {first.status_code} to a token signed with this machine's time"
    offset = diagnosis.clock_offset(first, received=started + first.elapsed.total_seconds())
    by = "" if offset is None else ", by the server's Date"
    lines.append(f"clock:       {diagnosis.clock_state(offset, first)}{by}")
    if first.status_code != 401:
        good, words = _verdict(response.status_code)
        return good, [*lines, f"token:       {words}"]
    if diagnosis.server_detail(first):
        lines.append(f"the server:  {diagnosis.server_detail(first)!r:.300}")
    token = str(first.request.headers["Authorization"]).removeprefix("Bearer ")
    found = diagnosis.causes(inspect(token), first, offset=offset, fingerprint=fingerprint)
    lines.append("diagnosis:   the likeliest first")
    for number, cause in enumerate(found, 1):
        lines += [f"  {number}. {cause.problem}", f"     {cause.remedy}"]
    return False, lines


def _verdict(status: int) -> tuple[bool, str]:
    """Return whether a status other than 401 speaks well of the token, and a sentence on it."""
    if 300 <= status < 400:
        return False, "not judged: the server redirects; give --url the place that it leads to"
    if status == 403:
        return False, "understood, but not allowed to do this: look at its acl, and the account"
    if status >= 500:
        return False, "not judged: the server is in trouble; try again later"
    if status >= 400:
        return True, f"accepted: {status} is about the request, not about the token"
    return True, "accepted"


def signature_verdict(
    inspection: Inspection, found: Credentials | None, key: Key
) -> tuple[bool, str]:
    """Return whether ``key`` signed the token, and a sentence on it."""
    if inspection.is_signed_by(key.current().public_key()):
        return True, f"is by the key at hand, {key.fingerprint}"
    theirs, ours = inspection.claims.get("application_id"), found and found.application_id
    other = (
        f"; that is the key of application {shown(ours)}, not of {shown(theirs)}"
        if ours != theirs
        else ""
    )
    return False, f"is not by the key at hand, {key.fingerprint}{other if ours else ''}"


def _network_problem(error: Exception, url: str) -> str:
    """Say in a sentence why no answer came."""
    origin = origin_of(url)
    host = origin.host if origin else url
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {_TIMEOUT} s."
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"TLS with {host} failed: its certificate is not trusted here, or something stands "
            "between. Behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificate."
        )
    if isinstance(error, requests.exceptions.InvalidURL):  # not shown: it may have a password
        return "the proxy's address cannot be read. See HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer, or refuses. See HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{host} does not answer within {_TIMEOUT} s. Is a firewall in between?"
    reasons = list(_chain(error))
    if any(isinstance(reason, socket.gaierror) for reason in reasons):
        return f"the name {host} is not found. Is this machine online, and its DNS right?"
    if any(isinstance(reason, ConnectionRefusedError) for reason in reasons):
        return f"{origin} refuses connections. Does the server run, on this port?"
    if isinstance(error, requests.ConnectionError):
        return f"the connection to {host} broke before an answer came. Try again."
    if not isinstance(error, OSError):
        return f"{host} redirects to what is no URL."
    if isinstance(error, _BROKEN_ANSWER):
        return f"{host} answered with what is no whole HTTP answer ({type(error).__name__})."
    return f"the request cannot be made: {error}"


def _chain(error: Any) -> Iterator[object]:
    """Yield ``error`` and what is behind it; urllib3 keeps that in arguments and ``reason``."""
    seen: list[object] = []
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in seen:
            seen.append(current)
            waiting += [*current.args, current.__cause__, current.__context__]
            waiting.append(getattr(current, "reason", None))
            yield current
