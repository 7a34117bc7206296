"""What a token of ours says, within what Vonage documents.

The rules come from the article "Understanding JWTs" (2018) and from Vonage's page
"Authentication / JSON Web Tokens"; the names of claims are RFC 7519's. ``docs/vonage.md`` tells
what is known of the service beside them.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, TypeGuard

from ..errors import ClaimError, CredentialsError
from ..redaction import Secret, hide_key_text, quoted

#: Seconds from ``iat`` to ``exp``: "A minimum value of 30 seconds ... A maximum value of 24 hours
#: ... A default value of 15 minutes from the time the JWT is generated."
MIN_TTL = 30
MAX_TTL = 24 * 60 * 60
DEFAULT_TTL = 15 * 60

#: The claims that are set for each token, or belong to the application.
OURS = ("application_id", "iat", "jti", "exp")

_METHOD = re.compile(r"[A-Z]+")
_ACL_FORM = '{"paths": {"/*/calls/**": {"methods": ["GET"], "filters": {}}}}'


class ClaimsSet:
    """What each token of one auth object says, all but the time and the ``jti``.

    ``ttl`` is in seconds, or a ``timedelta``; a fraction of a second is dropped.
    ``sub`` is a Vonage user's name. ``acl`` is ``{"paths": {...}}`` or an iterable
    of paths. ``claims`` are further claims, which JSON must be able to hold; they
    are copied, so that what the caller changes afterwards changes no token.

    Raises ``CredentialsError`` for the application id, ``ClaimError`` for the rest.
    """

    def __init__(
        self,
        application_id: object,
        ttl: object = DEFAULT_TTL,
        sub: object = None,
        acl: object = None,
        claims: object = None,
    ) -> None:
        self.ttl: int = _seconds(ttl)
        fixed: dict[str, Any] = {"application_id": _checked_application_id(application_id)}
        fixed.update(_further(claims))
        for name, value in (("sub", sub), ("acl", acl)):
            if value is not None:
                if name in fixed:
                    raise ClaimError(
                        f"{name} is given twice: as {name}= and in claims. Give it once.",
                        claim=name,
                    )
                fixed[name] = value
        if "acl" in fixed:
            fixed["acl"] = _with_paths(fixed["acl"])
        problem = next(form_violations(fixed), None)
        if problem:
            raise ClaimError(f"{problem.reason}.", claim=problem.claim)
        self._fixed: dict[str, Any] = _json_copy(fixed)

    @property
    def application_id(self) -> str:
        """The application that signs."""
        application_id: str = self._fixed["application_id"]
        return application_id

    def at(self, now: float) -> dict[str, Any]:
        """Return the claims of a new token, issued at ``now`` (Unix seconds)."""
        iat = int(now)
        return {**self._fixed, "iat": iat, "exp": iat + self.ttl, "jti": str(uuid.uuid4())}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClaimsSet):
            return NotImplemented
        return self.ttl == other.ttl and self._fixed == other._fixed


class Violation(NamedTuple):
    """A rule that claims break: the claim it is about, and a sentence without full stop.

    ``code`` says how: ``missing``, ``malformed``, ``future`` (``iat``, ``nbf``), ``expired`` or
    ``lifetime`` (``exp``). ``is_documented`` is false where no source says whether Nexmo refuses
    such a token.
    """

    claim: str
    code: str
    reason: str
    is_documented: bool = True


def form_violations(claims: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield what is wrong with the claims that an auth object may be given."""
    if "nbf" in claims and not is_time(claims["nbf"]):
        reason = f"nbf is {quoted(claims['nbf'])}, not Unix seconds as an integer"
        yield Violation("nbf", "malformed", reason)
    for name in ("sub", "iss"):
        if name in claims and not (isinstance(claims[name], str) and claims[name]):
            reason = f"{name} is {quoted(claims[name])}; it must be a non-empty string"
            yield Violation(name, "malformed", reason)
    if "acl" in claims:
        problem = _acl_problem(claims["acl"])
        if problem:
            yield Violation("acl", "malformed", f"{problem}. The form is {_ACL_FORM}")


def _acl_problem(acl: object) -> str | None:
    if not isinstance(acl, Mapping) or set(acl) != {"paths"}:
        return f"acl is {quoted(acl)}, neither a list of paths nor an object with 'paths' alone"
    paths = acl["paths"]
    if not isinstance(paths, Mapping) or not paths:
        return "acl names no path, so it opens nothing"
    for path, rule in paths.items():
        if not isinstance(path, str) or not path.startswith("/"):
            return f"acl path {quoted(path)} does not begin with '/'"
        if not isinstance(rule, Mapping) or not set(rule) <= {"methods", "filters"}:
            return f"acl path {quoted(path)} has something other than 'methods' and 'filters'"
        methods = rule.get("methods", [])
        if not isinstance(methods, (list, tuple)) or not all(
            isinstance(method, str) and _METHOD.fullmatch(method) for method in methods
        ):
            return (
                f"acl path {quoted(path)} has methods that are not a list such as ['GET', 'POST']"
            )
        if not isinstance(rule.get("filters", {}), Mapping):
            return f"acl path {quoted(path)} has filters that are not an object"
    return None


def _with_paths(acl: object) -> object:
    """Turn an iterable of paths into Vonage's form, and leave the rest to be judged."""
    if isinstance(acl, (Mapping, str, bytes)) or not isinstance(acl, Iterable):
        return acl
    paths = list(acl)
    wrong = [path for path in paths if not isinstance(path, str)]
    if wrong:
        raise ClaimError(f"acl has the path {quoted(wrong[0])}; a path is a str.", claim="acl")
    return {"paths": {path: {} for path in paths}}


def _seconds(ttl: object) -> int:
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise ClaimError(
            f"ttl is {quoted(ttl)}. Give a number of seconds or a timedelta, 30 s to 24 h.",
            claim="ttl",
        )
    if not MIN_TTL <= seconds <= MAX_TTL:
        raise ClaimError(
            f"ttl is {quoted(seconds)} s. Give {MIN_TTL} to {MAX_TTL} s (24 h), the range Vonage "
            f"documents, or leave it out: the default is {DEFAULT_TTL} s.",
            claim="ttl",
        )
    return int(seconds)


def _checked_application_id(application_id: object) -> str:
    if isinstance(hide_key_text(application_id), Secret) or isinstance(application_id, Secret):
        problem = "holds a private key; perhaps the arguments were swapped"
    elif not isinstance(application_id, str):
        problem = f"is {quoted(application_id)}"
    elif not application_id.strip():
        problem = "is empty"
    elif application_id != application_id.strip() or not application_id.isprintable():
        problem = "has white space around it, or a character that cannot be printed"
    else:
        return application_id
    raise CredentialsError(
        f"application_id {problem}. Give the id that Vonage's dashboard shows for the application, "
        "as a str."
    )


def _further(claims: object) -> Mapping[str, Any]:
    if claims is None:
        return {}
    if not isinstance(claims, Mapping):
        raise ClaimError(
            f"claims is {quoted(claims)}. Give a mapping of claim names to values.", claim="claims"
        )
    for name in claims:
        if not isinstance(name, str):
            raise ClaimError(
                f"claims has the name {quoted(name)}; a name is a str.", claim="claims"
            )
        if name in OURS:
            raise ClaimError(
                f"claims has {name!r}, which this class sets. Leave it out; to set the lifetime, "
                "pass ttl=.",
                claim=name,
            )
    return claims


def _json_copy(claims: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(claims, allow_nan=False, ensure_ascii=False, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        if b"PRIVATE KEY-----" not in text:
            copy: dict[str, Any] = json.loads(text)
            return copy
        raise ClaimError(
            "A claim contains a private key, and anyone who sees a token can read its claims. "
            "Leave the key out of them.",
            claim="claims",
        )
    raise ClaimError(
        f"claims cannot be written as JSON ({problem}). Give str, numbers, booleans, None, lists "
        "and dicts of these.",
        claim="claims",
    )


def _plain(value: object) -> object:
    """Make a dict of any other mapping, for the JSON encoder."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def is_time(value: object) -> TypeGuard[int]:
    """Tell whether ``value`` is Unix seconds as an integer."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
