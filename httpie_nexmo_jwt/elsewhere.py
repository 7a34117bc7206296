"""Whether a request goes elsewhere under ``nexmo-jwt-auto``, so that HTTPie sends it as without it.

It imports nothing that signs: most requests under a global default go elsewhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from requests_nexmo_jwt.errors import ScopeError
from requests_nexmo_jwt.redaction import holds_key
from requests_nexmo_jwt.scope import Scope
from requests_nexmo_jwt.url import host_part, origin_of
from requests_nexmo_jwt.vonage.identifiers import holds_application_id
from requests_nexmo_jwt.vonage.products import product_of


def is_elsewhere(url: str, typed: str | None) -> bool:
    """Return whether HTTPie has to treat a request for ``url`` as without this plugin.

    ``typed`` is the value of ``-a``. Credentials of another kind, typed there or in
    the URL, take precedence; those of this package are never left to HTTPie, which would send them
    as Basic. A URL that is refused is not elsewhere: the refusal is reported.
    """
    if typed is not None:
        return not _is_ours(typed)
    looks_like_vonages = re.search("nexmo|vonage", host_part(url).lower()) is not None
    try:
        if urlsplit(url).username is not None:
            return True
        scope = Scope(elsewhere="unsigned")
    except (ScopeError, ValueError):  # a broken NEXMO_JWT_HOSTS does not concern other hosts
        return not looks_like_vonages
    try:
        is_out_of_scope = scope.destination(url) is None
    except ScopeError:  # clear text to a host in scope, or an ambiguous host
        return origin_of(url) is None and not looks_like_vonages
    product = product_of(url)
    return is_out_of_scope or (product is not None and not product.takes_jwt)


def _is_ours(typed: str) -> bool:
    application_id, colon, _ = typed.partition(":")
    is_pair = colon == ":" and holds_application_id(application_id)
    return typed.startswith("?") or holds_key(typed) or is_pair
