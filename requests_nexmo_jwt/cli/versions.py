"""The versions of what is at work here, for a report."""

from __future__ import annotations

import platform
from importlib.metadata import version

from .. import __version__


def all_versions() -> str:
    """Return the versions of this package, its dependencies, Python and the system in a line."""
    names = ("requests", "PyJWT", "cryptography")
    theirs = ", ".join(f"{name} {version(name)}" for name in names)
    system = f"{platform.system()} {platform.release()}"
    return (
        f"requests-nexmo-jwt {__version__}, {theirs}, Python {platform.python_version()}, {system}"
    )
