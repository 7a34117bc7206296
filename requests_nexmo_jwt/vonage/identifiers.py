"""What Vonage's ids, keys and secrets look like; ``docs/vonage.md`` has the sources."""

from __future__ import annotations

import re

from ..redaction import quoted

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# These are compiled when something is wrong, and not at each import.
_API_KEY = r"[0-9a-zA-Z]{8}"
# People choose API secrets; OpenTok's have 40 hex digits.
_API_SECRET = r"[0-9a-zA-Z]{8,25}"  # noqa: S105 - a pattern
_SECRET = r"[0-9a-zA-Z]{12,}|(?=.*[0-9!#$%&*^])(?=.*[a-zA-Z])[^\s/\\]{8,}"  # noqa: S105
# A UUID, perhaps with a character lost or added. It is searched for in what may be long.
_ALMOST_UUID = r"[0-9a-fA-F]{3,13}(-[0-9a-fA-F]{3,13}){4}"
_KEY_FILE = r"(?i).*\.(pem|key|txt|json|p8|p12|pfx|der|cer|crt|env)"


def is_application_id(text: object) -> bool:
    """Return whether ``text`` has the form of an application's id: a UUID."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def holds_application_id(text: str) -> bool:
    """Return whether the form of an application's id is somewhere in ``text``."""
    return _UUID.search(text) is not None


def may_be_api_key(text: str) -> bool:
    """Return whether ``text`` has the form of an account's API key."""
    return re.fullmatch(_API_KEY, text) is not None


def may_be_api_secret(text: str) -> bool:
    """Return whether ``text`` has the form of an API secret, as words have too."""
    return re.fullmatch(_API_SECRET, text) is not None


def may_be_secret(text: str) -> bool:
    """Return whether ``text`` may be an API, signature or OpenTok secret rather than a file name.

    A file name has a folder or the extension of a key, or is a short word without digits.
    """
    return re.fullmatch(_SECRET, text) is not None and not re.fullmatch(_KEY_FILE, text)


def shown_id(application_id: object) -> str:
    """Return an application's id for a message, redacted if it may be a secret instead."""
    if not isinstance(application_id, str) or re.search(_ALMOST_UUID, application_id):
        return quoted(application_id)
    is_long = len(application_id) > 8  # an API key has 8 characters, and is no secret
    return "(redacted)" if is_long and may_be_secret(application_id) else quoted(application_id)
