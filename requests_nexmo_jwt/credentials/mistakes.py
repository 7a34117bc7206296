"""What is wrong with what was given as an id or a key: imported only if something is.

Each function gets what may be a secret, so none of them raises; they return what a message may say.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..redaction import may_hold_key_text, quoted
from ..vonage import identifiers
from .key import absolute_path
from .pem import is_pem, kind

_QUOTES = " \t\r\n\"'"
_VARIABLE = re.compile(r"\$\{?\w+\}?|\$\(\w+\)|%\w+%|\{\{ ?[\w.]+ ?\}\}")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")  # in no path that people type


class Mistake(NamedTuple):
    """What is wrong, and what to do; ``code`` if id and key were mixed up with something else."""

    problem: str
    remedy: str
    code: str = ""


def in_key(key: object, application_id: object, folder: str) -> Mistake | None:
    """Return what was given in the place of a key; None if it may be the path of a missing file."""
    if not isinstance(key, (str, bytes, os.PathLike)):
        remedy = "Give the path of a PEM file, PEM text, or cryptography's RSAPrivateKey."
        return Mistake(f"is {kind(key)}", remedy)
    if isinstance(key, bytes):
        remedy = "Bytes are treated as PEM; give a path as a str or a Path, or the whole PEM text."
        return Mistake("is bytes without a '-----BEGIN' line", remedy)
    path = os.fsdecode(os.fspath(key))
    if is_pem(path):
        return Mistake("is a Path made of PEM text, which a Path alters", "Give the text as a str.")
    return _mixed_up(application_id, path) or _in_path(path, folder)


def _mixed_up(application_id: object, key: str) -> Mistake | None:
    if not isinstance(application_id, str):
        return None
    key = key.strip(_QUOTES)
    if identifiers.is_application_id(key):
        problem = "looks like an application id; perhaps id and key were swapped"
        return Mistake(problem, "Exchange the two, as in NexmoJWT(ID, PATH).", "swapped")
    is_secret = identifiers.may_be_api_secret(key) or identifiers.may_be_secret(key)
    if not identifiers.may_be_api_key(application_id) or not is_secret:
        return None
    return Mistake(
        "looks like an API secret (redacted), and the id beside it like an API key; if it names a "
        "key file, no such file exists",
        "A token is signed with the id of an application, a UUID, and its private key. If a "
        "product takes key and secret, pass auth=(KEY, SECRET) instead.",
        "api-key",
    )


def in_id(value: object) -> str:
    """Return what is wrong with an id that cannot be an application's."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and may_hold_key_text(text):
        return "contains a private key; perhaps id and key were swapped"
    if hasattr(value, "headers"):
        return "is a request: the class was passed, auth=NexmoJWT instead of auth=NexmoJWT()"
    if not isinstance(value, str):
        return f"is {quoted(value)}"
    if not value.strip():
        return "is empty"
    if identifiers.holds_application_id(value):
        return "has quotes, blanks or other characters around the id"
    return "has white space or quotes around it, or a character that cannot be printed"


def _in_path(path: str, folder: str) -> Mistake | None:
    absolute, without = absolute_path(path, folder), absolute_path(path.strip(_QUOTES), folder)
    if not path.strip():
        return Mistake("is empty", "Give the path of the key file, or PEM text.")
    if os.path.isfile(without):
        problem = f"has quotes or blanks around the path of a file, {without!r}"
        return Mistake(problem, "Leave them out.")
    if path.lstrip().startswith("{"):
        remedy = "Convert the key to PEM, and give that or the path of its file."
        return Mistake("is JSON, perhaps a JWK (redacted)", remedy)
    # A long path has slashes, and so has base64; what stands before a name in a folder is a path.
    is_in_a_folder = os.path.isdir(os.path.dirname(absolute))
    unknown = os.path.basename(absolute) if is_in_a_folder else path
    if may_hold_key_text(unknown) or _CONTROL.search(path):
        return Mistake(
            "was treated as a path, since it has no '-----BEGIN' line, but no such file exists. "
            f"It is redacted: its {len(path)} characters may be key text",
            "Give the path of the key file; the text of a key begins with '-----BEGIN'.",
        )
    if _VARIABLE.fullmatch(path.strip(_QUOTES)):
        return Mistake("is the name of a variable, which nothing has expanded", "Give its value.")
    if any(map(identifiers.may_be_secret, path.strip(_QUOTES).split())):
        return Mistake(
            "looks like an API, signature or OpenTok secret (redacted); if it names a key file, no "
            "such file exists",
            "A token is signed with the application's private key: give the path of its file.",
        )
    return None
