"""What `import requests_nexmo_jwt` does, and costs, before a name of it is used."""

import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import requests_nexmo_jwt
from requests_nexmo_jwt import NexmoJWTError

# What a request pays for that is signed and accepted.
SIGNING = (
    *("auth", "bounded", "claims", "clock", "credentials", "errors", "files", "keys", "origin"),
    *("pem", "places", "proxies", "redaction", "redirect", "scope", "second_try"),
    *("response_hook", "signed_request", "signer"),
)

# What is for other clients, explains, inspects, asks or pretends.
NOT_SIGNING = (
    *("auth_flow", "httpx", "httpx2", "remote"),
    *("account", "acl", "diagnosis", "dialects", "evidence", "inspection", "investigation"),
    *("log_messages", "passphrase", "probe", "products", "pytest_plugin"),
    *("rules", "sandbox", "cli", "__main__"),
)


def imported_by(statement: str) -> set[str]:
    """Return the modules that a fresh Python has imported after ``statement``, and not before."""
    script = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(result.stdout.decode().split())


def test_the_import_imports_nothing_until_a_name_is_used() -> None:
    assert imported_by("import requests_nexmo_jwt") == {"requests_nexmo_jwt"}
    assert "jwt" in imported_by("import requests_nexmo_jwt; requests_nexmo_jwt.NexmoJWT")
    assert "jwt" not in imported_by("import requests_nexmo_jwt; requests_nexmo_jwt.ClaimError")


@pytest.mark.parametrize("name", ["scope", "origin", "errors", "products", "dialects"])
def test_a_module_that_signs_nothing_imports_neither_jwt_nor_cryptography(name: str) -> None:
    assert not imported_by(f"import requests_nexmo_jwt.{name}") & {"jwt", "cryptography"}


def test_what_signs_imports_nothing_that_explains_inspects_or_pretends(key_file: Path) -> None:
    signed = (
        "import requests; from requests_nexmo_jwt import NexmoJWT; "
        f"NexmoJWT('x', {str(key_file)!r})"
        "(requests.Request('GET', 'https://api.nexmo.com/').prepare())"
    )
    ours = {name for name in imported_by(signed) if name.startswith("requests_nexmo_jwt.")}
    assert ours == {f"requests_nexmo_jwt.{name}" for name in SIGNING}


def test_every_module_is_known_to_sign_or_not_to() -> None:
    modules = [module.name for module in pkgutil.iter_modules(requests_nexmo_jwt.__path__)]
    assert sorted(modules) == sorted(SIGNING + NOT_SIGNING)


def test_every_public_name_is_there_and_no_other() -> None:
    script = "import requests_nexmo_jwt; print(*dir(requests_nexmo_jwt))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert shown.stdout.decode().split() == requests_nexmo_jwt.__all__
    for name in requests_nexmo_jwt.__all__:
        assert getattr(requests_nexmo_jwt, name).__name__ == name
    assert requests_nexmo_jwt.errors.ClaimError is requests_nexmo_jwt.ClaimError
    with pytest.raises(AttributeError, match="has no attribute 'NexmoJwt'"):
        _ = requests_nexmo_jwt.NexmoJwt


def test_our_errors_are_errors_of_requests() -> None:
    errors = [getattr(requests_nexmo_jwt, name) for name in requests_nexmo_jwt.__all__]
    errors = [error for error in errors if issubclass(error, Exception)]
    assert len(errors) == 6
    for error in errors:
        assert issubclass(error, NexmoJWTError)
        assert issubclass(error, requests.RequestException)
        assert inspect.getdoc(error)
