"""What an account says of an application: whether it has it, and with which public key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from requests import PreparedRequest
from requests.auth import AuthBase

from ..credentials.key import fingerprint
from ..credentials.places import Account
from ..scope import Scope
from ..url import Origin, origin_of
from ..vonage import API_HOST
from ..vonage.dialects import json_object
from .probe import Reply, ask


@dataclass(frozen=True)
class Record:
    """What ``account`` said of an application in ``reply``.

    ``public_key`` is None where it has no readable one. ``is_ours``: the account was found at the
    place that names the application, so the application should be one of its own.
    """

    account: Account
    reply: Reply
    public_key: RSAPublicKey | None
    is_ours: bool

    @property
    def is_unknown(self) -> bool:
        """Whether the account has no such application; a 404 of a gateway or a mock is another."""
        fields = json_object(self.reply.body) or {}
        kind = str(fields.get("type", "nexmo.com"))
        is_vonage_s = "title" in fields and re.search(r"(nexmo|vonage)\.com", kind)
        return self.reply.status == 404 and bool(is_vonage_s)

    @property
    def fingerprint(self) -> str:
        """That of the public key, empty without one."""
        return fingerprint(self.public_key) if self.public_key else ""


def look_up(
    account: Account, application_id: str, url: str, scope: Scope, *, timeout: float, is_ours: bool
) -> Record | None:
    """Ask Vonage for an application, or the server of ``url`` where that is on this machine.

    None where Vonage is not in ``scope``: other hosts were configured, so Vonage is not asked.
    And a server on this machine gets only what is meant for it: an account that is ``is_ours``,
    unless that server was configured.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", application_id):
        return None
    origin = origin_of(url)
    where = origin if origin and origin.is_loopback else _VONAGE
    if not scope.is_configured(where) and not (where.is_loopback and is_ours):
        return None
    reply = ask(f"{where}/v2/applications/{application_id}", _Basic(account), timeout=timeout)
    return Record(account, reply, _public_key(reply, application_id), is_ours)


_VONAGE = Origin("https", API_HOST, 443)


class _Basic(AuthBase):
    """Sends the API key and secret, which stay a ``Secret`` until then."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = self._account.header()
        return r


def _public_key(reply: Reply, application_id: str) -> RSAPublicKey | None:
    fields = json_object(reply.body)
    # A mock's example answer is about another application.
    if reply.status != 200 or not fields or fields.get("id") != application_id:
        return None
    try:
        key = load_pem_public_key(fields["keys"]["public_key"].encode())
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None
