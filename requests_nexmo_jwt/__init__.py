"""Signs requests to the Nexmo (Vonage) API with a fresh JWT each."""

from .auth import NexmoJWT
from .errors import (
    ClaimError,
    CredentialsError,
    EncryptedKeyError,
    NexmoJWTError,
    PrivateKeyError,
    ScopeError,
)

__all__ = [
    "ClaimError",
    "CredentialsError",
    "EncryptedKeyError",
    "NexmoJWT",
    "NexmoJWTError",
    "PrivateKeyError",
    "ScopeError",
]
