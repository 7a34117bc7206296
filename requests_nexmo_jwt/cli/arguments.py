"""What several commands accept, and how their errors read."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from ..auth import NexmoJWT
from ..credentials.passphrase import ask_if_missing
from ..credentials.pem import PASSPHRASE_VARIABLE, is_pem, key_on_a_command_line
from ..errors import ClaimError, TokenError, Wording
from ..redaction import escaped, may_hold_key_text, quoted
from ..scope import HOSTS_VARIABLE
from ..token.acl import merged, read_acl
from ..token.claims import DEFAULT_TTL, MIN_TTL
from ..token.inspection import MAX_TEXT_BYTES, find_token


class Formatter(argparse.RawDescriptionHelpFormatter):
    """A formatter of help: at most 80 columns, and no break within a word."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(shutil.get_terminal_size().columns, 80) - 2)
        self._action_max_length = 14  # the name of the longest command, indented

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (
            part if "\n  " in part else "\n".join(self._split_lines(part, width - len(indent)))
            for part in text.split("\n\n")
        )
        return textwrap.indent("\n\n".join(paragraphs), indent)


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors are one line and show no key."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and ``message``, which is redacted if it quotes a key."""
        if may_hold_key_text(message):
            message = "invalid argument (redacted: may contain a key). A key is given as a path."
        line = escaped(f"{message} (usage: {self.prog} --help)").replace("\n", " ")
        self.exit(2, f"{self.prog}: error: {line}\n")


#: How errors read in the command's options.
OPTIONS = Wording(
    names={
        "application_id": "--app-id",
        "private_key": "--private-key",
        "key": "--private-key",
        "hosts": "--host",
        "ttl": "--ttl",
        "sub": "--sub",
        "acl": "--acl",
        "claims": "--claim",
    },
    remedies={
        "nothing-found": "Set VONAGE_APPLICATION_ID to the application's id and VONAGE_PRIVATE_KEY "
        "to the path of its private key, or pass --app-id and --private-key. Without an account, "
        "run 'nexmo-jwt sandbox'.",
        "swapped": "Exchange the two, as in --app-id ID --private-key PATH.",
        "api-key": "A token is signed with the id of an application, a UUID, and its private key. "
        "The Vonage dashboard has both, under Applications.",
        "ttl": "Pass --ttl instead.",
        "always-set": "Leave it out; the id is that of --app-id, the lifetime that of --ttl.",
        "passphrase-missing": f"Set {PASSPHRASE_VARIABLE}, or run this in a terminal, which asks "
        "for it.",
        "not-in-scope": "To allow it, pass --host {allowed}.",
        "hosts-variable": f"Unset {HOSTS_VARIABLE}, or pass --host {{allowed}}.",
        "takes-basic": "Pass the --url of a product that accepts a token.",
    },
)


def add_credentials(parser: argparse.ArgumentParser) -> None:
    """Add ``--app-id`` and ``--private-key``."""
    group = parser.add_argument_group(
        "credentials",
        "Without them, the environment (VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY) and the Vonage "
        "CLI's files (.vonagerc, vonage_app.json, ~/.vonage/config.json) are searched.",
    )
    group.add_argument("--app-id", type=filled, metavar="ID", help="the application's id")
    file = "the file with its private key"
    group.add_argument("--private-key", type=key_path, metavar="PATH", help=file)


def add_claims(parser: argparse.ArgumentParser) -> None:
    """Add ``--ttl``, ``--sub`` and ``--acl``."""
    life = f"lifetime: seconds, or such as 15m or 1h; {MIN_TTL} s to 24 h (default: 15m)"
    parser.add_argument("--ttl", type=seconds, metavar="TIME", help=life)
    parser.add_argument("--sub", metavar="NAME", help="a Vonage user's name")
    opens = "what it permits: a path, METHOD,METHOD:PATH, or @file.json; may be repeated"
    parser.add_argument("--acl", action="append", type=_acl, metavar="ACL", help=opens)


def claims(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return these options as keyword arguments of ``NexmoJWT``."""
    acl = merged(arguments.acl, "--acl") if arguments.acl else None
    ttl = DEFAULT_TTL if arguments.ttl is None else arguments.ttl
    return {"ttl": ttl, "sub": arguments.sub, "acl": acl}


def _acl(text: str) -> dict[str, Any]:
    try:
        return read_acl(text)
    except ClaimError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def auth(arguments: argparse.Namespace, **options: Any) -> NexmoJWT:
    """Return the auth object of the command's credentials."""
    check_both(arguments)
    given = arguments.app_id, arguments.private_key
    return ask_if_missing(lambda passphrase: NexmoJWT(*given, passphrase=passphrase, **options))


def check_both(arguments: argparse.Namespace) -> None:
    """Raise ``ArgumentTypeError`` if one of the credentials is given alone."""
    if bool(arguments.app_id) != bool(arguments.private_key):
        given, missing = "--app-id", "--private-key"
        if arguments.private_key:
            given, missing = missing, given
        problem = f"needs {missing} beside it: an id and a key are never mixed from two places"
        raise argparse.ArgumentTypeError(f"{given} {problem}")


def read_token(words: Sequence[str]) -> str:
    """Return the token in the words of an argument, or in stdin for ``-``."""
    if list(words) != ["-"]:
        return find_token(" ".join(words))
    content = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise TokenError("stdin", "has more than 1 MiB: that is not a token", "Give it a token.")
    return find_token(content.decode("utf-8", "replace"))


def filled(text: str) -> str:
    """Refuse what an unset variable leaves behind."""
    if text.strip():
        return text
    raise argparse.ArgumentTypeError("it is empty. Is the variable set?")


def seconds(text: str) -> int:
    """Read a whole number of seconds, or of minutes or hours: ``900``, ``15m``, ``1h``."""
    match = re.fullmatch("([+-]?[0-9]{1,9})([smh]?)", text)
    if match:
        return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
    problem = "is not a whole number of seconds, nor one with a unit, such as 15m or 1h"
    raise argparse.ArgumentTypeError(f"{quoted(text)} {problem}")


def key_path(text: str) -> str:
    """Refuse a key itself, which every process could read on the command line."""
    if not is_pem(text):
        return filled(text)
    raise argparse.ArgumentTypeError(str(key_on_a_command_line("it")))
