"""A pytest plugin with the fixture ``nexmo``.

pytest imports it in each run where this package is installed, so the rest is imported by the
fixture.
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
    """A key takes a tenth of a second to make: one for all tests."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def nexmo(_nexmo_key: RSAPrivateKey) -> Iterator[Sandbox]:
    """A running ``Sandbox`` whose credentials are the ones that ``NexmoJWT()`` finds.

    The ``VONAGE_`` variables are set to its application and account, other variables with
    credentials are unset, and ``NEXMO_JWT_HOSTS`` names the sandbox alone: a request to any other
    host raises ``ScopeError``. ``NO_PROXY`` keeps the sandbox away from a proxy.
    """
    from .credentials.places import VARIABLES
    from .sandbox import Sandbox

    # Not the test's own monkeypatch, whose undo() would bring the person's credentials back.
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
