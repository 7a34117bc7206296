"""A pytest plugin with the fixture ``nexmo``.

pytest imports this module at every start, so only the fixture imports the rest of the package.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .sandbox import Sandbox


@pytest.fixture(scope="session")
def _nexmo_key() -> Iterator[Path]:
    """One key file for all tests: an auth object of one test can sign in the next."""
    from .sandbox import Sandbox

    with Sandbox() as application:
        yield application.private_key


@pytest.fixture
def nexmo(_nexmo_key: Path) -> Iterator[Sandbox]:
    """A running ``Sandbox``, to which requests for Vonage's hosts are sent.

    ``NexmoJWT()``, HTTPie and the command find its application: the ``VONAGE_`` variables are set,
    and other variables with credentials are unset. ``NEXMO_JWT_ENDPOINT`` is set to the sandbox,
    and ``NO_PROXY`` keeps requests to it from a proxy. All tests of a process have the same
    application, and each a server of its own.
    """
    from .credentials.places import VARIABLES
    from .sandbox import Sandbox

    # Not the monkeypatch of the test: its undo() would restore the user's credentials.
    with Sandbox(key=_nexmo_key) as sandbox, pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in sandbox.environment.items():
            patch.setenv(name, value)
        yield sandbox
