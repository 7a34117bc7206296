"""What a user gets who builds, installs or tries the project."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from conftest import REPOSITORY

PACKAGES = ("requests_nexmo_jwt", "httpie_nexmo_jwt")


def test_wheel_and_sdist_hold_the_two_packages_and_no_tests(tmp_path: Path) -> None:
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
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - {".gitignore"} == modules | {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "PKG-INFO",
        *(f"docs/{page.name}" for page in (REPOSITORY / "docs").iterdir()),
    }


def test_the_demo_shows_two_good_calls_and_a_refused_one() -> None:
    result = subprocess.run(
        [sys.executable, REPOSITORY / "tests" / "demo.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result
    assert result.stdout.count('"_embedded"') == 2
    assert "401 Unauthorized" in result.stdout
    assert result.stdout.endswith("All as it should be.\n")


def test_the_python_of_the_readme_is_python_and_its_sandbox_runs() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        compile(block, "README.md", "exec")
    (sandbox,) = (block for block in blocks if "with Sandbox()" in block)
    command = [sys.executable, "-W", "error", "-c", sandbox]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("accepted")
