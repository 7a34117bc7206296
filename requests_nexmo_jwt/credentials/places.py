"""A place where Vonage users keep an application's id and its private key, and what it says.

A place that is present but broken is an error: it was meant to be used.
"""

from __future__ import annotations

import base64
import json
import os
import re
from typing import Any, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..errors import CredentialsError, PrivateKeyError
from ..redaction import Secret
from . import key as keys
from . import pem
from .files import read_file

#: Opens an encrypted key, wherever the key comes from.
PASSPHRASE_VARIABLE = "VONAGE_PRIVATE_KEY_PASSPHRASE"  # noqa: S105 - a name

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

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# What is likely to be an API key or secret. People choose secrets of 8 to 25 characters.
_API_KEY = re.compile(r"[0-9a-zA-Z]{8}")
_API_SECRET = re.compile(r"[0-9a-zA-Z]{8,25}")


class Account(NamedTuple):
    """The API key and secret of an account, and a line that tells people where they came from."""

    api_key: Secret
    api_secret: Secret
    source: str

    @property
    def name(self) -> str:
        """The API key as a message may show it: not where it may be the secret."""
        is_shorter = len(self.api_key.reveal()) < len(self.api_secret.reveal())
        is_key = is_shorter and _API_KEY.fullmatch(self.api_key.text())
        return self.api_key.text() if is_key else "(API key redacted)"

    def header(self) -> str:
        """Return the ``Authorization`` header of the account (Basic, RFC 7617)."""
        pair = self.api_key.reveal() + b":" + self.api_secret.reveal()
        return f"Basic {base64.b64encode(pair).decode()}"


class Credentials(NamedTuple):
    """Who signs, and with what.

    ``private_key`` is PEM as a ``Secret``, an absolute path, a key object, or a ``Secret`` of
    whatever else an argument was; ``name`` is the argument, variable or field that it came
    from. ``source`` is a line that tells people where both came from; ``place`` finds them
    again, and is None where they came from nowhere but an argument. ``also_checked`` are the
    places before, which name no application.
    """

    application_id: str
    private_key: Any
    name: str
    source: str
    place: Place | None
    also_checked: tuple[str, ...] = ()

    def load_key(self, passphrase: Secret | RSAPrivateKey | None = None) -> keys.Key:
        """Load the key; ``passphrase`` is by default the environment's.

        Raises what ``keys.load`` raises.
        """
        if passphrase is None:
            passphrase = Secret(os.environ.get(PASSPHRASE_VARIABLE, ""), "str")
        if not isinstance(passphrase, Secret) or passphrase.kind not in ("str", "bytes"):
            kind = getattr(passphrase, "kind", "a private key")
            raise PrivateKeyError(f"passphrase is {kind}. Give it as str or bytes.")
        return keys.load(self.private_key, passphrase or None, name=self.name)


class Arguments(NamedTuple):
    """The arguments of ``NexmoJWT`` where the key is a file: ``path`` is absolute."""

    application_id: str
    path: str

    def read(self) -> Credentials:
        """Return the credentials; a missing file is reported when the key is loaded."""
        source = f"arguments: private key file {self.path}"
        return Credentials(self.application_id, self.path, "private_key", source, self)


class Environment(NamedTuple):
    """The environment's variables that begin with ``prefix``."""

    prefix: str

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none.

        Raises ``CredentialsError`` where there is an application id and no key.
        """
        is_cloud = self.prefix == _CLOUD_RUNTIME
        id_variable = f"{self.prefix}{_CLOUD_ID_VARIABLE if is_cloud else _ID_VARIABLE}"
        application_id = os.environ.get(id_variable, "").strip()
        names = _CLOUD_KEY_VARIABLES if is_cloud else _KEY_VARIABLES
        variables = [f"{self.prefix}{name}" for name in names]
        variable = next((name for name in variables if os.environ.get(name, "").strip()), None)
        if not application_id:
            return f"{id_variable} (not set{f', though {variable} is' if variable else ''})"
        if variable:
            given = Secret(os.environ[variable].strip())
            if variable.endswith("64") and not pem.is_pem(given.reveal()):
                raise CredentialsError(
                    f"{variable} is not base64 of a PEM. Encode the whole key file: base64 < "
                    "private.key"
                )
            source = f"environment: {id_variable} and {variable} ({_form(given)})"
            check_mistaken(application_id, given, id_variable, variable)
            private_key = _key_or_path(given, variable)
            return Credentials(application_id, private_key, variable, source, self)
        raise CredentialsError(
            f"{id_variable} is set, but there is no key beside it. Set {self.prefix}PRIVATE_KEY to "
            "the path of the application's private key, or to its PEM text."
        )

    def account(self) -> Account | None:
        """Return the account that is named here, if any."""
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

        Raises ``CredentialsError`` where the file is broken, naming the field.
        """
        fields = self._known_fields()
        if fields is None:
            return f"{self.path} (no such file)"
        id_field = next((name for name in _ID_FIELDS if name in fields), None)
        if id_field is None:
            return f"{self.path} (names no application)"
        key_field = next((name for name in _KEY_FIELDS if name in fields), None)
        if key_field is None:
            same_spelling = _KEY_FIELDS[_ID_FIELDS.index(id_field)]
            raise CredentialsError(
                f"{self.path} has {id_field!r}, but no {same_spelling!r} beside it. Add the path "
                "of the application's private key, or its PEM text."
            )
        application_id, private_key = fields[id_field], fields[key_field]
        if application_id is None or pem.is_pem(application_id.reveal()):
            raise CredentialsError(
                f"{self.path}: {id_field!r} is not a string. Make it the application's id."
            )
        if private_key is None:
            raise CredentialsError(
                f"{self.path}: {key_field!r} is not a string. Make it the path of the "
                "application's private key, or its PEM text."
            )
        source = f"{self.path}: {id_field} and {key_field} ({_form(private_key)})"
        name = f"{key_field!r} in {self.path}"
        folder = os.path.dirname(self.path)
        id_name = f"{id_field!r} in {self.path}"
        check_mistaken(application_id.text(), private_key, id_name, name, folder)
        key_or_path = _key_or_path(private_key, name, folder)
        return Credentials(application_id.text(), key_or_path, name, source, self)

    def account(self) -> Account | None:
        """Return the account that is named here, if any."""
        fields = self._known_fields() or {}
        keys = (fields[name] for name in _API_KEY_FIELDS if fields.get(name))
        secrets = (fields[name] for name in _API_SECRET_FIELDS if fields.get(name))
        api_key, api_secret = next(keys, None), next(secrets, None)
        return Account(api_key, api_secret, self.path) if api_key and api_secret else None

    def _known_fields(self) -> dict[str, Secret | None] | None:
        """Return the fields that matter and are not blank; None for one that is no string.

        Without a file there are none to return.
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
        raise CredentialsError(f"{self.path} {problem}. Fix it or remove it.")


class Place(Protocol):
    """Where credentials came from, and are found again."""

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none."""


def check_mistaken(
    application_id: Any, private_key: Secret, id_name: str, key_name: str, folder: str = ""
) -> None:
    """Raise ``CredentialsError`` for values that were probably mixed up with an id and a key.

    The names say where both came from; a path is relative to ``folder``.
    """
    is_file = os.path.exists(keys.absolute_path(private_key.text(), folder))
    if is_file or not isinstance(application_id, str):
        return
    if _UUID.fullmatch(private_key.text().strip()):
        raise CredentialsError(
            f"{key_name} looks like an application id; perhaps the arguments were swapped. Give "
            "the id first, then the key: NexmoJWT(ID, PATH), or -a ID:PATH with http."
        )
    if _API_KEY.fullmatch(application_id) and _API_SECRET.fullmatch(private_key.text()):
        raise CredentialsError(
            f"{id_name} looks like an API key, and {key_name} like an API secret (redacted; "
            "if it names a key file, no such file exists). A token is signed with the id of an "
            "application, a UUID, and the path of its private key. Where a product takes key and "
            "secret: requests.get(url, auth=(KEY, SECRET)), or http -a KEY:SECRET."
        )


def _leads_nowhere(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _key_or_path(private_key: Secret, name: str, folder: str = "") -> Secret | str:
    if pem.is_pem(private_key.reveal()):
        return private_key
    return keys.resolve(private_key, name=name, folder=folder)


def _form(private_key: Secret) -> str:
    return "PEM text" if pem.is_pem(private_key.reveal()) else "a path"
