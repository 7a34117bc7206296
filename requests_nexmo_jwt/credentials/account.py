"""The API key and secret of an account, beside an application's id and key or elsewhere."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..redaction import Secret
from ..vonage import identifiers
from .places import CLIConfig, Environment, Place, places


class Account(NamedTuple):
    """The API key and secret of an account, and where they came from, as a line for people."""

    api_key: Secret
    api_secret: Secret
    source: str

    @property
    def name(self) -> str:
        """The API key as a message may show it: redacted if it may be the secret."""
        is_shorter = len(self.api_key.reveal()) < len(self.api_secret.reveal())
        is_key = is_shorter and identifiers.may_be_api_key(self.api_key.text())
        return self.api_key.text() if is_key else "(API key redacted)"


def find(place: Place | None) -> Account | None:
    """Return the account at the ``place`` that names the application, or None.

    An application that was passed as an argument has no such place: then it is the first account
    that is found. Raises ``CredentialsError`` if a place is broken.
    """
    if isinstance(place, (Environment, CLIConfig)):
        return _account_at(place)
    return next(filter(None, map(_account_at, places())), None)


def _account_at(place: Environment | CLIConfig) -> Account | None:
    if isinstance(place, CLIConfig):
        fields = place.fields("apiKey", "api-key", "apiSecret", "api-secret") or {}
        # In the order in which the Vonage CLI reads them.
        api_key = fields.get("apiKey") or fields.get("api-key")
        api_secret = fields.get("apiSecret") or fields.get("api-secret")
        source = place.path
    else:
        values = (os.environ.get(name, "").strip() for name in place.account_variables)
        api_key, api_secret = map(Secret, values)
        source = " and ".join(place.account_variables)
    return Account(api_key, api_secret, source) if api_key and api_secret else None
