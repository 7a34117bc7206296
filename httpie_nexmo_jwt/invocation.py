"""What HTTPie knows of the command that runs, beyond its contract with plugins."""

from __future__ import annotations

import logging

from httpie.cli.definition import parser
from httpie.context import LogLevel

from requests_nexmo_jwt.errors import ScopeError
from requests_nexmo_jwt.scope import ENDPOINT_VARIABLE, Scope


def ignores_stdin() -> bool:
    """Return whether ``--ignore-stdin`` was given, which forbids asking for a passphrase."""
    return getattr(getattr(parser, "args", None), "ignore_stdin", True)


def is_in_a_session() -> bool:
    """Return whether HTTPie took the auth from a session, and not from the command line."""
    return getattr(getattr(parser, "args", None), "auth_plugin", None) is None


def check_scope(hosts: list[str] | None) -> None:
    """Raise ``ScopeError`` now if the request would raise it later, outside of the plugin.

    Also for ``--proxy`` while ``NEXMO_JWT_ENDPOINT`` is set: the request is to stay here.
    """
    args, scope = getattr(parser, "args", None), Scope(hosts)
    url = getattr(args, "url", None)
    if url:
        scope.required_destination(url)
    if getattr(args, "proxy", None) and scope.hosts.endpoint:
        problem = f"leads away from {scope.hosts.endpoint}, which {ENDPOINT_VARIABLE} names"
        remedy = f"Leave it out, or unset {ENDPOINT_VARIABLE}."
        raise ScopeError("--proxy", problem, remedy, "endpoint")


def has_other_credentials(auth_type: str) -> bool:
    """Return whether a header was typed, or the session has one or an auth type other than this."""
    args = parser.args
    if "Authorization" in args.headers:
        return True
    name = args.session or args.session_read_only
    if not name:
        return False
    from httpie.sessions import get_httpie_session

    try:
        where = parser.env, parser.env.config.directory, name, args.headers.get("Host"), args.url
        session = get_httpie_session(*where, suppress_legacy_warnings=True)
        stored = {"type": None, "raw_auth": None, **(session.get("auth") or {})}
        is_ours = stored["type"] in (None, auth_type) and stored["raw_auth"] is None
        return "Authorization" in session.headers or not is_ours
    except Exception:  # the file is broken, which HTTPie itself reports
        return True


def show_warnings() -> None:
    """Show this package's warnings as HTTPie shows its own."""
    logger = logging.getLogger("requests_nexmo_jwt")
    if not logger.handlers and hasattr(parser, "env"):
        logger.addHandler(_HTTPieHandler(logging.WARNING))


class _HTTPieHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        parser.env.log_error(record.getMessage(), level=LogLevel.WARNING)
