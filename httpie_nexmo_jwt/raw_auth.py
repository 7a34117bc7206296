"""The value of HTTPie's ``-a``: ``APPLICATION_ID:KEY_PATH[?ttl=60&sub=alice&acl=/*/calls/**]``."""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from requests_nexmo_jwt import ClaimError, CredentialsError, NexmoJWT, NexmoJWTError
from requests_nexmo_jwt.keys import is_pem, resolve

__all__ = ["NexmoJWTError", "absolute", "sign_in"]

_FORM = "-a APPLICATION_ID:KEY_PATH, or -a 'APPLICATION_ID:KEY_PATH?ttl=60&sub=alice'"

# A '?' that begins options; one in a folder's name does not.
_OPTIONS = re.compile(r"\?(?=[\w-]*(?:[=&]|$))")


def absolute(raw_auth: str | None) -> str:
    """Return ``raw_auth`` with its key path made absolute, to be read from any folder.

    Raises ``CredentialsError`` where it is not of the form above, and what
    ``resolve`` raises.
    """
    if raw_auth is None:
        raise CredentialsError(f"Who signs? Give {_FORM}.")
    if is_pem(raw_auth):
        raise CredentialsError(
            "There is a private key in it, and every process on this machine can read a command "
            f"line. Save the key to a file and give its path: {_FORM}."
        )
    credentials, options = _split(raw_auth)
    application_id, colon, key_path = credentials.partition(":")
    if not (application_id and key_path):
        missing = "':'" if not colon else "key path" if application_id else "application id"
        raise CredentialsError(f"There is no {missing} in it. Write {_FORM}.")
    return f"{application_id}:{resolve(key_path)}" + (f"?{options}" if options else "")


@functools.cache
def sign_in(raw_auth: str) -> NexmoJWT:
    """Return the auth object that an ``absolute`` value stands for.

    HTTPie asks twice where a session holds it; the key is loaded once.
    """
    credentials, options = _split(raw_auth)
    application_id, _, key_path = credentials.partition(":")
    return NexmoJWT(application_id, key_path, **_claims(options))


def _split(raw_auth: str) -> tuple[str, str]:
    credentials, *options = _OPTIONS.split(raw_auth, maxsplit=1)
    return credentials, options[0] if options else ""


def _claims(options: str) -> dict[str, Any]:
    """Return the keyword arguments for ``options``, percent-decoded; ``+`` is a plus sign."""
    claims: dict[str, Any] = {}
    if not options:
        return claims
    try:
        pairs = parse_qsl(
            options.replace("+", "%2B"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
        )
    except ValueError:
        pairs = []
    if not pairs:
        raise ClaimError(f"?{options} is not of the form ?NAME=VALUE&NAME=VALUE. Write {_FORM}.")
    for name, value in pairs:
        if name == "acl":
            claims.setdefault("acl", []).append(value)
        elif name not in ("ttl", "sub"):
            raise ClaimError(
                f"{name!r} is no option. There are ttl (seconds), sub and acl: {_FORM}.", claim=name
            )
        elif name in claims:
            raise ClaimError(f"{name} is given twice. Give it once.", claim=name)
        else:
            claims[name] = value
    with suppress(KeyError, ValueError):
        claims["ttl"] = int(claims["ttl"])
    return claims
