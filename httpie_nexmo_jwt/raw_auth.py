"""The value of HTTPie's ``-a``: ``APPLICATION_ID:KEY_PATH?ttl=60&sub=alice&acl=/*/calls/**``.

What stands before the ``?``, and it with what follows, may be left out.
"""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import parse_qsl

from requests_nexmo_jwt import (
    ClaimError,
    CredentialsError,
    NexmoJWT,
    NexmoJWTError,
    ScopeError,
)
from requests_nexmo_jwt.claims import MAX_TTL, MIN_TTL
from requests_nexmo_jwt.credentials import asking
from requests_nexmo_jwt.errors import KEY_ON_A_COMMAND_LINE, printable, shown
from requests_nexmo_jwt.keys import is_pem, resolve

__all__ = ["NexmoJWTError", "absolute", "sign_in", "told"]

_FORM = "-a APPLICATION_ID:KEY_PATH, or -a 'APPLICATION_ID:KEY_PATH?ttl=60&sub=alice'"

_REPEATABLE = {"acl": "acl", "host": "hosts"}

# A '?' that begins options; one in a folder's name does not.
_OPTIONS = re.compile(r"\?(?=[\w-]*(?:[=&]|$))")


def absolute(raw_auth: str | None) -> str | None:
    """Return ``raw_auth`` with its key path made absolute, to be read from any folder.

    None, and options alone, name no key. Raises ``CredentialsError`` where ``raw_auth`` is
    not of the form above, and what ``resolve`` raises.
    """
    if raw_auth is None:
        return None
    if is_pem(raw_auth):
        raise CredentialsError(KEY_ON_A_COMMAND_LINE)
    credentials, options = _split(raw_auth)
    if not credentials and raw_auth.startswith("?"):
        return raw_auth
    application_id, colon, key_path = credentials.partition(":")
    if not (application_id and key_path):
        missing = "':'" if not colon else "key path" if application_id else "application id"
        raise CredentialsError(f"There is no {missing} in it. Write {_FORM}.")
    path = resolve(key_path)
    if _OPTIONS.search(path):
        raise CredentialsError(
            f"The path {path!r} has a '?' that reads like options. Set VONAGE_APPLICATION_ID and "
            "VONAGE_PRIVATE_KEY instead, or move the key."
        )
    return f"{application_id}:{path}" + (f"?{options}" if options else "")


@functools.cache
def sign_in(raw_auth: str | None, *, may_ask: bool) -> NexmoJWT:
    """Return the auth object for an ``absolute`` value; credentials that it lacks are discovered.

    ``may_ask``: for a passphrase, on the terminal. HTTPie calls this twice where a session
    holds the value; the key is loaded, and the passphrase asked for, once.
    """
    credentials, options = _split(raw_auth or "")
    application_id, _, key_path = credentials.partition(":")
    arguments = _claims(options)
    if credentials:
        arguments.update(application_id=application_id, private_key=key_path)
    return asking(lambda passphrase: NexmoJWT(**arguments, passphrase=passphrase), may_ask=may_ask)


def told(error: NexmoJWTError, raw_auth: str | None, said_by: str) -> str:
    """Return the message of ``error``, with ``said_by`` before it where ``raw_auth`` is wrong."""
    if raw_auth is None or (
        raw_auth.startswith("?") and not isinstance(error, (ClaimError, ScopeError))
    ):
        return printable(str(error))
    return printable(f"{said_by}: {error}")


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
        raise ClaimError(
            f"?{shown(options)[1:-1]} is not of the form ?NAME=VALUE&NAME=VALUE. Write {_FORM}."
        )
    for name, value in pairs:
        if name in _REPEATABLE:
            claims.setdefault(_REPEATABLE[name], []).append(value)
        elif name not in ("ttl", "sub"):
            raise ClaimError(
                f"{shown(name)} is no option. There are ttl (seconds), sub, acl and host: {_FORM}.",
                claim=name,
            )
        elif name in claims:
            raise ClaimError(f"{name} is given twice. Give it once.", claim=name)
        else:
            claims[name] = value
    if "ttl" in claims:
        if not re.fullmatch(r"-?[0-9]{1,9}", claims["ttl"]):
            raise ClaimError(
                f"ttl is {shown(claims['ttl'])}. Give whole seconds, {MIN_TTL} to {MAX_TTL}.",
                claim="ttl",
            )
        claims["ttl"] = int(claims["ttl"])
    return claims
