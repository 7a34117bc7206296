"""A file that holds a key: its version, and its content without waiting for a pipe."""

from __future__ import annotations

import errno
import os
import select
import stat

from ..redaction import Secret

#: What tells one version of a file from the next.
Version = tuple[int, ...]

# Seconds in which a shell has begun to write to its pipe.
_WAIT_FOR_A_WRITER = 0.5


def version_of(file: str | int) -> Version | None:
    """Return what tells one version of a file from the next; None where it is no regular file.

    The time of a change of mode or owner is a part of it: it may make a file readable.
    """
    try:
        found = os.stat(file)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None  # a pipe, such as a shell's <(...), can be read only once
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def read_file(path: str, limit: int) -> tuple[Version | None, Secret]:
    """Return the version of a file and its first ``limit`` bytes.

    A pipe without a writer raises an ``OSError``, where ``open`` would wait for ever.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            select.select([file], [], [], _WAIT_FOR_A_WRITER)
            begun = _begun(file.fileno(), limit)
            os.set_blocking(file.fileno(), True)
            return None, Secret(begun.reveal() + file.read(limit))
        return version_of(file.fileno()), Secret(file.read(limit))


def _begun(pipe: int, limit: int) -> Secret:
    """Return what is in a pipe; raise ``OSError`` where it has no writer."""
    try:
        begun = Secret(os.read(pipe, limit))
    except BlockingIOError:
        return Secret(b"")  # a writer that has not begun is waited for
    if not begun:
        raise OSError(errno.EAGAIN, "it is a pipe without a writer")
    return begun


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
