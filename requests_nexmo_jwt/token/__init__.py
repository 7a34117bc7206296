"""What a token says, how it is signed, and how one is taken apart."""

from importlib import import_module
from importlib.util import find_spec

from ..errors import NexmoJWTError


def _check_pyjwt() -> None:
    """Raise ``NexmoJWTError`` if ``import jwt`` would import anything else than PyJWT.

    A script of that name must not be imported at all: it may be the one that runs.
    """
    spec = find_spec("jwt")
    if spec and not (spec.submodule_search_locations is not None and _is_pyjwt()):
        raise NexmoJWTError(
            str(spec.origin),
            "is imported as 'jwt', in the place of PyJWT 2.8 or later",
            "Rename it. If it is PyPI's 'jwt' or an old PyJWT: python -m pip uninstall jwt; "
            "python -m pip install --force-reinstall 'PyJWT>=2.8'",
        )


def _is_pyjwt() -> bool:
    try:
        return hasattr(import_module("jwt").PyJWS, "decode_complete")
    except Exception:  # whatever a stranger's module raises
        return False


_check_pyjwt()
