"""``NexmoJWT`` as an ``Auth`` of httpx2, for its ``Client`` and its ``AsyncClient``."""

import httpx2

from ._httpx import AuthFlow


class NexmoJWT(AuthFlow, httpx2.Auth):
    """Signs each request of an httpx2 client; see ``requests_nexmo_jwt.NexmoJWT``."""

    _replayable = httpx2.ByteStream
