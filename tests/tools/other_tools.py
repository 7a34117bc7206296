"""docs/tools.md, run: each tool of the page, as the page says, against the sandbox.

python tests/tools/other_tools.py [FOLDER]

The tools are installed into FOLDER, by default a temporary one, from PyPI and npm; Wget and curl are
those of this machine. The commands, files and versions are those of the page. For them, the sandbox
has the name and a certificate of api.nexmo.com. The exit status is 1 if a tool that could be
installed did not get its answer; a tool that cannot be installed is named, and fails nothing.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import hermetic
import trustme

from requests_nexmo_jwt.sandbox import Sandbox

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "tools.md").read_text("utf-8")
URL = "https://api.nexmo.com/v1/calls"
APPLICATION_ID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
SECONDS = 120  # for one command

sys.path.append(str(REPOSITORY / "tests"))
from connect_proxy import ConnectProxy  # noqa: E402


class Tool(NamedTuple):
    """A tool: where it is from, what it is on the page, and what runs it.

    ``run`` gets the folder to run in and its environment, and returns the commands for bash.
    """

    name: str
    packages: str
    run: Callable[[Path, dict[str, str]], str]
    with_its_own_proxy: bool = False  # it heeds no HTTPS_PROXY
    in_sandbox: bool = False  # the page runs it with `nexmo-jwt sandbox --`


def code(start: str) -> str:
    """Return the code of the page that begins with ``start``: a block, or between backticks."""
    found = re.search(rf"^```\w+\n({re.escape(start)}.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    found = found or re.search(rf"`({re.escape(start)}[^`]*)`", PAGE)
    if not found:
        sys.exit(f"docs/tools.md has no code that begins with {start!r}.")
    return found[1].strip()


def block_after(name: str) -> str:
    """Return the block of the page that follows the paragraph with `name`."""
    found = re.search(rf"`{re.escape(name)}`(?:(?!```).)*```\w+\n(.*?)^```$", PAGE, re.S | re.M)
    if not found:
        sys.exit(f"docs/tools.md has no block for {name!r}.")
    return found[1]
