"""``NexmoJWT`` as an ``Auth`` of httpx, for its ``Client`` and its ``AsyncClient``."""

import httpx

from ._httpx import AuthFlow


class NexmoJWT(AuthFlow, httpx.Auth):
    """Signs each request of an httpx client; see ``requests_nexmo_jwt.NexmoJWT``."""

    _replayable = httpx.ByteStream
