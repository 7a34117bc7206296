"""The documented rules for claims, and the paths that an acl permits.

``docs/vonage.md`` has the sources.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..redaction import quoted
from .claims import DEFAULT_TTL, MAX_TTL, MIN_TTL, form_problems, is_time


class Violation(NamedTuple):
    """A rule that claims break: the claim that it is about, and a sentence without full stop.

    ``code`` says how: ``missing``, ``malformed``, ``version`` (``acl``), ``future`` (``iat``,
    ``nbf``), ``expired`` or ``lifetime`` (``exp``). ``is_documented`` is false if no source says
    whether Nexmo refuses such a token.
    """

    claim: str
    code: str
    reason: str
    is_documented: bool = True


def violations(claims: Mapping[str, Any], *, now: float) -> Iterator[Violation]:
    """Yield each rule that the ``claims`` of a token break at ``now`` (Unix seconds)."""
    now = int(now)
    for name in ("application_id", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            yield Violation(name, "missing", f"{name} is missing or not a string")
    if "iat" not in claims:
        yield _without_iat(claims)
    for name in ("iat", "exp", "nbf"):
        if name in claims and not is_time(claims[name]):
            yield _odd_time(name, claims[name])
    yield from _time_violations(claims, now)
    for claim, problem, _ in form_problems(claims):
        if claim != "nbf":
            yield Violation(claim, "malformed", f"{claim} {problem}")
    yield from _versions_in(claims.get("acl"))


def _versions_in(acl: object) -> Iterator[Violation]:
    """Yield a violation for a path with a version, such as ``/v1/calls`` for ``/*/calls``."""
    paths = acl.get("paths") if isinstance(acl, Mapping) else None
    for path in paths if isinstance(paths, Mapping) else ():
        version, _, further = str(path).removeprefix("/").partition("/")
        if re.fullmatch(r"v[0-9.]+|beta[0-9]*", version):
            reason = (
                f"acl path {quoted(path)} has a version; Nexmo was seen to refuse that. "
                f"Write {quoted(f'/*/{further}')}"
            )
            yield Violation("acl", "version", reason, is_documented=False)
            return


def _without_iat(claims: Mapping[str, Any]) -> Violation:
    if "exp" not in claims:
        return Violation("iat", "missing", "iat is missing, and so is exp")
    reason = "iat is missing; whether Nexmo accepts that beside an exp is not documented"
    return Violation("iat", "missing", reason, is_documented=False)


def _odd_time(name: str, value: object) -> Violation:
    if read_time(value) is None:
        reason = f"{name} is {quoted(value)}, not Unix seconds as an integer"
        return Violation(name, "malformed", reason)
    kind = "a string" if isinstance(value, str) else "a fraction"
    reason = f"{name} is {quoted(value)}, {kind}; whether Nexmo accepts that is not documented"
    return Violation(name, "malformed", reason, is_documented=False)


def _time_violations(claims: Mapping[str, Any], now: int) -> Iterator[Violation]:
    """Yield a violation for each wrong time, including those in an undocumented form."""
    iat, exp, nbf = (read_time(claims.get(name)) for name in ("iat", "exp", "nbf"))
    longest = longest_life(claims)
    if iat is not None and iat > now:
        reason = f"iat is {span(iat - now)} in the future: a clock is wrong"
        yield Violation("iat", "future", reason)
    if "exp" not in claims and iat is not None and iat + DEFAULT_TTL <= now:
        yield Violation("exp", "expired", "expired: 15 min after iat, since there is no exp")
    if exp is not None and exp <= now:
        yield Violation("exp", "expired", f"expired {span(now - exp)} ago")
    elif exp is not None and iat is not None:
        if iat + longest <= now:
            ago = span(now - iat - longest)
            reason = f"expired {ago} ago: {span(longest)} after iat, whatever exp says"
            yield Violation("exp", "expired", reason)
        elif exp <= iat:
            yield Violation("exp", "lifetime", "exp is not after iat: never valid")
        elif exp - iat < MIN_TTL:
            reason = f"exp is {exp - iat} s after iat; 30 s is the documented minimum, and whether "
            reason += "Nexmo enforces it is not documented"
            yield Violation("exp", "lifetime", reason, is_documented=False)
    if nbf is not None and nbf > now:
        reason = f"nbf is {span(nbf - now)} in the future: not valid yet"
        yield Violation("nbf", "future", reason)


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
