"""`make demo` and `make test` on the machines that people have: `make test-anywhere`.

Each row of the table is an environment in which both must pass, in a fresh clone whose path has a
space and that has a .vonagerc. In the home and the config folders nothing may change. make gives
--at-once, by which all rows are one environment: two minutes. Where that fails, run this without
it: ten.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534

# What {away} holds belongs to somebody else: see `furnish`.
ROWS: dict[str, dict[str, str]] = {
    "config folders": {"XDG_CONFIG_HOME": "{away}/xdg", "HTTPIE_CONFIG_DIR": "{away}/httpie"},
    "a netrc with a default entry": {"NETRC": "{away}/home/.netrc"},
    "hosts": {"NEXMO_JWT_HOSTS": "http://prism:4010"},
    "credentials": {
        **{f"{prefix}_APPLICATION_ID": "somebody-else" for prefix in ("VONAGE", "NEXMO")},
        **{f"{prefix}_PRIVATE_KEY": "{away}/home/.netrc" for prefix in ("VONAGE", "NEXMO")},
        "VONAGE_PRIVATE_KEY_PASSPHRASE": "somebody-else",
    },
    "proxies": dict.fromkeys(
        ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
    ),
    "a temporary folder behind a link, with a space": {"TMPDIR": "{away}/a link"},
    "language, time zone and terminal": {
        **{"LANG": "C", "TZ": "Asia/Kathmandu", "COLUMNS": "40", "NO_COLOR": "1"},
        "PYTHONIOENCODING": "latin-1",
    },
    "variables of Python and pytest": {
        **{"PYTHONPATH": "{away}/python", "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "1"},
        **{"PYTHONWARNINGS": "error", "PYTEST_ADDOPTS": "--collect-only"},
    },
}

OTHER_USER = "a read-only home, and another user than root"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", action="store_true", help="all rows in one environment")
    at_once = parser.parse_args().at_once
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        clone, away = Path(folder, "a clone"), Path(folder, "away")
        furnish(away)
        python = install(clone)
        rows = {**ROWS, OTHER_USER: {}}
        if at_once:
            rows = {", ".join(rows): {name: v for row in ROWS.values() for name, v in row.items()}}
        before = contents(away)
        for number, (name, variables) in enumerate(rows.items(), 1):
            print(f"\n[{number} of {len(rows)}] {name}", flush=True)
            user = own(clone, away, python) if OTHER_USER in name else None
            env = {key: value.replace("{away}", str(away)) for key, value in variables.items()}
            for target in ("demo", "test", *(["load"] if at_once else [])):
                run(["make", target], clone, {"HOME": f"{away}/home", **env}, user)
            changed = contents(away) ^ before
            if changed:
                sys.exit(f"Changed outside of the clone: {sorted(map(str, changed))}")
    print(f"\nAll pass in {len(rows)} environment{'s' * (len(rows) > 1)}.")
    return 0


def furnish(away: Path) -> None:
    """Make the home, the config folders and the temporary folder of somebody else."""
    for folder in ("home/.config/httpie", "home/.vonage", "xdg/httpie", "httpie", "python"):
        (away / folder).mkdir(parents=True)
    away.chmod(0o755)
    (away / "a link").symlink_to("temporary files")
    (away / "python" / "requests.py").write_text("raise ImportError('somebody else\\'s')")
    (away / "temporary files").mkdir(mode=0o777)
    for folder in ("home/.config/httpie", "xdg/httpie", "httpie"):
        (away / folder / "config.json").write_text('{"default_options": ["--auth=somebody:else"]}')
    (away / "home" / ".netrc").write_text("default login somebody password else\n")
    (away / "home" / ".vonage" / "config.json").write_text('{"app-id": "somebody-else"}')


def install(clone: Path) -> str:
    """Clone what is committed, install it with the caller's own settings, return its Python."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    git = ["git", "clone", "--quiet", REPOSITORY, clone]
    if not shutil.which("git") or subprocess.run(git, env=env, check=False).returncode:
        sys.exit("This needs git, and a clone that git takes for the caller's own.")
    python = next(filter(usable_by_nobody, pythons()), sys.executable)
    subprocess.run(["make", ".venv/installed-tests", f"PYTHON={python}"], cwd=clone, check=True)
    (clone / ".vonagerc").write_text('{"app-id": "somebody-else"}')
    return python


def pythons() -> list[str]:
    beside = os.path.realpath(sys.executable)
    return [beside, *filter(None, (shutil.which(name, path="/usr/bin") for name in ["python3"]))]


def usable_by_nobody(python: str) -> bool:
    """Tell whether another user may run ``python``, which root may have in its own home."""
    if os.getuid() != 0:
        return True
    check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"
    try:
        return subprocess.run([python, "-c", check], user=NOBODY, check=False).returncode == 0
    except PermissionError:
        return False


def own(clone: Path, away: Path, python: str) -> int | None:
    """Make the home read-only and give the clone to another user, where root runs this."""
    for folder in [away / "home", *(p for p in (away / "home").rglob("*") if p.is_dir())]:
        folder.chmod(0o555)
    (away / "temporary files").chmod(0o777)
    if os.getuid() != 0:
        return None
    if not usable_by_nobody(python):
        print(f"Not as another user: only root may run {python}.")
        return None
    theirs = [clone, *clone.rglob("*"), away / "xdg", away / "httpie"]
    for path in [*theirs, *(away / "xdg").rglob("*"), *(away / "httpie").rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return NOBODY


def run(command: list[str], clone: Path, env: dict[str, str], user: int | None) -> None:
    """Run ``command`` and end with its output where it fails."""
    result = subprocess.run(
        command,
        cwd=clone,
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        user=user,
        group=user,
        check=False,
    )
    if result.returncode:
        sys.exit(f"{result.stdout[-10_000:]}\n`{' '.join(command)}` failed.")
    print(f"  {' '.join(command)}: {result.stdout.strip().splitlines()[-1]}", flush=True)


def contents(folder: Path) -> set[tuple[Path, int, int]]:
    """Return the files and folders of ``folder``, each with its size and time of change."""
    found = set()
    for path in folder.rglob("*"):
        if not path.is_relative_to(folder / "temporary files"):
            status = path.lstat()
            found.add((path, status.st_size, status.st_mtime_ns))
    return found


if __name__ == "__main__":
    sys.exit(main())
