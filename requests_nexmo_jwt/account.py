"""What an account says of an application: whether it has it, and with which public key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from requests import PreparedRequest
from requests.auth import AuthBase

from .keys import fingerprint
from .places import Account
from .probe import Reply, ask
from .scope import Origin, Scope, origin_of

_API = "https://api.nexmo.com"


@dataclass(frozen=True)
class Record:
    """What ``account`` said of ``application_id`` in ``reply``.

    ``public_key`` is None where it has no readable one. ``is_ours``: the account was found at the
    place that names the application, so the application should be one of its own.
    """

    account: Account
    application_id: str
    reply: Reply
    public_key: RSAPublicKey | None
    is_ours: bool

    @property
    def is_unknown(self) -> bool:
        """Whether the account has no such application."""
        return self.reply.status == 404

    @property
    def fingerprint(self) -> str:
        """That of the public key, empty without one."""
        return fingerprint(self.public_key) if self.public_key else ""


def look_up(
    account: Account, application_id: str, url: str, scope: Scope, *, timeout: float, is_ours: bool
) -> Record | None:
    """Ask Vonage for an application, or the server of ``url`` where that is on this machine.

    None where Vonage is not in ``scope``: whoever names other hosts wants no request elsewhere.
    """
    origin = origin_of(url)
    is_loopback = origin is not None and origin.is_loopback
    if not is_loopback and not scope.may_set_the_time(_VONAGE):
        return None
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}" if is_loopback else _API
    asked = f"{base}/v2/applications/{quote(application_id, safe='')}"
    reply = ask(asked, _Basic(account), timeout=timeout)
    return Record(account, application_id, reply, _public_key(reply), is_ours)


_VONAGE = Origin("https", "api.nexmo.com", 443)


class _Basic(AuthBase):
    """Sends the API key and secret, which stay a ``Secret`` until then."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = self._account.header()
        return r


def _public_key(reply: Reply) -> RSAPublicKey | None:
    if reply.status != 200:
        return None
    try:
        key = load_pem_public_key(json.loads(reply.body)["keys"]["public_key"].encode())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return key if isinstance(key, RSAPublicKey) else None
