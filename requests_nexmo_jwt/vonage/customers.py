"""Where customers' own code answers on hosts of Vonage's APIs; ``docs/vonage.md`` has the sources.

It is imported only for a URL at ``vonage.com``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit


def is_customers(url: str) -> bool:
    """Return whether ``url`` is below ``/v1/neru``: an instance of Vonage Cloud Runtime.

    However it is written: a server may decode it, or drop what stands for nothing. ``/v1/neru/../``
    counts too, since a gateway may choose before it resolves that.
    """
    path = urlsplit(url).path
    for _ in range(5):  # more than any server decodes
        path = unquote(path)
    segments: list[str] = []
    for segment in re.split(r"[/\\]", path):
        name = re.sub(r"[\0-\x20]", "", segment.partition(";")[0]).casefold()
        if name == "..":
            del segments[-1:]
        elif name not in ("", "."):
            segments.append(name)
        if segments == ["v1", "neru"]:
            return True
    return False
