"""A place where Vonage users keep an application's id and its private key, and what it says.

A place that is present but broken is an error: it was meant to be used.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple, Protocol

from ..errors import CredentialsError
from ..redaction import Hidden, Secret
from . import given, pem
from .key import Key, KeyPath, PrivateKey, absolute_path, read_file
from .pem import PASSPHRASE_VARIABLE

_MAX_CONFIG_BYTES = 1 << 20


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
    """Variables with an id, its key, and the API key and secret of the account that has it."""

    id_variable: str
    key_variables: tuple[str, ...]
    account_variables: tuple[str, str]

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none.

        Raises ``CredentialsError`` if there is an application id and no key, or ``PrivateKeyError``
        if that cannot be one.
        """
        is_set = [name for name in self.key_variables if os.environ.get(name, "").strip()]
        if not os.environ.get(self.id_variable, "").strip():
            return f"{self.id_variable} (not set{f', though {is_set[0]} is' if is_set else ''})"
        if not is_set:
            raise CredentialsError(
                self.id_variable,
                "is set, but there is no key beside it",
                f"Set {self.key_variables[0]} to the path of the application's private key, or to "
                "its PEM text.",
            )
        variable = is_set[0]
        if variable.endswith("64") and not pem.is_pem(os.environ[variable]):
            remedy = "Encode the whole key file: base64 < private.key"
            raise CredentialsError(variable, "is not base64 of a PEM", remedy)
        application_id, key = given.pair(
            Hidden(os.environ[self.id_variable].strip()),
            Hidden(os.environ[variable].strip()),
            self.id_variable,
            variable,
        )
        other = f"; not {is_set[1]}, which is set as well" if is_set[1:] else ""
        source = f"environment: {self.id_variable} and {variable} ({key.form}){other}"
        return Credentials(application_id, key, source, self)


def _with_prefix(prefix: str, application_id: str = "APPLICATION_ID") -> Environment:
    keys: tuple[str, ...] = ("PRIVATE_KEY", "PRIVATE_KEY_PATH", "APPLICATION_PRIVATE_KEY_PATH")
    keys += ("APPLICATION_PRIVATE_KEY", "PRIVATE_KEY64")
    keys += ("PRIVATE_KEY_CONTENTS", "PRIVATE_KEY_BASE64")
    return Environment(
        prefix + application_id,
        tuple(prefix + name for name in keys),
        (f"{prefix}API_KEY", f"{prefix}API_SECRET"),
    )


#: The names in Vonage's samples, a short one that people use, the older ones, and those of Vonage
#: Cloud Runtime. The value of a key variable is a path or PEM text, or if its name ends with 64,
#: base64 of PEM. The most frequent name comes first.
ENVIRONMENTS = (
    _with_prefix("VONAGE_"),
    _with_prefix("VONAGE_", "APP_ID"),
    _with_prefix("NEXMO_"),
    Environment(
        "VCR_API_APPLICATION_ID",
        ("VCR_PRIVATE_KEY",),
        ("VCR_API_ACCOUNT_ID", "VCR_API_ACCOUNT_SECRET"),
    ),
)

#: All variables in which credentials are looked for.
VARIABLES = (
    PASSPHRASE_VARIABLE,
    *(
        name
        for names in ENVIRONMENTS
        for name in (names.id_variable, *names.key_variables, *names.account_variables)
    ),
)


class CLIConfig(NamedTuple):
    """A file of the Vonage CLI: JSON with an application id and its key, text or path.

    ``path`` is absolute; a key's path in the file is relative to the file. The fields are in the
    order in which the CLI reads them.
    """

    path: str
    id_fields: tuple[str, ...] = ("appId", "app-id")
    key_fields: tuple[str, ...] = ("privateKey", "private-key")

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none.

        Raises ``CredentialsError`` if the file is broken, naming the field.
        """
        fields = self.fields(*self.id_fields, *self.key_fields)
        if fields is None:
            return f"{self.path} (no such file)"
        id_field = next((name for name in self.id_fields if name in fields), None)
        if id_field is None:
            return f"{self.path} (names no application)"
        key_field = next((name for name in self.key_fields if name in fields), None)
        remedy = "the path of the application's private key, or its PEM text."
        if key_field is None:
            same_spelling = self.key_fields[self.id_fields.index(id_field)]
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

    def fields(self, *names: str) -> dict[str, Secret | None] | None:
        """Return those of its fields ``names`` that are not blank, or None if there is no file.

        A value that is not a string becomes None.
        """
        try:
            _, content = read_file(self.path, _MAX_CONFIG_BYTES)
            config = json.loads(content.reveal().decode("utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError):
            return None
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
                    for name in names
                    if str(config.get(name) or "").strip()
                }
            problem = f"is JSON, but not an object with {self.id_fields[0]!r}"
            del config
        # Not within an ``except``: a JSONDecodeError carries the whole text, key and all.
        raise CredentialsError(self.path, problem, "Fix it or remove it.")


def places() -> tuple[Environment | CLIConfig, ...]:
    """Return the places in the order in which they are checked."""
    return (
        *ENVIRONMENTS,
        CLIConfig(absolute_path(".vonagerc")),
        # Of the CLI's releases 1 and 2.
        CLIConfig(absolute_path("vonage_app.json"), ("application_id",), ("private_key",)),
        CLIConfig(absolute_path("~/.vonage/config.json")),
    )


class Place(Protocol):
    """Where credentials came from, and are found again."""

    def read(self) -> Credentials | str:
        """Return the credentials, or a line that says why there are none."""
