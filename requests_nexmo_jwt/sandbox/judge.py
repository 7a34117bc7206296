"""The verdict on a token, by the rules of ``claims``; tokens are read by ``inspection``."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from ..claims import acl_opens, violations
from ..errors import TokenError
from ..inspection import Inspection, inspect


class Refusal(Exception):  # noqa: N818 - a verdict, not an error of the program
    """The token is refused; the text says why, ``code`` is that of the broken rule, if any."""

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.code = code


class Judge:
    """Judges the tokens of one application, whose key may rotate."""

    def __init__(self, application_id: str, public_key: rsa.RSAPublicKey) -> None:
        self._application_id = application_id
        self.public_keys: list[rsa.RSAPublicKey] = [public_key]
        self._used: set[str] = set()  # every jti that was accepted
        self._lock = threading.Lock()

    def judge(self, token: Inspection, method: str, path: str, *, now: float) -> None:
        """Raise ``Refusal`` for the first rule that the token breaks at ``now``."""
        algorithm, claims = token.header.get("alg"), token.claims
        if algorithm != "RS256":
            raise Refusal(f"alg is {algorithm!r}; it must be RS256")
        application_id = claims.get("application_id")
        if application_id is not None and application_id != self._application_id:
            raise Refusal(f"application_id {application_id!r} is not known here")
        if not any(token.is_signed_by(public_key) for public_key in self.public_keys):
            raise Refusal("the signature does not match the application's public key")
        for violation in violations(claims, now=now):
            raise Refusal(violation.reason, violation.code)
        self._check_acl(claims, method, path.partition("?")[0])
        self._use(claims["jti"])

    def _check_acl(self, claims: Mapping[str, Any], method: str, path: str) -> None:
        if "acl" in claims and not acl_opens(claims["acl"], method, path):
            raise Refusal(f"acl does not allow {method} {path}")

    def _use(self, jti: str) -> None:
        with self._lock:
            if jti in self._used:
                raise Refusal("jti was used before: each request needs a token of its own")
            self._used.add(jti)


def read(authorization: list[str]) -> Inspection:
    """Take apart the token in the ``Authorization`` headers of a request.

    Raises ``Refusal`` where there is none, or more than one.
    """
    if not authorization:
        raise Refusal("there is no Authorization header")
    if len(authorization) > 1:
        raise Refusal(f"there are {len(authorization)} Authorization headers")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal(f"the Authorization scheme is {scheme!r}; it must be Bearer")
    try:
        return inspect(token.strip())
    except TokenError as error:
        raise Refusal(f"the token is malformed: {error}") from None
