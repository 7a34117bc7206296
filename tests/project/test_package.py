"""What `import requests_nexmo_jwt` does, and costs, before a name of it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import requests_nexmo_jwt

#: What explains, inspects, asks or pretends, and what is for other clients or other keys.
NOT_SIGNING = {
    *("_httpx", "httpx", "httpx2", "pytest_plugin", "check", "cli", "sandbox", "__main__"),
    *("credentials.remote", "credentials.passphrase", "exchange.log_messages"),
    *("token.acl", "token.inspection", "token.rules", "vonage.products", "vonage.dialects"),
}


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


def test_a_module_that_signs_nothing_imports_neither_jwt_nor_cryptography() -> None:
    names = ["scope", "url", "errors", "vonage.products", "vonage.dialects"]
    imports = ", ".join(f"requests_nexmo_jwt.{name}" for name in names)
    assert not imported_by(f"import {imports}") & {"jwt", "cryptography"}


def test_what_signs_imports_nothing_that_explains_inspects_or_pretends(key_file: Path) -> None:
    signed = (
        "import requests; from requests_nexmo_jwt import NexmoJWT; "
        f"NexmoJWT('x', {str(key_file)!r})"
        "(requests.Request('GET', 'https://api.nexmo.com/').prepare())"
    )
    ours = {
        name.removeprefix("requests_nexmo_jwt.")
        for name in imported_by(signed)
        if name.startswith("requests_nexmo_jwt.")
    }
    assert {"auth", "scope", "token.signer", "exchange.requests_hook"} <= ours
    assert ours & NOT_SIGNING == set()
    folder = Path(requests_nexmo_jwt.__file__).parent
    for path in (folder / name.replace(".", "/") for name in NOT_SIGNING):
        assert path.is_dir() or path.with_suffix(".py").is_file()


def test_every_public_name_is_there_and_no_other() -> None:
    script = "import requests_nexmo_jwt; print(*dir(requests_nexmo_jwt))"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert shown.stdout.decode().split() == requests_nexmo_jwt.__all__
    for name in requests_nexmo_jwt.__all__:
        assert getattr(requests_nexmo_jwt, name).__name__ == name
    assert requests_nexmo_jwt.errors.ClaimError is requests_nexmo_jwt.ClaimError
    with pytest.raises(AttributeError, match="has no attribute 'NexmoJwt'"):
        _ = requests_nexmo_jwt.NexmoJwt
