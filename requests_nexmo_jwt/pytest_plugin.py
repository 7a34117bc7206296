"""A pytest plugin with the fixture ``nexmo``.

pytest imports this module at every start, so only the fixture imports the rest of the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from .sandbox import Sandbox


@pytest.fixture(scope="session")
def _nexmo_key() -> RSAPrivateKey:
    """One key for all tests: it takes 0.1 s to make."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def nexmo(_nexmo_key: RSAPrivateKey) -> Iterator[Sandbox]:
    """A running ``Sandbox``, whose credentials ``NexmoJWT()`` finds.

    The ``VONAGE_`` variables are set to its application and account, and other variables with
    credentials are unset. ``NEXMO_JWT_HOSTS`` is set to the sandbox: a request to any other host
    raises ``ScopeError``. ``NO_PROXY`` keeps requests to the sandbox from a proxy.
    """
    from .credentials.places import VARIABLES
    from .sandbox import Sandbox

    # Not the monkeypatch of the test: its undo() would restore the user's credentials.
    with Sandbox(key=_nexmo_key) as sandbox, pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in sandbox.environment.items():
            patch.setenv(name, value)
        others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        for name in ("no_proxy", "NO_PROXY"):
            if others != "*":
                patch.setenv(name, f"{others},127.0.0.1" if others else "127.0.0.1")
        yield sandbox
