"""Check the credentials of a request to the sandbox."""

from __future__ import annotations

import base64
import hmac
from email.message import Message
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..errors import TokenError
from ..redaction import unquoted
from ..token.inspection import Inspection, inspect
from ..vonage import dialects
from ..vonage.identifiers import shown_id
from ..vonage.products import Product, product_at


class Refusal(Exception):  # noqa: N818 - a verdict, not an error of the program
    """Why a request is refused, as text and as a ``code`` of ``dialects``."""

    def __init__(self, detail: str, code: str = dialects.INVALID) -> None:
        super().__init__(detail)
        self.code = code


class Call(NamedTuple):
    """A request. ``path`` includes the query; ``body`` is None if it was too large to keep."""

    method: str
    path: str
    headers: Message
    body: bytes | None

    @property
    def authorization(self) -> list[str]:
        """Its ``Authorization`` headers."""
        return self.headers.get_all("Authorization") or []

    @property
    def scheme(self) -> str:
        """The scheme of its ``Authorization`` header; an empty string if there is not just one."""
        headers = self.authorization
        return headers[0].partition(" ")[0].lower() if len(headers) == 1 else ""

    @property
    def product(self) -> Product | None:
        """The product that its path belongs to."""
        return product_at(self.path)


class Judge:
    """Checks the tokens of one application, and the API key and secret of its account.

    It refuses an ``iat`` in the future without leeway, and checks the ``acl`` for every product.
    These are the sandbox's own choices, but for products that are known to check the ``acl``.
    """

    def __init__(
        self, application_id: str, public_key: RSAPublicKey, key_and_secret: str, single_use: bool
    ) -> None:
        self._application_id = application_id
        #: The keys whose signatures are accepted, the current key last.
        self.public_keys: list[RSAPublicKey] = [public_key]
        self._basic = base64.b64encode(key_and_secret.encode()).decode()
        self._single_use = single_use
        self._used: dict[str, Call] = {}

    def claims_in(self, call: Call) -> dict[str, Any] | None:
        """Return the claims of the token, verified or not, or None if there is none to read."""
        try:
            return _token(call).claims
        except Refusal:
            return None

    def judge(self, call: Call, *, now: float) -> None:
        """Raise ``Refusal`` for the first problem with the credentials at ``now``."""
        product = call.product
        if product and product.takes_key_and_secret and call.scheme == "basic":
            given = call.authorization[0].partition(" ")[2].strip()
            if hmac.compare_digest(given.encode(), self._basic.encode()):
                return
            raise Refusal("the API key and secret are not the account's")
        token = _token(call)
        if product and not product.takes_jwt:
            raise Refusal(product.instead, dialects.WRONG_AUTHENTICATION)
        self._check_signer(token)
        self._check_claims(token, call, now)
        # Of two threads with one jti, setdefault gives both the call of the first.
        if self._single_use and self._used.setdefault(token.claims["jti"], call) is not call:
            raise Refusal("jti was used before, and this sandbox is single_use")

    def _check_signer(self, token: Inspection) -> None:
        algorithm, application_id = token.header.get("alg"), token.claims.get("application_id")
        if algorithm != "RS256":
            raise Refusal(f"alg is {algorithm!r:.40}, not 'RS256'")
        if application_id is not None and application_id != self._application_id:
            raise Refusal(
                f"application_id {shown_id(application_id)} is not the sandbox's: was this auth "
                "object made before the fixture, or with credentials other than the sandbox's?"
            )
        if not any(token.is_signed_by(public_key) for public_key in self.public_keys):
            raise Refusal("the signature does not match the application's public key")

    def _check_claims(self, token: Inspection, call: Call, now: float) -> None:
        for rule in token.broken(now=now):
            is_expired = (rule.name, rule.code) == ("exp", "expired")
            raise Refusal(rule.reason, dialects.EXPIRED if is_expired else dialects.INVALID)
        objection = call.product.objection(token.claims) if call.product else None
        if objection:
            is_sub = objection[0] == "sub"
            raise Refusal(objection[1], dialects.SUB if is_sub else dialects.INVALID)
        if token.opens(call.method, call.path) is False:
            path = unquoted(call.path.partition("?")[0])
            raise Refusal(f"acl does not permit {call.method} {path}", dialects.ACL)


def _token(call: Call) -> Inspection:
    """Return the token of a request; raise ``Refusal`` if there is not exactly one."""
    authorization = call.authorization
    if not authorization:
        raise Refusal("there is no Authorization header", dialects.MISSING)
    if len(authorization) > 1:
        raise Refusal(f"there are {len(authorization)} Authorization headers")
    if call.scheme != "bearer":
        raise Refusal("the scheme of the Authorization header is not Bearer")
    try:
        return inspect(authorization[0].partition(" ")[2].strip())
    except TokenError as error:
        raise Refusal(f"the token is malformed: {error}") from None
