"""The credentials that arguments give, or that are found where Vonage users keep them.

The places are checked in a fixed order, and the first that names an application wins. Id and key
always come from the same place.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..errors import CredentialsError
from ..redaction import Secret, quoted
from . import key as keys
from . import pem
from .places import (
    PREFIXES,
    Account,
    Arguments,
    CLIConfig,
    Credentials,
    Environment,
    Place,
    check_mistaken,
)


class NothingFoundError(CredentialsError):
    """No place names an application."""


def find(application_id: Any, private_key: RSAPrivateKey | Secret | None) -> Credentials:
    """Return the credentials that the arguments give, or without any, discover them.

    ``private_key`` is as ``keys.concealed`` returns it. Raises ``CredentialsError`` where one is
    missing, where a place is broken, or where none names an application: then it lists all that
    were checked.
    """
    if application_id is None and private_key is None:
        return _discover()
    if hasattr(application_id, "headers"):
        raise CredentialsError(
            "application_id is a request: the class was given where an object is needed. Write "
            "auth=NexmoJWT() instead of auth=NexmoJWT."
        )
    if application_id is None or private_key is None:
        missing = "application_id" if application_id is None else "private_key"
        raise CredentialsError(
            f"{missing} is missing; the id and the key must come from the same place. Give both, "
            'as in NexmoJWT("aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "private.key"), or neither.'
        )
    if not isinstance(private_key, Secret):
        source = f"arguments: an object of type {type(private_key).__name__}"
        return Credentials(application_id, private_key, "private_key", source, None)
    check_mistaken(application_id, private_key, "application_id", "private_key")
    if private_key.kind in ("str", "a path") and not (
        private_key.kind == "str" and pem.is_pem(private_key.reveal())
    ):
        return Arguments(application_id, keys.resolve(private_key)).read()
    source = "arguments: PEM text"
    return Credentials(application_id, private_key, "private_key", source, None)


def find_again(place: Place, source: str, application_id: str) -> Credentials:
    """Return what ``place`` says in this process, to which it was sent from another one.

    ``source`` and ``application_id`` are what it said there. Raises ``CredentialsError``
    where it says nothing here, or something else.
    """
    found = place.read()
    if isinstance(found, str):
        raise CredentialsError(
            f"This auth object came from another process, where its credentials came from "
            f"{source}. Here: {found}. Let this process have them too."
        )
    if found.application_id != application_id:
        raise CredentialsError(
            f"This auth object came from another process, for the application {application_id}; "
            f"here {found.source} is for {quoted(found.application_id)}. Let both have the same."
        )
    return found


def _discover() -> Credentials:
    also_checked: list[str] = []
    for place in _places():
        found = place.read()
        if isinstance(found, Credentials):
            return found._replace(also_checked=tuple(also_checked))
        also_checked.append(found)
    raise NothingFoundError(
        f"No credentials were found. Checked: {', '.join(also_checked)}. Quickest fix: set "
        "VONAGE_APPLICATION_ID to the application's id and VONAGE_PRIVATE_KEY to the path of its "
        "private key; or give both: NexmoJWT(ID, PATH) in Python, -a ID:PATH with http, --app-id "
        "and --private-key with nexmo-jwt."
    )


def _places() -> tuple[Environment | CLIConfig, ...]:
    return (
        *map(Environment, PREFIXES),
        CLIConfig(keys.absolute_path(".vonagerc")),
        CLIConfig(keys.absolute_path("~/.vonage/config.json")),
    )


def find_account(place: Place | None) -> Account | None:
    """Return the account at the ``place`` that names the application.

    An application that was given as an argument has no such place: then it is the first account
    that is found. Raises ``CredentialsError`` where a place is broken.
    """
    if isinstance(place, (Environment, CLIConfig)):
        return place.account()
    return next(filter(None, (found.account() for found in _places())), None)
