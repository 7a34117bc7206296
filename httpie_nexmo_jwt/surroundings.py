"""What HTTPie knows of the command that runs, and does not tell its plugins."""

from __future__ import annotations

import logging

from httpie.cli.definition import parser
from httpie.context import LogLevel


def ignores_stdin() -> bool:
    """Tell whether ``--ignore-stdin`` was given, by which nothing may be asked for."""
    return getattr(getattr(parser, "args", None), "ignore_stdin", True)


def comes_from_a_session() -> bool:
    """Tell whether a session kept what ``-a`` said, so that nobody has typed it now."""
    return hasattr(parser, "args") and getattr(parser.args, "auth_plugin", None) is None


def show_warnings() -> None:
    """Show our warnings as HTTPie shows its own, and where it does."""
    logger = logging.getLogger("requests_nexmo_jwt")
    if not logger.handlers and hasattr(parser, "env"):
        logger.addHandler(_HTTPieHandler(logging.WARNING))


class _HTTPieHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        parser.env.log_error(record.getMessage(), level=LogLevel.WARNING)
