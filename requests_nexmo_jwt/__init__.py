"""Sign each request to the Nexmo (Vonage) API with a new JWT."""

__version__ = "0.1.0"

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
        """Import a public name, or the module that it is in, when it is first used (PEP 562)."""
        if name not in (*__all__, "auth", "errors"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(".auth" if name in ("NexmoJWT", "auth") else ".errors", __name__)
        globals()[name] = getattr(module, name, module)
        return globals()[name]

    def __dir__():
        return __all__
