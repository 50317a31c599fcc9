"""What is installed: every dependency pinned and explained, every file of the package taken along."""

import fnmatch
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "paymux"
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NEEDED = [(each, "run.txt") for each in SETTINGS["project"]["dependencies"]] + [
    (each, "dev.txt") for each in SETTINGS["dependency-groups"]["dev"]
]


def lock(name: str) -> str:
    return (ROOT / "requirements" / name).read_text("utf-8")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock(name), re.MULTILINE))


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_requirements_are_pinned_by_hash_and_name_no_address(name: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", lock(name), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(name)) > 0
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"://|^ *--(extra-)?index|^ *--find-links", lock(name), re.MULTILINE)


def test_developing_contains_what_runs_version_for_version() -> None:
    assert pins("run.txt").items() <= pins("dev.txt").items()


@pytest.mark.parametrize(("requirement", "name"), NEEDED, ids=[requirement for requirement, _ in NEEDED])
def test_a_dependency_is_pinned_and_says_why_it_is_there(requirement: str, name: str) -> None:
    assert re.search(re.escape(f'"{requirement}",') + r" +# \w+", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert re.split(r"[\[<>=]", requirement)[0] in pins(name), "run make lock"


def test_every_file_of_the_package_is_installed_with_it() -> None:
    patterns = SETTINGS["tool"]["setuptools"]["package-data"]["paymux"]
    faults = []
    for path in PACKAGE.rglob("*"):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        if path.suffix == ".py":
            installed = (path.parent / "__init__.py").exists()
        else:
            installed = any(fnmatch.fnmatch(f"/{path.name}", pattern.removeprefix("**")) for pattern in patterns)
        if not installed:
            faults.append(str(path.relative_to(ROOT)))
    assert not faults, "Python files need an __init__.py beside them, others a pattern in package-data"


def test_the_command_is_the_one_that_scripts_rely_on() -> None:
    assert SETTINGS["project"]["scripts"] == {"paymux": "paymux.cli:main"}
