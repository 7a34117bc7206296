"""The value of HTTPie's ``-a``: ``APPLICATION_ID:KEY_PATH?ttl=60&sub=alice&acl=/*/calls/**``.

The credentials, or everything, can be omitted.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

from requests_nexmo_jwt import CredentialsError, NexmoJWT, NexmoJWTError, PrivateKeyError
from requests_nexmo_jwt.credentials.key import absolute_path
from requests_nexmo_jwt.credentials.passphrase import ask_if_missing
from requests_nexmo_jwt.credentials.pem import PASSPHRASE_VARIABLE, key_on_a_command_line
from requests_nexmo_jwt.errors import ClaimError, ScopeError, Wording
from requests_nexmo_jwt.redaction import holds_key, quoted
from requests_nexmo_jwt.scope import HOSTS_VARIABLE
from requests_nexmo_jwt.token.acl import merged, read_acl
from requests_nexmo_jwt.token.claims import MAX_TTL, MIN_TTL

_FORM = "-a APPLICATION_ID:KEY_PATH, or -a 'APPLICATION_ID:KEY_PATH?ttl=60&sub=alice'"

_ALLOW = "add ?host={allowed} at the end of -a, or give -a '?host={allowed}'"

#: How errors read in the words of ``-a``.
DASH_A = Wording(
    names={"application_id": "APPLICATION_ID", "private_key": "KEY_PATH", "hosts": "host"},
    remedies={
        "nothing-found": "Set VONAGE_APPLICATION_ID to the application's id and VONAGE_PRIVATE_KEY "
        "to the path of its private key, or give -a APPLICATION_ID:KEY_PATH.",
        "swapped": "Exchange the two, as in -a APPLICATION_ID:KEY_PATH.",
        "api-key": "A token is signed with the id of an application, a UUID, and its private key. "
        "For a product that takes key and secret, use -A basic -a KEY:SECRET.",
        "passphrase-missing": f"Set {PASSPHRASE_VARIABLE}, or run http in a terminal without "
        "--ignore-stdin, which asks for it.",
        "not-in-scope": f"To allow it, {_ALLOW}. To send the request without a token, leave out -A "
        "and -a.",
        "hosts-variable": f"Unset {HOSTS_VARIABLE}, or {_ALLOW}.",
        "clear-text": "Write https:// instead of http://, or use the command 'https' instead of "
        "'http'.",
        "takes-basic": "Use -A basic -a KEY:SECRET.",
    },
)

_IN_A_SESSION = {
    "not-in-scope": "To allow it, type -a again, with ?host={allowed} at its end. To send the "
    "request without a token, leave out --session, or use another session.",
    "hosts-variable": f"Unset {HOSTS_VARIABLE}, or type -a again, with ?host={{allowed}} at its "
    "end.",
}
_BY_DEFAULT = {
    "nothing-found": f"{DASH_A.remedies['nothing-found']} This is nexmo-jwt-auto, probably from "
    "default_options in HTTPie's config.json: --no-auth-type sends the request without it.",
    "not-in-scope": f"To allow it, {_ALLOW}. To send the request without a token, leave out -a.",
}


def wording(auth_type: str, is_in_a_session: bool) -> Wording:
    """Return how errors read under ``auth_type``, and if a session holds the value."""
    more = _BY_DEFAULT if auth_type == "nexmo-jwt-auto" else {}
    if is_in_a_session:
        more = {**more, **_IN_A_SESSION}
    return DASH_A._replace(remedies={**DASH_A.remedies, **more})


@dataclass(frozen=True)
class RawAuth:
    """The value of ``-a``, read; ``str()`` of it can be read again, in any folder.

    ``application_id`` and ``key_path`` are as typed, both empty if the credentials are to be
    discovered; ``absolute_path`` is that of the key. ``arguments`` are the keyword arguments for
    the ``options`` after the ``?``.
    """

    application_id: str
    key_path: str
    absolute_path: str
    options: str
    arguments: dict[str, Any] = field(compare=False)

    def __str__(self) -> str:
        if not self.application_id:
            return f"?{self.options}"
        options = f"?{self.options}" if self.options else ""
        return f"{self.application_id}:{self.absolute_path}{options}"

    def is_wrong(self, error: NexmoJWTError) -> bool:
        """Return whether ``error`` is about the value, rather than about credentials found."""
        if isinstance(error, ScopeError):
            return "hosts" in self.arguments and error.code != "endpoint"
        if isinstance(error, (CredentialsError, PrivateKeyError)):
            return bool(self.application_id)
        return True


def read(text: str | None) -> RawAuth:
    """Return the value of ``-a``, read; ``text`` is None if it was not typed.

    Raises ``CredentialsError`` or ``ClaimError`` if it does not have the form above.
    """
    if text is None:
        return RawAuth("", "", "", "", {})
    if holds_key(text):
        raise key_on_a_command_line("the value")
    credentials, question_mark, options = text.partition("?")
    application_id, colon, key_path = credentials.partition(":")
    if not (application_id and key_path) and (credentials or not question_mark):
        missing = "':'" if not colon else "key path" if application_id else "application id"
        raise CredentialsError("the value", f"has no {missing}", f"Write {_FORM}.")
    absolute = absolute_path(key_path) if key_path else ""
    if "?" in absolute:
        problem = "is in a folder with a '?' in its name, and in -a options begin there"
        remedy = "Set VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY instead, or move the key."
        raise CredentialsError("the key", problem, remedy)
    return RawAuth(application_id, key_path, absolute, _in_any_folder(options), _arguments(options))


@functools.cache
def auth_for(value: RawAuth, *, may_ask: bool) -> NexmoJWT:
    """Return the auth object for ``value``; credentials that it lacks are discovered.

    ``may_ask``: for a passphrase, on the terminal. HTTPie asks twice if a session holds the value;
    the key is loaded, and the passphrase asked for, once.
    """
    arguments = dict(value.arguments)
    if value.application_id:
        arguments.update(application_id=value.application_id, private_key=value.key_path)
    return ask_if_missing(
        lambda passphrase: NexmoJWT(**arguments, passphrase=passphrase), may_ask=may_ask
    )


def _arguments(options: str) -> dict[str, Any]:
    """Return the keyword arguments for ``options``, percent-decoded; ``+`` is a plus sign."""
    arguments: dict[str, Any] = {}
    repeated: dict[str, list[str]] = {"acl": [], "host": []}
    for name, value in _pairs(options):
        if name in repeated:
            repeated[name].append(value)
        elif name not in ("ttl", "sub"):
            remedy = f"The options are ttl (seconds), sub, acl and host: {_FORM}."
            shown = quoted(name) if name.isalpha() else "what follows the '?'"  # of a secret, say
            raise ClaimError(shown, "is not an option", remedy, claim=name)
        elif name in arguments:
            raise ClaimError(name, "is given twice", "Give it once.", claim=name)
        else:
            arguments[name] = _seconds(value) if name == "ttl" else value
    if repeated["acl"]:
        arguments["acl"] = merged(map(read_acl, repeated["acl"]), "acl=")
    if repeated["host"]:
        arguments["hosts"] = repeated["host"]
    return arguments


def _in_any_folder(options: str) -> str:
    """Return ``options`` with the files that they name as absolute paths."""
    if "=@" not in options and "=%40" not in options:
        return options
    pairs = [
        (name, f"@{absolute_path(value[1:])}" if name == "acl" and value[:1] == "@" else value)
        for name, value in _pairs(options)
    ]
    return "&".join(f"{name}={quote(value, safe='/:,*@')}" for name, value in pairs)


def _pairs(options: str) -> list[tuple[str, str]]:
    if not options:
        return []
    query = options.replace("+", "%2B")
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        problem = "is not of the form ?NAME=VALUE&NAME=VALUE"
    # It may be the rest of a secret with a question mark.
    raise ClaimError("what follows the '?'", problem, f"Write {_FORM}.")


def _seconds(text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,9}", text):
        return int(text)
    remedy = f"Give whole seconds, {MIN_TTL} to {MAX_TTL}."
    raise ClaimError("ttl", f"is {quoted(text)}", remedy, claim="ttl")
