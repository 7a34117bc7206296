"""How an acl is written as text: a path, METHOD,METHOD:PATH or @file.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ..errors import ClaimError
from ..redaction import quoted

_MAX_BYTES = 1 << 20

_FORM = 'Its form is {"paths": {...}}.'

_METHODS_AND_PATH = re.compile(r"([A-Z]+(?:,[A-Z]+)*):(/.*)")


def read_acl(text: str) -> dict[str, Any]:
    """Return the paths in ``text``, or in the file that it names, each with its rule.

    Raises ``ClaimError`` if it has none of these forms.
    """
    return _in_file(text[1:]) if text.startswith("@") else parse(text, ", or @file.json")


def parse(text: str, further: str = "") -> dict[str, Any]:
    """Return the path in ``text`` with its rule; raise ``ClaimError``."""
    match = _METHODS_AND_PATH.fullmatch(text)
    if match:
        return {match[2]: {"methods": match[1].split(",")}}
    if text.startswith("/"):
        return {text: {}}
    remedy = f"Write a path such as '/*/calls/**', or one such as 'GET,POST:/*/calls/**'{further}."
    raise ClaimError(quoted(text), "is not an acl", remedy, claim="acl")


def merged(acls: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the acl with all paths; ``name`` is the option that named them.

    Raises ``ClaimError`` if one path has two rules.
    """
    paths: dict[str, Any] = {}
    for named in acls:
        for path, rule in named.items():
            if paths.setdefault(path, rule) != rule:
                problem = f"names {quoted(path)} twice"
                raise ClaimError(name, problem, "Give it once, with all its methods.", claim="acl")
    return {"paths": paths}


def _in_file(file_name: str) -> dict[str, Any]:
    try:
        with open(file_name, "rb") as file:
            acl = json.loads(file.read(_MAX_BYTES))
    except OSError as error:
        problem, remedy = f"cannot be read: {error.strerror}", "Give the path of a file with JSON."
    except (ValueError, RecursionError):
        problem, remedy = "is not JSON", _FORM
    else:
        if isinstance(acl, dict) and isinstance(acl.get("paths"), dict) and len(acl) == 1:
            return dict(acl["paths"])
        problem, remedy = "is not an acl", _FORM
    raise ClaimError(f"acl file {quoted(file_name)}", problem, remedy, claim="acl")
