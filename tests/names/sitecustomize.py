"""A name server for processes of the tests: ``TEST_NAMES`` maps a name to a port of this machine.

A process that has this folder on ``PYTHONPATH`` connects to that port, with its own sockets and its
own TLS, where it asks for the name.
"""

import os
import socket

_NAMES = dict(entry.split("=") for entry in os.environ.get("TEST_NAMES", "").split() if entry)
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *args, **kwargs):  # type: ignore[no-untyped-def]
    name = host.decode() if isinstance(host, bytes) else host
    if name in _NAMES:
        return _getaddrinfo("127.0.0.1", int(_NAMES[name]), *args, **kwargs)
    return _getaddrinfo(host, port, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
