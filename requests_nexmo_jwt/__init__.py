"""Signs requests to the Nexmo (Vonage) API with a fresh JWT each."""

TYPE_CHECKING = False  # type checkers take it for True; typing's own would cost its import

__all__ = [
    "ClaimError",
    "CredentialsError",
    "EncryptedKeyError",
    "NexmoJWT",
    "NexmoJWTError",
    "PrivateKeyError",
    "ScopeError",
]

if TYPE_CHECKING:
    from .auth import NexmoJWT
    from .errors import (
        ClaimError,
        CredentialsError,
        EncryptedKeyError,
        NexmoJWTError,
        PrivateKeyError,
        ScopeError,
    )
else:

    def __getattr__(name):
        """Import a public name when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "NexmoJWT":
            from . import auth as module
        else:
            from . import errors as module
        globals()[name] = getattr(module, name)
        return globals()[name]

    def __dir__():
        return sorted({*globals(), *__all__})
