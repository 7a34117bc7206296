"""Where customers' own code answers on hosts of Vonage's APIs; ``docs/vonage.md`` has the sources.

It is imported only for a URL at ``vonage.com``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit


def is_customers(url: str) -> bool:
    """Return whether ``url`` may be below ``/v1/neru``: an instance of Vonage Cloud Runtime.

    Clients, gateways and servers decode a path and resolve its ``..`` in different orders, so each
    path that has this name as a segment counts, in any encoding, and one that is not UTF-8. No path
    of a product on these hosts has either.
    """
    path = urlsplit(url).path
    for _ in range(5):  # more than any server decodes; %u00 is the form of old ones
        path = unquote(path.replace("%u00", "%"))
    return "neru" in re.split(r"[^0-9a-z_.-]+", path.casefold()) or "\ufffd" in path
