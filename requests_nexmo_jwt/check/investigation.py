"""What to ask to find out why a token is refused: a request, and more where that leaves it open."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from requests import PreparedRequest, Request
from requests.auth import AuthBase

from ..auth import NexmoJWT
from ..credentials import discovery as credentials
from ..credentials.places import CLIConfig, Environment, Place
from ..errors import CredentialsError
from ..scope import Scope
from ..vonage import dialects
from . import account
from .account import Record
from .diagnosis import CERTAIN, causes
from .evidence import Evidence
from .probe import Reply, ask


class GivenToken(AuthBase):
    """Sends a token that was given, to hosts in scope."""

    #: Nobody knows the key.
    fingerprint: str = ""

    def __init__(self, token: str, hosts: list[str] | None = None) -> None:
        self._token, self._scope = token, Scope(hosts)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Set the request's ``Authorization`` header."""
        r.headers["Authorization"] = self.header(str(r.url))
        return r

    def header(self, url: str) -> str:
        """Return the header; raise ``ScopeError`` where ``url`` may not have it."""
        self._scope.check(url)
        return f"Bearer {self._token}"


def investigate(
    url: str,
    auth: NexmoJWT | GivenToken,
    *,
    hosts: list[str] | None,
    place: Place | None,
    may_ask_the_account: bool,
    timeout: float,
) -> Evidence:
    """Ask ``url``, and after a refusal what the answers so far leave open.

    ``place`` is where the application's id came from. Raises what ``auth`` raises.
    """
    auth.header(url)  # raises what it raises here, not in another thread
    url = str(Request("GET", url).prepare().url)  # as it will be sent: without /../ and the like
    evidence = Evidence(ask(url, auth, timeout=timeout), auth.fingerprint)
    if _is_open(evidence) and may_ask_the_account:
        record = _look_up(evidence, Scope(hosts), place, timeout)
        evidence = replace(evidence, record=record)
    product = evidence.product
    says_nothing = evidence.reply.reading.code == dialects.UNKNOWN
    if _is_open(evidence) and says_nothing and product and product.refuses_without_a_reason:
        evidence = replace(evidence, users=_ask_users(url, auth, timeout))
    return evidence


def _is_open(evidence: Evidence) -> bool:
    """Tell whether the token was refused, and it is not certain why."""
    is_certain = any(cause.certainty == CERTAIN for cause in causes(evidence))
    return evidence.reply.verdict == "refused" and not is_certain


def _ask_users(url: str, auth: NexmoJWT | GivenToken, timeout: float) -> Reply:
    parts = urlsplit(url)
    return ask(f"{parts.scheme}://{parts.netloc}/v1/users?page_size=1", auth, timeout=timeout)


def _look_up(
    evidence: Evidence, scope: Scope, place: Place | None, timeout: float
) -> Record | None:
    application_id = evidence.token.claims.get("application_id")
    try:
        found = credentials.find_account(place)
    except CredentialsError:  # a place that has nothing to do with the arguments
        return None
    if found is None or not isinstance(application_id, str):
        return None
    is_ours = isinstance(place, (Environment, CLIConfig))
    url = evidence.reply.url
    return account.look_up(found, application_id, url, scope, timeout=timeout, is_ours=is_ours)
