"""The documented rules for claims, and the paths that an acl permits.

``docs/vonage.md`` has the sources.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..redaction import holds_key, quoted
from ..vonage.identifiers import is_application_id, shown_id
from .claims import DEFAULT_TTL, MAX_TTL, MILLISECONDS, MIN_TTL, SECRET_NAME, form_problems, is_time

#: The version at the beginning of a path, which a ``*`` stands for in an acl.
VERSION = r"v[0-9.]+|beta[0-9]*"

_UNKNOWN = "whether Nexmo accepts that is not documented"
_CLAIMS = {"application_id", "iat", "exp", "nbf", "jti", "sub", "acl", "ttl"}
_OF_OTHER_TOKENS = {"payload_hash", "ist", "scope"}  # webhooks', OpenTok's, a Video client's


@dataclass(frozen=True)
class Rule:
    """A documented rule, and the ``reason`` why a token keeps or breaks it.

    ``kept`` is None if no source says whether Nexmo accepts such a token. ``code`` says how a rule
    is broken: ``missing``, ``malformed``, ``milliseconds``, ``extra`` (not a documented claim),
    ``form`` or ``version`` (``acl``), ``future`` (``iat``, ``nbf``), ``present`` (``nbf``),
    ``expired`` or ``lifetime`` (``exp``), ``secret`` (any claim).
    """

    name: str
    kept: bool | None
    reason: str
    code: str | None = None


def violations(claims: Mapping[str, Any], *, now: float) -> Iterator[Rule]:
    """Yield each rule that the ``claims`` of a token break at ``now`` (Unix seconds)."""
    now = int(now)
    for name in ("application_id", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            yield Rule(name, False, f"{name} is missing or not a string", "missing")
        elif name == "application_id" and not is_application_id(claims[name]):
            reason = f"{name} is {shown_id(claims[name])}, not a UUID, so probably not an id"
            yield Rule(name, None, reason, "malformed")
    for name, value in claims.items():
        if re.fullmatch(SECRET_NAME, name) or (isinstance(value, str) and holds_key(value)):
            reason = f"{quoted(name)} may be a secret, and anyone who sees the token can read it"
            yield Rule("secret", None, reason, "secret")
        elif name not in _CLAIMS and not _OF_OTHER_TOKENS & claims.keys():
            reason = f"{quoted(name)} is not a documented claim; {_UNKNOWN}"
            yield Rule("extra", None, reason, "extra")
    if "ttl" in claims:
        reason = "ttl is not a claim of the API; Nexmo was seen to reject a token with it"
        yield Rule("ttl", False, reason, "extra")
    if "iat" not in claims:
        yield _without_iat(claims)
    for name in ("iat", "exp", "nbf"):
        is_odd = not is_time(claims.get(name)) or is_in_milliseconds(claims[name])
        if name in claims and is_odd:
            yield _odd_time(name, claims[name])
    yield from _time_violations(claims, now)
    acl = readable_acl(claims.get("acl"))
    if "acl" in claims and acl != claims["acl"]:
        reason = "acl is in a form that is not documented; Voice was seen to accept that"
        yield Rule("acl", None, reason, "form")
    for claim, problem, _ in form_problems({**claims, "acl": acl} if "acl" in claims else claims):
        if claim != "nbf":
            yield Rule(claim, False, f"{claim} {problem}", "malformed")
    yield from _versions_in(acl)


def readable_acl(acl: object) -> object:
    """Return an ``acl`` that is JSON text, or has ``[]`` for a path's rule, in Vonage's form."""
    if isinstance(acl, str):
        try:
            acl = json.loads(acl)
        except (ValueError, RecursionError):
            return acl
    if not isinstance(acl, Mapping) or not isinstance(acl.get("paths"), Mapping):
        return acl
    paths = {path: {} if rule == [] else rule for path, rule in acl["paths"].items()}
    return {**acl, "paths": paths}


def _versions_in(acl: object) -> Iterator[Rule]:
    """Yield a violation for a path with a version, such as ``/v1/calls`` for ``/*/calls``."""
    paths = acl.get("paths") if isinstance(acl, Mapping) else None
    for path in paths if isinstance(paths, Mapping) else ():
        version, _, further = str(path).removeprefix("/").partition("/")
        if re.fullmatch(VERSION, version):
            reason = f"acl path {quoted(path)} has a version; sources disagree on whether Nexmo "
            reason += f"refuses that. Write {quoted(f'/*/{further}')}"
            yield Rule("acl", None, reason, "version")
            return


def _without_iat(claims: Mapping[str, Any]) -> Rule:
    if "exp" not in claims:
        return Rule("iat", False, "iat is missing, and so is exp", "missing")
    reason = "iat is missing; whether Nexmo accepts that beside an exp is not documented"
    return Rule("iat", None, reason, "missing")


def _odd_time(name: str, value: object) -> Rule:
    if is_in_milliseconds(value):
        is_seen = name == "exp" and is_time(value)
        known = "Nexmo was seen to accept that" if is_seen else _UNKNOWN
        return Rule(name, None, f"{name} is in milliseconds, not seconds; {known}", "milliseconds")
    if read_time(value) is None:
        reason = f"{name} is {quoted(value)}, not Unix seconds as an integer"
        return Rule(name, False, reason, "malformed")
    kind = "a string" if isinstance(value, str) else "a fraction"
    reason = f"{name} is {quoted(value)}, {kind}; {_UNKNOWN}"
    return Rule(name, None, reason, "malformed")


def _time_violations(claims: Mapping[str, Any], now: int) -> Iterator[Rule]:
    """Yield a violation for each wrong time, including those in an undocumented form."""
    iat, exp, nbf = (
        # An exp in milliseconds is cut like any other that is too late.
        None
        if name != "exp" and is_in_milliseconds(claims.get(name))
        else read_time(claims.get(name))
        for name in ("iat", "exp", "nbf")
    )
    longest = longest_life(claims)
    if iat is not None and iat > now:
        reason = f"iat is {span(iat - now)} in the future: a clock is wrong"
        yield Rule("iat", False, reason, "future")
    if "exp" not in claims and iat is not None and iat + DEFAULT_TTL <= now:
        yield Rule("exp", False, "expired: 15 min after iat, since there is no exp", "expired")
    if exp is not None and exp <= now:
        yield Rule("exp", False, f"expired {span(now - exp)} ago", "expired")
    elif exp is not None and iat is not None:
        if iat + longest <= now:
            ago = span(now - iat - longest)
            reason = f"expired {ago} ago: {span(longest)} after iat, whatever exp says"
            yield Rule("exp", False, reason, "expired")
        elif exp <= iat:
            yield Rule("exp", False, "exp is not after iat: never valid", "lifetime")
        elif exp - iat < MIN_TTL:
            reason = f"exp is {exp - iat} s after iat; 30 s is the documented minimum, and whether "
            reason += "Nexmo enforces it is not documented"
            yield Rule("exp", None, reason, "lifetime")
    if nbf is not None and nbf > now:
        reason = f"nbf is {span(nbf - now)} in the future: not valid yet"
        yield Rule("nbf", False, reason, "future")
    elif nbf is not None:
        reason = "nbf is in the past; Nexmo was seen to refuse such a token"
        yield Rule("nbf", None, reason, "present")


def is_in_milliseconds(value: object) -> bool:
    """Return whether a time, of any JSON type, is so large that it must be in milliseconds."""
    return (read_time(value) or 0) >= MILLISECONDS


def longest_life(claims: Mapping[str, Any]) -> int:
    """Return the longest lifetime in seconds: 24 h, or 30 days for a Video client."""
    return 30 * MAX_TTL if claims.get("scope") == "session.connect" else MAX_TTL


def read_time(value: object) -> int | None:
    """Return the Unix seconds in a claim, or None.

    Strings and fractions are read too: whether Nexmo accepts them is not documented, and the token
    may break other rules as well.
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, float) and 0 <= value < 1 << 53:
        return int(value)
    return value if is_time(value) else None


def span(seconds: float) -> str:
    """Return ``seconds``, rounded, in the largest unit of which it has two: ``3 days``."""
    for size, unit, limit in ((1, "s", 120), (60, "min", 120), (3600, "hours", 48)):
        number = round(seconds / size)
        if number < limit:
            return f"{number} {unit}"
    return f"{round(seconds / 86400)} days"


def acl_opens(acl: Mapping[str, Any], method: str, path: str) -> bool:
    """Return whether a well-formed ``acl`` permits ``method`` on ``path``; filters are ignored.

    ``*`` matches anything within a segment and ``**`` any number of segments, also none:
    ``/*/calls/**`` permits ``/v1/calls``.
    """
    return any(
        method in rule.get("methods", [method]) and _path_matches(pattern, path)
        for pattern, rule in acl["paths"].items()
    )


def _path_matches(pattern: str, path: str) -> bool:
    """Match segment by segment, which no pattern can make slow."""
    parts = path.split("/")[1:]
    reached = {0}  # the numbers of parts that the pattern may have matched so far
    for segment in pattern.split("/")[1:]:
        if segment == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            name = re.sub(r"([?[])", r"[\1]", segment)  # only "*" is special in an acl
            reached = {
                used + 1
                for used in reached
                if used < len(parts) and fnmatch.fnmatchcase(parts[used], name)
            }
    return len(parts) in reached
