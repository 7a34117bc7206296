"""Whether a request is none of ours under ``nexmo-jwt-auto``: decided by the scope alone.

It imports nothing that signs: most requests under a global default go elsewhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from requests_nexmo_jwt.errors import ScopeError
from requests_nexmo_jwt.scope import Scope

# What -a is meant for us: options alone, or the id of an application.
_OURS = re.compile(r"\?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:", re.IGNORECASE)


def is_elsewhere(url: str, typed: str | None) -> bool:
    """Tell whether HTTPie has to treat a request for ``url`` as without us.

    ``typed`` is the value of ``-a``. Credentials of another kind, typed there or in
    the URL, take precedence. A URL that is refused is not elsewhere: the refusal is reported.
    """
    if typed is not None and not _OURS.match(typed):
        return True
    try:
        if urlsplit(url).username is not None:
            return True
        return Scope(elsewhere="unsigned").origin_for(url) is None
    except (ScopeError, ValueError):
        return False
