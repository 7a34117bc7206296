"""Whether a request goes elsewhere under ``nexmo-jwt-auto``, so that HTTPie sends it as without it.

It imports nothing that signs: most requests under a global default go elsewhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from requests_nexmo_jwt.errors import ScopeError
from requests_nexmo_jwt.scope import Scope
from requests_nexmo_jwt.url import host_part, origin_of
from requests_nexmo_jwt.vonage.identifiers import is_application_id

_NAMES_A_HOST = re.compile(r"[?&]host=")


def is_elsewhere(url: str, typed: str | None) -> bool:
    """Return whether HTTPie has to treat a request for ``url`` as without this plugin.

    ``typed`` is the value of ``-a``. Credentials of another kind, typed there or in
    the URL, take precedence. A URL that is refused is not elsewhere: the refusal is reported.
    """
    if typed is not None and not typed.startswith("?"):
        application_id, colon, _ = typed.partition(":")
        if not (colon and is_application_id(application_id)):
            return True
    if typed is not None and _NAMES_A_HOST.search(typed):
        return False
    looks_like_vonages = re.search("nexmo|vonage", host_part(url).lower()) is not None
    try:
        if urlsplit(url).username is not None:
            return True
        scope = Scope(elsewhere="unsigned")
    except (ScopeError, ValueError):  # a broken NEXMO_JWT_HOSTS does not concern other hosts
        return not looks_like_vonages
    try:
        return scope.origin_for(url) is None
    except ScopeError:  # clear text to a host in scope, or an ambiguous host
        return origin_of(url) is None and not looks_like_vonages
