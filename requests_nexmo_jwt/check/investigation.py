"""Make the request that is refused, and further ones if its answer gives no reason."""

from __future__ import annotations

from dataclasses import replace

from requests import PreparedRequest, Request
from requests.auth import AuthBase

from ..auth import NexmoJWT
from ..credentials import account as accounts
from ..credentials.account import Account
from ..credentials.places import CLIConfig, Environment, Place
from ..errors import CredentialsError
from ..scope import Scope
from ..url import origin_of
from ..vonage import dialects
from .account import look_up
from .cause import CERTAIN
from .diagnosis import causes
from .evidence import Evidence
from .probe import ask


class GivenToken(AuthBase):
    """Sends a given token to hosts in scope."""

    #: Empty: the key is not known.
    fingerprint: str = ""

    def __init__(self, token: str, hosts: list[str] | None = None) -> None:
        self._token, self._scope = token, Scope(hosts)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Set the request's ``Authorization`` header."""
        self._scope.required_destination(str(r.url))
        r.headers["Authorization"] = f"Bearer {self._token}"
        return r


def investigate(
    url: str,
    auth: NexmoJWT | GivenToken,
    *,
    hosts: list[str] | None,
    place: Place | None,
    may_ask_the_account: bool,
    timeout: float,
) -> Evidence:
    """Request ``url``. If that is refused without a certain cause, ask the account and Users.

    ``place`` is where the application's id was found. Raises what ``auth`` raises.
    """
    scope = Scope(hosts)
    asked, url = origin_of(url), scope.required_destination(url).url
    url = str(Request("GET", url).prepare().url)  # as it will be sent: without /../ and the like
    in_place_of = asked if asked != origin_of(url) else None
    evidence = Evidence(ask(url, auth, timeout=timeout), auth.fingerprint, in_place_of=in_place_of)
    if _is_unexplained(evidence) and may_ask_the_account:
        account, application_id = _account(place), evidence.token.claims.get("application_id")
        is_ours = isinstance(place, (Environment, CLIConfig))
        record = account and look_up(account, application_id, url, scope, timeout, is_ours)
        evidence = replace(evidence, record=record, lacks_account=account is None)
    product = evidence.product
    has_no_reason = evidence.reply.reading.code == dialects.UNKNOWN
    if has_no_reason and product and product.refuses_without_a_reason and _is_unexplained(evidence):
        users = f"{origin_of(url)}/v1/users?page_size=1"
        evidence = replace(evidence, users=ask(users, auth, timeout=timeout))
    return evidence


def _is_unexplained(evidence: Evidence) -> bool:
    """Return whether the token was refused without a certain cause."""
    is_certain = any(cause.certainty == CERTAIN for cause in causes(evidence))
    return evidence.reply.verdict == "refused" and not is_certain


def _account(place: Place | None) -> Account | None:
    try:
        return accounts.find(place)
    except CredentialsError:  # a broken place, which the arguments do not need
        return None
