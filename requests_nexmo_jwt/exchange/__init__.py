"""A signed request and its answers: the retry, the server's clock, and what is logged of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Answer(NamedTuple):
    """A server's answer to a request for ``url``, which came after ``seconds``."""

    status: int
    headers: Mapping[str, str]
    url: str
    method: str
    seconds: float
