"""The versions of what is at work here, for a report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_OURS = "requests-nexmo-jwt"


def installed_version(distribution: str = _OURS) -> str:
    """Return the version of a distribution, ours by default."""
    try:
        return version(distribution)
    except PackageNotFoundError:  # run from a folder, not installed
        return "unknown"


def all_versions() -> str:
    """Return the versions of this package, its dependencies, Python and the system in a line."""
    names = (_OURS, "requests", "PyJWT", "cryptography")
    ours = ", ".join(f"{name} {installed_version(name)}" for name in names)
    system = f"{platform.system()} {platform.release()}"
    return f"{ours}, Python {platform.python_version()}, {system}"
