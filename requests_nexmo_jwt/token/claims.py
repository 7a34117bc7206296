"""The claims of the tokens that are signed here, within what Vonage documents.

The rules come from the article "Understanding JWTs" (2018) and from Vonage's page
"Authentication / JSON Web Tokens"; the names of claims are RFC 7519's. ``docs/vonage.md`` has what
is known of the service beside them.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeGuard, cast

from ..errors import ClaimError
from ..redaction import holds_key, quoted

#: Seconds from ``iat`` to ``exp``: "A minimum value of 30 seconds ... A maximum value of 24 hours
#: ... A default value of 15 minutes from the time the JWT is generated."
MIN_TTL = 30
MAX_TTL = 24 * 60 * 60
DEFAULT_TTL = 15 * 60

#: The claims that are set for each token, or belong to the application.
OURS = ("application_id", "iat", "jti", "exp")

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")

# The name of a claim that would hold a secret; the paths of an acl are names in JSON too.
SECRET_NAME = r'(?i:(?!/)[^"]*(?:secret|private[ _-]?key|passphrase|passwd|password)[^"]*|pwd)'  # noqa: S105 - a pattern
_SECRET = re.compile(f'"({SECRET_NAME})":')
_ACL_FORM = 'The form is {"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {}}}}.'


class ClaimsSet:
    """The claims of each token of one auth object, except for the times and the ``jti``.

    The arguments are those of ``NexmoJWT``. They are copied, so that what the caller changes
    afterwards changes no token. Raises ``ClaimError``.
    """

    def __init__(
        self,
        application_id: str,
        ttl: object = DEFAULT_TTL,
        sub: object = None,
        acl: object = None,
        claims: object = None,
    ) -> None:
        self.ttl: int = _seconds(ttl)
        fixed: dict[str, Any] = {"application_id": application_id, **_further(claims)}
        for name, value in (("sub", sub), ("acl", acl)):
            if value is not None:
                if name in fixed:
                    problem = "is given twice: by itself and as a further claim"
                    raise ClaimError(name, problem, "Give it once.", claim=name)
                fixed[name] = value
        if "acl" in fixed:
            fixed["acl"] = _with_paths(fixed["acl"])
        for wrong in form_problems(fixed):
            raise ClaimError(*wrong, claim=wrong[0])
        if fixed.get("nbf", 0) >= time.time() + self.ttl:
            problem = f"is {fixed['nbf']}, after the token's end: it would never be valid"
            raise ClaimError("nbf", problem, "Give an earlier nbf, or a larger ttl.", claim="nbf")
        self._fixed: dict[str, Any] = _json_copy(fixed)
        #: The application that signs.
        self.application_id: str = self._fixed["application_id"]

    def at(self, now: float) -> dict[str, Any]:
        """Return the claims of a new token, issued at ``now`` (Unix seconds)."""
        iat = int(now)
        return {**self._fixed, "iat": iat, "exp": iat + self.ttl, "jti": str(uuid.uuid4())}


def form_problems(claims: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with the claims that an auth object may be given.

    That is the name of the claim, what is wrong with it, and what to do.
    """
    if "nbf" in claims and not is_time(claims["nbf"]):
        problem = f"is {quoted(claims['nbf'])}, not Unix seconds as an integer"
        yield "nbf", problem, _SECONDS
    elif "nbf" in claims and claims["nbf"] >= MILLISECONDS:
        yield "nbf", f"is {claims['nbf']}: milliseconds, not seconds", _SECONDS
    for name in ("sub", "iss"):
        if name in claims and not (isinstance(claims[name], str) and claims[name]):
            yield name, f"is {quoted(claims[name])}, not a non-empty string", "Give a name."
    if "acl" in claims:
        problem = _acl_problem(claims["acl"])
        if problem:
            yield "acl", problem, _ACL_FORM


def _acl_problem(acl: object) -> str:
    if not isinstance(acl, Mapping) or set(acl) != {"paths"}:
        return f"is {quoted(acl)}, neither a list of paths nor an object with 'paths' alone"
    paths = acl["paths"]
    if not isinstance(paths, Mapping):
        return f"has paths that are {quoted(paths)}, not an object"
    if not paths:
        return "names no path, so it opens nothing"
    for path, rule in paths.items():
        if not isinstance(path, str) or not path.startswith("/"):
            return f"path {quoted(path)} does not begin with '/'"
        if not isinstance(rule, Mapping) or not set(rule) <= {"methods", "filters"}:
            return f"path {quoted(path)} has something other than 'methods' and 'filters'"
        methods = rule.get("methods", [])
        if not isinstance(methods, (list, tuple)):
            return f"path {quoted(path)} has methods that are not a list such as ['GET', 'POST']"
        unknown = [method for method in methods if method not in METHODS]
        if unknown:
            wrong, known = quoted(unknown[0]), ", ".join(METHODS)
            return f"path {quoted(path)} has the method {wrong}, which is none of {known}"
        if not isinstance(rule.get("filters", {}), Mapping):
            return f"path {quoted(path)} has filters that are not an object"
    return ""


def _with_paths(acl: object) -> object:
    """Turn a path, or an iterable of paths, into Vonage's form; return anything else as it is."""
    if isinstance(acl, (Mapping, bytes)) or not isinstance(acl, Iterable):
        return acl
    from . import acl as texts  # only for those who have one

    paths = [acl] if isinstance(acl, str) else list(acl)
    for path in paths:
        if not isinstance(path, str):
            raise ClaimError("acl", f"has the path {quoted(path)}", "A path is a str.", claim="acl")
    return texts.merged(map(texts.parse, paths), "acl")


def _seconds(ttl: object) -> int:
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        remedy = "Give a number of seconds or a timedelta, 30 s to 24 h."
        raise ClaimError("ttl", f"is {quoted(ttl)}", remedy, claim="ttl")
    if not MIN_TTL <= seconds <= MAX_TTL:
        remedy = (
            f"Give {MIN_TTL} to {MAX_TTL} s (24 h), the range Vonage documents, or leave it out: "
            f"the default is {DEFAULT_TTL} s."
        )
        raise ClaimError("ttl", f"is {quoted(seconds)} s", remedy, claim="ttl")
    return int(seconds)


def _further(claims: object) -> Mapping[str, Any]:
    if claims is None:
        return {}
    if not isinstance(claims, Mapping):
        remedy = "Give a mapping of claim names to values."
        raise ClaimError("claims", f"is {quoted(claims)}", remedy, claim="claims")
    for name in claims:
        if not isinstance(name, str):
            problem = f"has the name {quoted(name)}"
            raise ClaimError("claims", problem, "A name is a str.", claim="claims")
        if name in OURS:
            remedy = "Leave it out; to set the lifetime, pass ttl=."
            problem = f"has {name!r}, which is always set"
            raise ClaimError("claims", problem, remedy, "always-set", claim=name)
        if name == "ttl":
            problem = "has 'ttl', which is not a claim: Nexmo was seen to reject a token with it"
            raise ClaimError("claims", problem, "Pass ttl= instead.", "ttl", claim=name)
    return claims


def _json_copy(claims: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(claims, allow_nan=False, ensure_ascii=False)
        text.encode()  # lone surrogates
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"cannot be written as JSON ({type(error).__name__}: {error})"
        remedy = "Give str, numbers, booleans, None, lists and dicts of these."
    else:
        named = _SECRET.search(text)
        if not named and not holds_key(text):
            return cast("dict[str, Any]", json.loads(text))
        what = quoted(named[1]) if named else "a private key"
        problem = f"has {what} in it, and anyone who sees a token can read its claims"
        remedy = "Leave it out: the API never needs a secret in a token."
    raise ClaimError("claims", problem, remedy, claim="claims")


_SECONDS = "Give Unix seconds, an integer such as 1541060230."

#: A time of at least this many seconds, in the year 5138, is in milliseconds.
MILLISECONDS = 10**11


def is_time(value: object) -> TypeGuard[int]:
    """Return whether ``value`` is Unix seconds as an integer."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
