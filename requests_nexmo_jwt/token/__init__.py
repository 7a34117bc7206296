"""What a token says, how it is signed, and how one is taken apart."""

from importlib import import_module
from importlib.util import find_spec

from ..errors import NexmoJWTError


def _check_pyjwt() -> None:
    """Raise ``NexmoJWTError`` if ``import jwt`` would import anything else than PyJWT.

    A script of that name must not be imported at all: it may be the one that runs.
    """
    spec = find_spec("jwt")
    is_package = spec is not None and spec.submodule_search_locations is not None
    if spec and not (is_package and hasattr(import_module("jwt"), "PyJWS")):
        raise NexmoJWTError(
            str(spec.origin),
            "is imported as 'jwt', in the place of PyJWT",
            "Rename it. If it is PyPI's package 'jwt', uninstall that and install PyJWT again: "
            "python -m pip uninstall jwt; python -m pip install --force-reinstall PyJWT",
        )


_check_pyjwt()
