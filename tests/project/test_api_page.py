"""docs/api.md, held against the code: names, defaults, exceptions and their fields."""

import inspect
import re

import pytest
from conftest import REPOSITORY

import requests_nexmo_jwt
from requests_nexmo_jwt import NexmoJWT, NexmoJWTError
from requests_nexmo_jwt.sandbox import Sandbox

PAGE = (REPOSITORY / "docs" / "api.md").read_text("utf-8")


def section(name: str) -> str:
    return re.search(rf"\n## {name}\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)[1]


def members(kind: type) -> set[str]:
    """The public names that a class defines itself, and those that its __init__ sets."""
    assigned = re.findall(r"self\.([a-z]\w*)\b(?:: [^=\n]+)? =", inspect.getsource(kind.__init__))
    return {name for name in (*vars(kind), *assigned) if not name.startswith("_")}


@pytest.mark.parametrize("kind", [NexmoJWT, Sandbox])
def test_the_signature_and_the_members_are_those_of_the_code(kind: type) -> None:
    text = section(kind.__name__)
    printed = re.search(rf"^{kind.__name__}\((.*?)^\)", text, re.DOTALL | re.MULTILINE)[1]
    wanted: list[str] = []
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in wanted:
            wanted.append("*")
        default = repr(parameter.default).replace("'", '"')
        wanted.append(f"{parameter.name}={default}")
    assert [line.strip().rstrip(",") for line in printed.strip().splitlines()] == wanted
    rows = re.findall(r"^\| (`(?:auth|nexmo)\..*?) \|", text, re.MULTILINE)
    assert set(re.findall(r"`(?:auth|nexmo)\.(\w+)", " ".join(rows))) == members(kind)


def test_each_argument_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("NexmoJWT"), re.MULTILINE)
    assert rows == list(inspect.signature(NexmoJWT).parameters)


def test_the_exceptions_their_bases_and_fields_are_those_of_the_code() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `([\w.]+)` \| .* \| (.*?) ?\|$", section("Exceptions"), re.MULTILINE
    )
    exceptions = {
        name: kind
        for name in requests_nexmo_jwt.__all__
        if isinstance(kind := getattr(requests_nexmo_jwt, name), type)
        and issubclass(kind, NexmoJWTError)
    }
    assert [name for name, _, _ in rows] == sorted(exceptions, key=[r[0] for r in rows].index)
    for name, base, fields in rows:
        kind = exceptions[name]
        assert kind.__base__.__name__ == base.rpartition(".")[2]
        own = set(inspect.get_annotations(kind)) - {"code"}
        if kind is NexmoJWTError:
            own = {"subject", "problem", "remedy", "code"}
        assert set(re.findall(r"`(\w+)`", fields)) == own
