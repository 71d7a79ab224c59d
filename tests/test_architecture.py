"""The house stands as it is drawn: which package may import which, read from the source.

api -> schema -> domain <- infra        mobile_stub and migrations stand alone
"""

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("api", "schema", "domain", "infra", "mobile_stub", "migrations")

MAY_IMPORT = {
    "api": {"api", "schema", "domain", "infra", "mobile_stub"},
    "schema": {"schema", "domain"},
    "domain": {"domain"},
    "infra": {"infra", "domain"},
    "mobile_stub": {"mobile_stub"},
    "migrations": {"migrations"},
}
FOREIGN = {
    "schema": {"strawberry", "graphql"},
    "domain": {"pint"},
    "migrations": {"tortoise"},
}
"""Packages of others, where only these are allowed."""
NEVER = {
    "infra": {"strawberry", "graphql", "starlette", "uvicorn"},
    "mobile_stub": {"strawberry", "starlette", "tortoise", "asyncpg", "redis"},
}
AREA_RANK = {"ledger": 1, "credits": 2, "footprint": 2, "orders": 3, "rewards": 3, "identity": 4}
"""An area of `domain` imports areas of a lower rank only."""


def _sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def _imports(source: Path) -> Iterator[str]:
    """Dotted names of modules, those under TYPE_CHECKING and within functions too."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", OURS)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    wrong = [
        f"{source.relative_to(ROOT)} imports {name}"
        for source in _sources(package)
        for name in _imports(source)
        if name.split(".")[0] in OURS and name.split(".")[0] not in MAY_IMPORT[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", FOREIGN)
def test_a_package_uses_only_the_libraries_that_are_its_own(package: str) -> None:
    known = {*sys.stdlib_module_names, *OURS, *FOREIGN[package]}
    wrong = [
        f"{source.relative_to(ROOT)} imports {name}"
        for source in _sources(package)
        for name in _imports(source)
        if name.split(".")[0] not in known
    ]
    assert wrong == []


@pytest.mark.parametrize("package", NEVER)
def test_a_package_keeps_away_from_libraries_of_another_layer(package: str) -> None:
    wrong = [
        f"{source.relative_to(ROOT)} imports {name}"
        for source in _sources(package)
        for name in _imports(source)
        if name.split(".")[0] in NEVER[package]
    ]
    assert wrong == []


def test_pint_is_at_home_in_one_file() -> None:
    users = [source.relative_to(ROOT / "domain") for source in _sources("domain") if "pint" in set(_imports(source))]
    assert users == [Path("footprint/units.py")]


@pytest.mark.parametrize("area", AREA_RANK)
def test_an_area_imports_only_areas_below_it(area: str) -> None:
    wrong = []
    for source in _sources(f"domain/{area}"):
        for name in _imports(source):
            parts = name.split(".")
            other = parts[1] if parts[0] == "domain" and len(parts) > 1 else ""
            if other in AREA_RANK and other != area and AREA_RANK[other] >= AREA_RANK[area]:
                wrong.append(f"{source.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_the_foundations_import_no_area() -> None:
    for name in ("units", "ids", "errors", "text"):
        source = ROOT / "domain" / f"{name}.py"
        areas = [
            found for found in _imports(source) if found.startswith("domain.") and found.split(".")[1] in AREA_RANK
        ]
        assert areas == [], source


def test_no_float_in_the_domain() -> None:
    wrong = []
    for source in _sources("domain"):
        for node in ast.walk(ast.parse(source.read_text())):
            is_number = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
            is_name = isinstance(node, ast.Name) and node.id == "float"
            if is_number or is_name:
                wrong.append(f"{source.relative_to(ROOT)}:{node.lineno}")  # type: ignore[attr-defined]
    assert wrong == []


def test_nothing_in_the_domain_reads_a_clock_or_chance() -> None:
    """`ids.py` alone draws random bits, for ids that are no secret of the engine's."""
    wrong = []
    for source in _sources("domain"):
        used = set(_imports(source))
        text = source.read_text()
        if used & {"time", "random", "asyncio"} or "datetime.now(" in text or "date.today(" in text:
            wrong.append(source.relative_to(ROOT))
        if "secrets" in used and source.name not in ("ids.py", "service.py"):
            wrong.append(source.relative_to(ROOT))
    assert wrong == []


def test_every_migration_follows_the_one_before() -> None:
    sources = [source for source in _sources("migrations") if source.stem != "__init__"]
    assert [source.stem[:4] for source in sources] == [f"{number:04}" for number in range(1, len(sources) + 1)]
    for before, source in pairwise(sources):
        assert f'("gramme", "{before.stem}")' in source.read_text(), source


def test_settings_are_read_in_one_place() -> None:
    """The phone reads its own: it runs where nothing of ours does."""
    wrong = []
    for package in set(OURS) - {"mobile_stub"}:
        for source in _sources(package):
            text = source.read_text()
            if source != ROOT / "api/settings.py" and ("os.environ" in text or "getenv(" in text):
                wrong.append(source.relative_to(ROOT))
    assert wrong == []
