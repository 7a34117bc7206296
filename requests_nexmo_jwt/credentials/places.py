"""A place where Vonage users keep an application's id and its private key, and what it says.

A place that is present but broken is an error: it was meant to be used.
"""

from __future__ import annotations

import base64
import json
import os
from typing import NamedTuple, Protocol

from ..errors import CredentialsError
from ..redaction import Hidden, Secret
from ..vonage import identifiers
from . import given, pem
from .key import Key, KeyPath, PrivateKey, read_file
from .pem import PASSPHRASE_VARIABLE

# The variables in which Vonage's samples keep an id and its key, less their prefix. A value is a
# path, PEM text or, in the one with 64, base64 of PEM.
_ID_VARIABLE = "APPLICATION_ID"
_KEY_VARIABLES = (
    "PRIVATE_KEY",
    "PRIVATE_KEY_PATH",
    "APPLICATION_PRIVATE_KEY_PATH",
    "APPLICATION_PRIVATE_KEY",
    "PRIVATE_KEY64",
)
# Vonage Cloud Runtime has one of each.
_CLOUD_RUNTIME = "VCR_"
_CLOUD_ID_VARIABLE = "API_APPLICATION_ID"
_CLOUD_KEY_VARIABLES = ("PRIVATE_KEY",)

#: The prefixes of these variables, in the order in which they are checked.
PREFIXES = ("VONAGE_", "NEXMO_", _CLOUD_RUNTIME)

#: All variables in which credentials are looked for.
VARIABLES = (
    PASSPHRASE_VARIABLE,
    *(f"{_CLOUD_RUNTIME}{name}" for name in (_CLOUD_ID_VARIABLE, *_CLOUD_KEY_VARIABLES)),
    *(
        f"{prefix}{name}"
        for prefix in PREFIXES
        if prefix != _CLOUD_RUNTIME
        for name in (_ID_VARIABLE, *_KEY_VARIABLES, "API_KEY", "API_SECRET")
    ),
)

# The Vonage CLI's fields, in the order in which it reads them.
_ID_FIELDS = ("appId", "app-id")
_KEY_FIELDS = ("privateKey", "private-key")
_API_KEY_FIELDS = ("apiKey", "api-key")
_API_SECRET_FIELDS = ("apiSecret", "api-secret")

_MAX_CONFIG_BYTES = 1 << 20


class Account(NamedTuple):
    """The API key and secret of an account, and where they came from, as a line for people."""

    api_key: Secret
    api_secret: Secret
    source: str

    @property
    def name(self) -> str:
        """The API key as a message may show it: redacted if it may be the secret."""
        is_shorter = len(self.api_key.reveal()) < len(self.api_secret.reveal())
        is_key = is_shorter and identifiers.may_be_api_key(self.api_key.text())
        return self.api_key.text() if is_key else "(API key redacted)"

    def header(self) -> str:
        """Return the ``Authorization`` header of the account (Basic, RFC 7617)."""
        pair = self.api_key.reveal() + b":" + self.api_secret.reveal()
        return f"Basic {base64.b64encode(pair).decode()}"


class Credentials(NamedTuple):
    """Who signs, and with what.

    ``source`` says where both came from, as a line for people. ``place`` finds them again; it is
    None if they were passed as text or as an object. ``also_checked`` are the places before, which
    name no application.
    """

    application_id: str
    key: PrivateKey
    source: str
    place: Place | None
    also_checked: tuple[str, ...] = ()

    def load_key(self, passphrase: Secret | None = None) -> Key:
        """Load the key; ``passphrase`` is by default the environment's.

        Raises ``PrivateKeyError``, or ``EncryptedKeyError`` if the passphrase is missing or wrong.
        """
        if passphrase is None:
            passphrase = Secret(os.environ.get(PASSPHRASE_VARIABLE, ""))
        return self.key.load(passphrase or None)


class Arguments(NamedTuple):
    """The arguments of ``NexmoJWT`` if the key is a file."""

    application_id: str
    key: KeyPath

    def read(self) -> Credentials:
        """Return the credentials; a missing file is reported when the key is loaded."""
        source = f"arguments: private key file {self.key.path}"
        return Credentials(self.application_id, self.key, source, self)


class Environment(NamedTuple):
    """The environment's variables that begin with ``prefix``."""

    prefix: str

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none.

        Raises ``CredentialsError`` if there is an application id and no key.
        """
        is_cloud = self.prefix == _CLOUD_RUNTIME
        id_variable = f"{self.prefix}{_CLOUD_ID_VARIABLE if is_cloud else _ID_VARIABLE}"
        names = _CLOUD_KEY_VARIABLES if is_cloud else _KEY_VARIABLES
        variables = [f"{self.prefix}{name}" for name in names]
        variable = next((name for name in variables if os.environ.get(name, "").strip()), None)
        if not os.environ.get(id_variable, "").strip():
            return f"{id_variable} (not set{f', though {variable} is' if variable else ''})"
        if variable is None:
            raise CredentialsError(
                id_variable,
                "is set, but there is no key beside it",
                f"Set {self.prefix}PRIVATE_KEY to the path of the application's private key, or "
                "to its PEM text.",
            )
        text = Secret(os.environ[variable].strip())
        if variable.endswith("64") and not pem.is_pem(text.reveal()):
            remedy = "Encode the whole key file: base64 < private.key"
            raise CredentialsError(variable, "is not base64 of a PEM", remedy)
        application_id, key = given.pair(
            Hidden(os.environ[id_variable].strip()), Hidden(text.text()), id_variable, variable
        )
        source = f"environment: {id_variable} and {variable} ({key.form})"
        return Credentials(application_id, key, source, self)

    def account(self) -> Account | None:
        """Return the account that is named here, or None."""
        names = [f"{self.prefix}API_KEY", f"{self.prefix}API_SECRET"]
        api_key, api_secret = (Secret(os.environ.get(name, "").strip()) for name in names)
        if not (api_key and api_secret) or self.prefix == _CLOUD_RUNTIME:
            return None
        return Account(api_key, api_secret, " and ".join(names))


class CLIConfig(NamedTuple):
    """A file of the Vonage CLI: JSON with an application id and its key, text or path.

    ``path`` is absolute; a key's path in the file is relative to the file.
    """

    path: str

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none.

        Raises ``CredentialsError`` if the file is broken, naming the field.
        """
        fields = self._known_fields()
        if fields is None:
            return f"{self.path} (no such file)"
        id_field = next((name for name in _ID_FIELDS if name in fields), None)
        if id_field is None:
            return f"{self.path} (names no application)"
        key_field = next((name for name in _KEY_FIELDS if name in fields), None)
        remedy = "the path of the application's private key, or its PEM text."
        if key_field is None:
            same_spelling = _KEY_FIELDS[_ID_FIELDS.index(id_field)]
            problem = f"has {id_field!r}, but no {same_spelling!r} beside it"
            raise CredentialsError(self.path, problem, f"Add {remedy}")
        application_id, private_key = fields[id_field], fields[key_field]
        if application_id is None or private_key is None:
            field = id_field if application_id is None else key_field
            remedy = "the application's id." if application_id is None else remedy
            raise CredentialsError(
                f"{field!r} in {self.path}", "is not a string", f"Make it {remedy}"
            )
        checked, key = given.pair(
            Hidden(application_id.text()),
            Hidden(private_key.text()),
            f"{id_field!r} in {self.path}",
            f"{key_field!r} in {self.path}",
            os.path.dirname(self.path),
        )
        source = f"{self.path}: {id_field} and {key_field} ({key.form})"
        return Credentials(checked, key, source, self)

    def account(self) -> Account | None:
        """Return the account that is named here, or None."""
        fields = self._known_fields() or {}
        keys = (fields[name] for name in _API_KEY_FIELDS if fields.get(name))
        secrets = (fields[name] for name in _API_SECRET_FIELDS if fields.get(name))
        api_key, api_secret = next(keys, None), next(secrets, None)
        return Account(api_key, api_secret, self.path) if api_key and api_secret else None

    def _known_fields(self) -> dict[str, Secret | None] | None:
        """Return the fields that matter and are not blank, or None if there is no file.

        A value that is not a string becomes None.
        """
        try:
            _, content = read_file(self.path, _MAX_CONFIG_BYTES)
            config = json.loads(content.reveal().decode("utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError):
            if not any(map(_leads_nowhere, (self.path, os.path.dirname(self.path)))):
                return None
            problem = "is behind a link that leads nowhere"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        except json.JSONDecodeError as error:
            problem = f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        except (ValueError, RecursionError):
            problem = "is not JSON in UTF-8"
        else:
            if isinstance(config, dict):
                return {
                    name: Secret(config[name].strip()) if isinstance(config[name], str) else None
                    for name in (*_ID_FIELDS, *_KEY_FIELDS, *_API_KEY_FIELDS, *_API_SECRET_FIELDS)
                    if not _is_blank(config.get(name))
                }
            problem = "is JSON, but not an object with 'appId' and 'privateKey'"
            del config
        # Not within an ``except``: a JSONDecodeError carries the whole text, key and all.
        raise CredentialsError(self.path, problem, "Fix it or remove it.")


class Place(Protocol):
    """Where credentials came from, and are found again."""

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none."""


def _leads_nowhere(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
