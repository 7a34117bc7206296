"""Pictures of a real terminal for the README: `make pictures` writes docs/http.svg and check.svg.

Both commands run in a terminal of their own, against the sandbox. Only the name of the temporary
folder and the release of the system are replaced.
"""

import io
import re
import shlex
import sys
import tempfile
from pathlib import Path

import hermetic
from conftest import APPLICATION_ID, REPOSITORY, Keys, at_a_terminal
from rich.console import Console
from rich.text import Text

from requests_nexmo_jwt.sandbox import Sandbox

BIN = Path(sys.executable).parent
WIDTH = 110


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Sandbox(application_id=APPLICATION_ID) as nexmo:
        hermetic.enter(Path(folder))
        url = f"{nexmo.url}/v1/calls"
        auth = f"--auth={APPLICATION_ID}:private.key"
        Path(folder, "private.key").write_bytes(nexmo.private_key.read_bytes())
        Path(folder, "other.key").write_bytes(Keys().pkcs8)
        Path(folder, "other.key").chmod(0o600)
        draw("http", ["http", "--auth-type=nexmo-jwt", auth, url], folder)
        key = ["--app-id", APPLICATION_ID, "--private-key", "other.key"]
        draw("check", ["nexmo-jwt", "check", *key, "--url", url], folder)


def draw(name: str, command: list[str], folder: str) -> None:
    """Run ``command`` in ``folder``, and draw what the terminal shows."""
    typed = f"cd {shlex.quote(folder)} && exec {shlex.join([str(BIN / command[0]), *command[1:]])}"
    size = {"COLUMNS": str(WIDTH), "LINES": "60", "TERM": "xterm-256color"}
    shown = at_a_terminal(["/bin/sh", "-c", typed], size).replace("\r", "").strip()
    shown = re.sub(r"Linux \S+", "Linux", shown.replace(folder, "/home/me"))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    console.print(Text.from_ansi(f"\033[1m$ {shlex.join(command)}\033[0m\n{shown}"))
    svg = console.export_svg(title=command[0], unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing from elsewhere
    lines = (line.rstrip() for line in svg.replace("Fira Code", "ui-monospace").splitlines())
    path = REPOSITORY / "docs" / f"{name}.svg"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
