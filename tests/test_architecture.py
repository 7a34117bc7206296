"""The rooms of the package: each imports only from what stands before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "requests_nexmo_jwt"

#: The modules and folders at the top, lowest first. Those of one row do not import each other.
ORDER = [
    {"url", "redaction", "errors"},
    {"vonage"},
    {"scope", "credentials"},
    {"token"},
    {"exchange"},
    {"auth"},
    {"_httpx", "sandbox", "check"},
    {"httpx", "httpx2", "pytest_plugin", "cli"},
    {"__main__"},
]
ROW = {name: number for number, names in enumerate(ORDER) for name in names}


def imports_at_run_time(tree: ast.AST) -> Iterator[ast.ImportFrom]:
    """Yield the imports of a module, lazy ones too, without those for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith(PACKAGE.name) for name in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level or not node.module.startswith(PACKAGE.name)
            yield node
        yield from imports_at_run_time(node)


def imported(module: Path) -> Iterator[str]:
    """Yield what ``module`` imports of the package, as the name at its top."""
    *folders, _ = module.relative_to(PACKAGE).parts
    for node in imports_at_run_time(ast.parse(module.read_text())):
        if node.level == 0:
            continue
        names = node.module.split(".") if node.module else []
        path = [*folders[: len(folders) + 1 - node.level], *names]
        yield from path[:1] or (alias.name for alias in node.names if alias.name in ROW)


@pytest.mark.parametrize("name", sorted(ROW))
def test_a_room_imports_only_from_the_rooms_before_it(name: str) -> None:
    folder = PACKAGE / name
    modules = list(folder.rglob("*.py")) or [folder.with_suffix(".py")]
    found = {other for module in modules for other in imported(module)} - {name}
    assert [other for other in sorted(found) if ROW[other] >= ROW[name]] == []


def test_the_test_sees_imports_within_functions() -> None:
    assert "credentials" in set(imported(PACKAGE / "auth.py"))
    assert "vonage" in set(imported(PACKAGE / "exchange" / "signed_request.py"))


def test_each_module_and_folder_at_the_top_has_its_row() -> None:
    names = {path.stem for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert names - {"__pycache__", "__init__"} == set(ROW)
