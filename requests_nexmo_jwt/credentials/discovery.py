"""The credentials that arguments give, or that are found where Vonage users keep them.

The places are checked in a fixed order, and the first that names an application wins. Id and key
always come from the same place.
"""

from __future__ import annotations

from typing import Any

from ..errors import CredentialsError
from ..redaction import Hidden
from ..vonage.identifiers import shown_id
from . import given
from .key import KeyPath
from .places import Arguments, Credentials, Place, places

NOTHING_FOUND = "nothing-found"


def find(application_id: Hidden[Any], private_key: Hidden[Any]) -> Credentials:
    """Return the credentials that the arguments give, or ``discover`` them if both are None.

    Raises ``CredentialsError`` if one is missing, if a place is broken, or if none names an
    application, and ``PrivateKeyError`` if ``private_key`` cannot be one.
    """
    has_id, has_key = application_id.reveal() is not None, private_key.reveal() is not None
    if not has_id and not has_key:
        return discover()
    if not (has_id and has_key):
        if has_id:
            given.checked_id(application_id, "application_id")  # the class, not an object, say
        raise CredentialsError(
            "private_key" if has_id else "application_id",
            "is missing; the id and the key must come from the same place",
            'Pass both, as in NexmoJWT("aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "private.key"), or '
            "neither.",
        )
    checked, key = given.pair(application_id, private_key)
    if isinstance(key, KeyPath):
        return Arguments(checked, key).read()
    return Credentials(checked, key, f"arguments: {key.form}", None)


def find_again(place: Place, source: str, application_id: str) -> Credentials:
    """Return what ``place`` says in this process, to which it was sent from another one.

    ``source`` and ``application_id`` are what it said there. Raises ``CredentialsError`` if it
    says nothing here, or something else.
    """
    found = place.read()
    if isinstance(found, Credentials):
        if found.application_id == application_id:
            return found
        found = f"{found.source} is for {shown_id(found.application_id)}"
    there = f"{source} was for {shown_id(application_id)}"
    problem = f"came from another process, where {there}. Here: {found}"
    remedy = "Let both processes have the same credentials."
    raise CredentialsError("This auth object", problem, remedy)


def discover() -> Credentials:
    """Return the credentials of the first place that names an application.

    Raises ``CredentialsError`` if a place is broken, or if none does: then with all ``places``.
    """
    checked: list[str] = []
    for place in places():
        found = place.read()
        if isinstance(found, Credentials):
            return found._replace(also_checked=tuple(checked))
        checked.append(found)
    from . import account  # only if nothing was found

    found_account, problem = account.find(None), "were found"
    if found_account:
        problem += (
            f" that can sign a token. The API key and secret ({found_account.source}) cannot: "
            "create an application and its key in the Vonage dashboard, under Applications"
        )
    raise CredentialsError(
        "No credentials",
        problem,
        "Set VONAGE_APPLICATION_ID to the application's id and VONAGE_PRIVATE_KEY to the path of "
        "its private key, or pass both: NexmoJWT(ID, PATH).",
        NOTHING_FOUND,
        places=tuple(checked),
    )
