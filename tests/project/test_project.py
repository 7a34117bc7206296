"""What a user gets who builds, installs or tries the project."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from conftest import REPOSITORY

PACKAGES = ("requests_nexmo_jwt", "httpie_nexmo_jwt")


def test_the_wheel_has_the_two_packages_and_the_sdist_the_tests_too(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, REPOSITORY]
    subprocess.run(build, check=True, capture_output=True)
    modules = {
        str(file.relative_to(REPOSITORY))
        for package in PACKAGES
        for file in (REPOSITORY / package).rglob("*")
        if file.suffix == ".py" or file.name == "py.typed"
    }
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert names == modules
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        requires = [
            re.split(r"[:<>=]", line)[1].strip()
            for line in archive.read(metadata).decode().splitlines()
            if line.startswith("Requires-Dist") and "extra ==" not in line
        ]
        assert sorted(requires) == ["cryptography", "pyjwt[crypto]", "requests"]
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    tests = [file for file in (REPOSITORY / "tests").rglob("*") if file.is_file()]
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {".gitignore"} == modules | {
        *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO", "README.md"),
        *("SECURITY.md", "pyproject.toml", ".ci/run"),
        *(f"docs/{page.name}" for page in (REPOSITORY / "docs").iterdir()),
        *(str(file.relative_to(REPOSITORY)) for file in tests if file.suffix != ".pyc"),
    }


def test_the_demo_shows_two_good_calls_and_a_refused_one() -> None:
    result = subprocess.run(
        [sys.executable, REPOSITORY / "tests" / "tools" / "demo.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result
    assert result.stdout.count('"count": 1') == 2
    assert result.stdout.count("sandbox: GET /v1/calls: 200, accepted\n") == 2
    assert "sandbox: GET /v1/calls: 401, the signature does not match" in result.stdout
    assert "401 Unauthorized" in result.stdout
    assert result.stdout.endswith("All as it should be.\n")
