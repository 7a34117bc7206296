"""What the demo, the tests and the measurements see of the machine: nothing of its owner's.

Credentials, a netrc, proxies, HTTPie's folder and the language of whoever runs them change nothing
and are never written to. Each process enters an environment with the variables of an allow-list and
a home of its own; what it starts inherits both.
"""

import os
from pathlib import Path

# Where programs and temporary folders are; the second row is for Windows.
ALLOWED = ("PATH", "TMPDIR")
ALLOWED += ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR", "TEMP", "TMP")


def environment(home: Path) -> dict[str, str]:
    """Return the variables for a process whose home is ``home``."""
    config = home / ".config" / "httpie"
    config.mkdir(parents=True, exist_ok=True)
    # Without this, HTTPie asks the internet for its newest version.
    (config / "config.json").write_text('{"disable_update_warnings": true}')
    allowed = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    return {**allowed, "HOME": str(home), "USERPROFILE": str(home)}


def enter(home: Path) -> None:
    """Let this process, and all that it starts, see nothing but ``environment(home)``."""
    only = environment(home)
    os.environ.clear()
    os.environ.update(only)
