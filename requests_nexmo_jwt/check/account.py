"""Look up an application, and its public key, with the API key and secret of an account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from requests.auth import HTTPBasicAuth

from ..credentials.account import Account
from ..credentials.key import fingerprint
from ..scope import Scope
from ..url import Origin, origin_of
from ..vonage import API_HOST
from ..vonage.dialects import json_object
from .probe import Reply, ask


@dataclass(frozen=True)
class Record:
    """The ``reply`` about an application to a request with the key and secret of ``account``.

    ``public_key`` and ``capabilities`` are None if the reply has no readable ones. ``is_ours``
    means that the account was found in the same place as the application's id, so the application
    should be one of its own.
    """

    account: Account
    reply: Reply
    public_key: RSAPublicKey | None
    capabilities: tuple[str, ...] | None
    is_ours: bool

    @property
    def is_unknown(self) -> bool:
        """Whether the account has no such application. Gateways and mocks send other 404s."""
        fields = json_object(self.reply.body) or {}
        kind = str(fields.get("type", "nexmo.com"))
        is_vonages = "title" in fields and re.search(r"(nexmo|vonage)\.com", kind)
        return self.reply.status == 404 and bool(is_vonages)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the public key, or an empty string."""
        return fingerprint(self.public_key) if self.public_key else ""


def look_up(
    account: Account, application_id: object, url: str, scope: Scope, timeout: float, is_ours: bool
) -> Record | None:
    """Look up an application at Vonage, or at the server of ``url`` if that is on loopback.

    Return None if ``application_id`` is not an id, or if the server may not receive the key and
    secret: it has to be configured, or Vonage's. Any program here can listen on loopback.
    """
    if not isinstance(application_id, str) or not re.fullmatch("[A-Za-z0-9_-]+", application_id):
        return None
    origin = origin_of(url)
    where = origin if origin and origin.is_loopback else Origin("https", API_HOST, 443)
    if not scope.lists(where):
        return None

    basic = HTTPBasicAuth(account.api_key.reveal(), account.api_secret.reveal())
    reply = ask(f"{where}/v2/applications/{application_id}", basic, timeout=timeout)
    fields = json_object(reply.body) or {}
    # The example answer of a mock has the id of another application.
    if reply.status != 200 or fields.get("id") != application_id:
        return Record(account, reply, None, None, is_ours)
    capabilities = fields.get("capabilities")
    known = tuple(capabilities) if isinstance(capabilities, dict) else None
    return Record(account, reply, _public_key(fields), known, is_ours)


def _public_key(fields: dict[str, Any]) -> RSAPublicKey | None:
    try:
        key = load_pem_public_key(fields["keys"]["public_key"].encode())
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None
