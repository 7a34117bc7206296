"""The ``nexmo-jwt`` command: arguments in, text out; what it shows, other rooms decide."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

from . import credentials, doctor, inspection, keys
from .auth import NexmoJWT
from .claims import DEFAULT_TTL, MAX_TTL, MIN_TTL, read_time, span
from .errors import (
    KEY_ON_A_COMMAND_LINE,
    ClaimError,
    NexmoJWTError,
    TokenError,
    may_hold_key_text,
    printable,
    shown,
)
from .sandbox import Sandbox

_MAX_ACL_BYTES = 1 << 20

_LONGEST_OFFSET = 100 * 365 * 86400

_METHODS_AND_PATH = re.compile(r"([A-Z]+(?:,[A-Z]+)*):(/.*)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 good, 1 bad, 2 wrong usage."""
    # A stream that the shell has closed is None; print would take stdout for it.
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - likewise
    if sys.stdout is None:
        return _fail("stdout is closed, so the result cannot be written. Leave it open.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except (ClaimError, argparse.ArgumentTypeError) as error:
        parser.error(str(error))
    except NexmoJWTError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # Whoever reads has enough. Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"cannot write the result: {error.strerror}.")
    except KeyboardInterrupt:
        return 130
    return status


def _fail(message: str) -> int:
    print(f"nexmo-jwt: {printable(message)}", file=sys.stderr)
    return 1


def _show(*lines: str) -> None:
    print(*map(printable, lines), sep="\n", flush=True)


# ---- Arguments -------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with status 2 and ``message``, which is not shown where it quotes a key."""
        if may_hold_key_text(message):
            message = (
                "an argument is wrong; it is not shown, since it may hold a key. A key is given as "
                "the path of its file."
            )
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="nexmo-jwt",
        description="JSON Web Tokens for the Nexmo (Vonage) API.",
        epilog="examples:\n"
        '  curl -H "Authorization: Bearer $(nexmo-jwt token)" https://api.nexmo.com/v1/calls\n'
        "  nexmo-jwt token --ttl 3600 --sub alice --acl '/*/users/**' --acl 'GET:/*/calls/**'\n"
        "  pbpaste | nexmo-jwt inspect -\n"
        "  nexmo-jwt check\n"
        "  nexmo-jwt sandbox\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_token(commands)
    _add_inspect(commands)
    _add_check(commands)
    _add_sandbox(commands)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, description: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_credentials(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "credentials",
        "Both, or neither: then they are found in the environment (VONAGE_APPLICATION_ID, "
        "VONAGE_PRIVATE_KEY)\nor in the Vonage CLI's files (.vonagerc, ~/.vonage/config.json).",
    )
    group.add_argument("--app-id", type=_filled, metavar="ID", help="the application's id")
    group.add_argument(
        "--private-key", type=_key_path, metavar="PATH", help="the file with its private key"
    )


def _add_token(commands: Any) -> None:
    parser = _command(
        commands,
        "token",
        _token,
        "print a new token",
        "Print a new token and nothing else.\n\n"
        '  curl -H "Authorization: Bearer $(nexmo-jwt token)" https://api.nexmo.com/v1/calls\n'
        '  curl -H "$(nexmo-jwt token --header)" https://api.nexmo.com/v1/calls',
    )
    parser.add_argument(
        "--ttl",
        type=_seconds,
        default=DEFAULT_TTL,
        metavar="S",
        help=f"seconds that it is valid, {MIN_TTL} to {MAX_TTL} (default: {DEFAULT_TTL})",
    )
    parser.add_argument("--sub", metavar="NAME", help="a Vonage user's name")
    parser.add_argument(
        "--acl",
        action="append",
        type=_acl,
        metavar="ACL",
        help="what it opens: a path, METHOD,METHOD:PATH, or @file.json; may be repeated",
    )
    parser.add_argument(
        "--claim",
        action="append",
        type=_claim,
        default=[],
        metavar="NAME=JSON",
        help="a further claim; may be repeated",
    )
    parser.add_argument(
        "--not-before",
        type=_seconds,
        metavar="S",
        help="seconds from now at which it becomes valid",
    )
    parser.add_argument(
        "--header", action="store_true", help="print the whole header line, 'Authorization: ...'"
    )
    _add_credentials(parser)


def _add_inspect(commands: Any) -> None:
    parser = _command(
        commands,
        "inspect",
        _inspect,
        "show what a token says, and which of Nexmo's rules it keeps",
        "Show what a token says, and which of Nexmo's rules it keeps. It needs no key; where one\n"
        "is at hand, it tells whether the token was signed with it.",
    )
    parser.add_argument(
        "token",
        nargs="+",
        metavar="TOKEN",
        help="a token, an Authorization header or a curl command line; - reads stdin",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    _add_credentials(parser)


def _add_check(commands: Any) -> None:
    parser = _command(
        commands,
        "check",
        _check,
        "find out why a request is refused",
        "Look at the credentials, the key and the clock, make one request, and say what is wrong.",
    )
    parser.add_argument(
        "--url",
        default=doctor.DEFAULT_URL,
        help="what to request; it must be in scope (default: %(default)s)",
    )
    parser.add_argument(
        "--public-key", action="store_true", help="print the public key, for Vonage's dashboard"
    )
    parser.add_argument(
        "--token", type=_filled, help="send this token instead of a new one; - reads it from stdin"
    )
    _add_credentials(parser)


def _add_sandbox(commands: Any) -> None:
    parser = _command(
        commands,
        "sandbox",
        _sandbox,
        "run a loopback Nexmo that judges tokens as Nexmo does",
        "Run a loopback Nexmo with a throwaway application: it takes the requests that Nexmo\n"
        "would take, and says of the others which rule they break. Ctrl-C stops it.",
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="the port on 127.0.0.1 (default: a free one)"
    )
    parser.add_argument(
        "--clock-offset",
        type=_seconds,
        default=0,
        metavar="SECONDS",
        help="set the sandbox's clock ahead of this machine's, or behind it if negative",
    )


def _filled(text: str) -> str:
    """Refuse what an unset variable leaves behind."""
    if text.strip():
        return text
    raise argparse.ArgumentTypeError("it is empty. Is the variable set?")


def _key_path(text: str) -> str:
    if not keys.is_pem(text):
        return _filled(text)
    raise argparse.ArgumentTypeError(KEY_ON_A_COMMAND_LINE)


def _port(text: str) -> int:
    if re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{shown(text)} is no port: give 1 to 65535, or 0 for a free one"
    )


def _seconds(text: str) -> int:
    with suppress(ValueError):
        if abs(int(text)) <= _LONGEST_OFFSET:
            return int(text)
    raise argparse.ArgumentTypeError(
        f"{shown(text)} is no whole number of seconds, of 100 years at most"
    )


def _acl(text: str) -> dict[str, Any]:
    """Return the paths that one ``--acl`` names, each with its rule."""
    if text.startswith("@"):
        path = shown(text[1:])
        try:
            with open(text[1:], "rb") as file:
                acl = json.loads(file.read(_MAX_ACL_BYTES))
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise argparse.ArgumentTypeError(f"{path} is not JSON") from None
        if not isinstance(acl, dict) or not isinstance(acl.get("paths"), dict) or len(acl) > 1:
            raise argparse.ArgumentTypeError(f'{path} is not of the form {{"paths": {{...}}}}')
        return dict(acl["paths"])
    match = _METHODS_AND_PATH.fullmatch(text)
    if match:
        return {match[2]: {"methods": match[1].split(",")}}
    if text.startswith("/"):
        return {text: {}}
    raise argparse.ArgumentTypeError(
        f"{shown(text)} is neither a path, METHOD,METHOD:PATH nor @file.json"
    )


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{shown(text)} is not of the form NAME=JSON")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"the value of {shown(name)} is not JSON; a string has quotes: 'NAME=\"...\"'"
        ) from None


# ---- Commands --------------------------------------------------------------------------------


def _token(arguments: argparse.Namespace) -> int:
    claims = dict(arguments.claim)
    if len(claims) < len(arguments.claim):
        raise ClaimError("--claim names one claim twice. Give it once.")
    if arguments.not_before is not None:
        if arguments.not_before >= arguments.ttl:
            raise ClaimError(
                "--not-before is after the token's end, so that it would never be valid."
            )
        claims["nbf"] = int(time.time()) + arguments.not_before
    paths: dict[str, Any] = {}
    for named in arguments.acl or []:
        for path, rule in named.items():
            if path in paths and paths[path] != rule:
                raise ClaimError(
                    f"--acl names {shown(path)} twice. Give it once, with all its methods."
                )
            paths[path] = rule
    token = _auth(
        arguments,
        ttl=arguments.ttl,
        sub=arguments.sub,
        acl={"paths": paths} if arguments.acl else None,
        claims=claims,
    ).token()
    print(f"Authorization: Bearer {token}" if arguments.header else token)
    return 0


def _auth(arguments: argparse.Namespace, **options: Any) -> NexmoJWT:
    """Return the auth object of the command's credentials."""
    _check_both(arguments)
    return credentials.asking(
        lambda passphrase: NexmoJWT(
            arguments.app_id, arguments.private_key, passphrase=passphrase, **options
        )
    )


def _check_both(arguments: argparse.Namespace) -> None:
    if bool(arguments.app_id) != bool(arguments.private_key):
        given, missing = "--app-id", "--private-key"
        if arguments.private_key:
            given, missing = missing, given
        raise argparse.ArgumentTypeError(
            f"{given} needs {missing} beside it: an id and a key are never mixed from two places"
        )


def _read(words: Sequence[str]) -> str:
    """Return the text of an argument, or of stdin for ``-``."""
    if list(words) != ["-"]:
        return inspection.find_token(" ".join(words))
    try:
        content = sys.stdin.buffer.read(inspection.MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise TokenError(f"stdin cannot be read: {error.strerror}. Give it a token.") from None
    if len(content) > inspection.MAX_TEXT_BYTES:
        raise TokenError("stdin has more than 1 MiB: that is no token.")
    return inspection.find_token(content.decode("utf-8", "replace"))


def _inspect(arguments: argparse.Namespace) -> int:
    found = inspection.inspect(_read(arguments.token))
    now = time.time()
    rules = found.rules(now=now)
    verified, signature = _signature(arguments, found)
    good = all(rule.kept for rule in rules) and verified is not False
    if arguments.json:
        report = {
            "ok": good,
            "header": found.header,
            "claims": found.claims,
            "rules": [vars(rule) for rule in rules],
            "signature": {"verified": verified, "reason": f"the signature {signature}"},
        }
        print(json.dumps(report, indent=2))
        return 0 if good else 1
    print("header")
    _print_fields(found.header, now)
    print("\nclaims")
    _print_fields(found.claims, now)
    print("\nrules")
    for rule in rules:
        print(f"  {_mark(rule.kept)} {rule.name + ': ' if rule.kept else ''}{rule.reason}")
    print(f"  {_mark(verified)} the signature {printable(signature)}")
    return 0 if good else 1


def _signature(
    arguments: argparse.Namespace, found: inspection.Inspection
) -> tuple[bool | None, str]:
    """Verify the signature where a key is at hand; None where it was not verified."""
    if arguments.app_id:
        _check_both(arguments)
    try:
        if arguments.private_key:
            ours = credentials.find(arguments.app_id or "", arguments.private_key)
            return doctor.signature_verdict(found, ours, credentials.asking(ours.load_key))
        ours = credentials.find(None, None)
        return doctor.signature_verdict(found, ours, ours.load_key())
    except credentials.NothingFoundError:
        return None, "was not verified: there is no key at hand (--private-key names one)"
    except NexmoJWTError as error:
        if arguments.private_key:
            raise
        return None, f"was not verified: {error}"


def _print_fields(fields: dict[str, Any], now: float) -> None:
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        # JSON escapes whatever a terminal might obey.
        line = f"  {json.dumps(name)[1:-1]:{width}}  {json.dumps(value)}"
        moment = read_time(value) if name in ("iat", "exp", "nbf") else None
        if moment is not None:
            line += f"  {_when(moment, now)}"
            issued = read_time(fields.get("iat"))
            if name == "exp" and issued is not None:
                line += f", {moment - issued} s after iat"
        print(line)


def _when(moment: int, now: float) -> str:
    """Return Unix seconds as UTC, and as people say it."""
    try:
        date = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "beyond all calendars"
    return (
        f"{date}, in {span(moment - now)}" if moment > now else f"{date}, {span(now - moment)} ago"
    )


def _mark(kept: bool | None) -> str:
    """Return a tick, a cross or a question mark, in what the terminal can show."""
    try:
        "\u2713".encode(sys.stdout.encoding or "ascii")
        tick, cross = "\u2713", "\u2717"
    except UnicodeEncodeError:
        tick, cross = "+", "x"
    mark, colour = {True: (tick, 32), False: (cross, 31), None: ("?", 33)}[kept]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):  # no-color.org
        return f"\033[{colour}m{mark}\033[0m"
    return mark


def _check(arguments: argparse.Namespace) -> int:
    # What a request would log, this command says itself.
    logging.getLogger(__package__).addHandler(logging.NullHandler())
    if arguments.token is not None:
        token = _read([arguments.token])
        inspection.inspect(token)
        good, lines = doctor.ask(arguments.url, doctor.GivenToken(token), None)
        _show(*lines)
        return 0 if good else 1
    _check_both(arguments)
    found = credentials.find(arguments.app_id, arguments.private_key)
    _show(*doctor.describe_credentials(found))
    auth = _auth(arguments)
    key = auth._loaded_key()
    _show(*doctor.describe_key(key, found))
    if arguments.public_key:
        _show("", doctor.public_key_pem(key))
    good, lines = doctor.ask(arguments.url, auth, key.fingerprint)
    _show(*lines)
    return 0 if good else 1


def _sandbox(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    try:
        nexmo = Sandbox(port=arguments.port, clock_offset=arguments.clock_offset)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        other = " Give another --port, or none for a free one." if arguments.port else ""
        return _fail(f"the sandbox cannot start: {what}.{other}")
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    with nexmo:
        url = f"{nexmo.url}/v1/calls"
        print(f"A loopback Nexmo on {nexmo.url}; Ctrl-C stops it.")
        print(f"Application id: {nexmo.application_id}")
        print(f"Private key:    {nexmo.private_key} (gone when it stops)")
        print("\nCall it, from another terminal:\n")
        auth = f"--auth={nexmo.application_id}:{nexmo.private_key}"
        print(shlex.join([_installed("http"), "--auth-type=nexmo-jwt", auth, "GET", url]))
        print()
        script = (
            "import requests; from requests_nexmo_jwt import NexmoJWT; "
            f'auth = NexmoJWT("{nexmo.application_id}", "{nexmo.private_key}"); '
            f'print(requests.get("{url}", auth=auth).text)'
        )
        print(shlex.join([sys.executable, "-c", script]), flush=True)
        stop.wait()
    return 0


def _installed(program: str) -> str:
    """Return how to call a ``program`` that pip installed beside us: by path if PATH has not it."""
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() and shutil.which(program) != str(beside) else program
