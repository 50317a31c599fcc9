"""Rules of the house that a machine can check. Each failure names the file and the line.

That a dialect's tables are total (every state, every refusal) is tested where the tables are.
"""

import ast
import functools
import io
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "paymux"
LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 70

LAYERS = {
    "words":  {"money", "errors", "clock", "ids", "http", "logs", "config", "setting_types", "keyring", "seams", "decline"},
    "hands":  {"providers"},
    "floor":  {"storage"},
    "organs": {"merchants", "routing", "rates", "ledger", "webhooks"},
    "spine":  {"payments", "payouts", "exchange"},
    "doors":  {"dialects", "checkout", "dashboard", "links"},
    "root":   {"app", "work", "ops", "cli", "__main__"},
}  # fmt: skip
MAY_IMPORT = {
    "words":  {"words"},
    "hands":  {"words"},
    "floor":  {"words"},
    "organs": {"floor", "words"},
    "spine":  {"spine", "organs", "floor", "words"},
    "doors":  {"spine", "organs", "floor", "words"},
    "root":   set(LAYERS),
}  # fmt: skip
APART = {"dialects", "providers"}  # chapters whose folders know nothing of each other

PURE_NAMES = {"choose", "lifecycle", "schedule", "wire", "statuses", "postings", "chart", "model"}
PURE_WORDS = {"paymux.money", "paymux.errors", "paymux.clock"}  # of clock only what formats
PURE_PACKAGES = {"msgspec", "iso4217", "idna", "email_validator"}
IMPURE_STDLIB = re.compile(
    r"(asyncio|concurrent|glob|http|importlib|io|logging|multiprocessing|os|pathlib|queue|random|secrets|select|selectors|shutil|signal|smtplib"
    r"|socket|sqlite3|ssl|subprocess|sys|tempfile|threading|time|urllib\.request|uuid)(\.|$)"
)
READERS = {  # what reads the world is imported in one place
    "time": {"clock"}, "random": {"ids"}, "secrets": {"ids"}, "sqlite3": {"storage"}, "asyncpg": {"storage"},
    "httpx2": {"http"}, "httpcore2": {"http"}, "socket": {"http", "cli"},
}  # fmt: skip
READING_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom", "uuid.uuid1", "uuid.uuid4"}

DIALECT_FILES = {"routes", "auth", "wire", "statuses", "errors", "notices"}
NO_SUBJECT = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?)(_|$)")
NO_FLOAT = ("money.py", "ledger/", "payments/", "payouts/", "dialects/")
QUERY_HEAD = re.compile(r"^-- ([a-z_0-9]+)(?: \((sqlite|postgres)\))? --$")
SQL_READS = re.compile(r"\b(now\(\)|current_timestamp|clock_timestamp|current_date|random\(\)|gen_random_uuid)|'now'", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError"]) + r")\b")
UNFINISHED_COMMENT = re.compile(r"\bX" + "XX\\b")
ELSEWHERE = re.compile(  # where someone worked is no part of the project, nor is where packages come from
    "|".join([r"(?<![\w.-])/wor" + "k/", "/tmp" + r"/v\b", r"\bshare" + r"d/[a-z-]+\.md", r"\bseed 0" + "0"])
    + "|pypi"
    + r"\.org|python"
    + "hosted|registry"
    + r"\.npmjs"
)


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


@functools.cache
def sources(*folders: str) -> tuple[Path, ...]:
    """The Python files of those of the folders that exist."""
    return tuple(sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts))


@functools.cache
def texts() -> tuple[tuple[Path, str], ...]:
    """Every text file of the project, as git sees it (in a copy without git: all but hidden folders)."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    if listed.returncode != 0:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
        ]
    found = []
    for path in paths:
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            found.append((path, data.decode("utf-8", errors="replace")))
    return tuple(found)


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def report(faults: list[str]) -> None:
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, also inside functions; `from a import b` is `a.b` if that is a module of ours."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield node.lineno, inner if module.split(".")[0] == "paymux" and module_file(inner) else module


def layer(chapter: str) -> str | None:
    return next((name for name, chapters in LAYERS.items() if chapter in chapters), None)


def arrow_fault(importer: str, target: str) -> str | None:
    """Why a module of ours may not import another; None if it may."""
    if target.startswith("."):
        return "relative import"
    here, there = importer.split("."), target.split(".")
    if there[0] != "paymux" or len(there) == 1:
        return None
    if len(here) == 1:
        return "the table of contents imports nothing of ours"
    from_layer, to_layer = layer(here[1]), layer(there[1])
    if from_layer is None or to_layer is None:
        return f"{(here if from_layer is None else there)[1]} stands in no layer"
    in_folder = len(there) > 3 or (len(there) == 3 and (PACKAGE / there[1] / there[2]).is_dir())
    if here[1] == there[1]:
        apart = here[1] in APART and in_folder and len(here) > 2 and here[2] != there[2]
        return f"{'.'.join(here[1:3])} does not know {'.'.join(there[1:3])}" if apart else None
    if to_layer == "organs" and there[2:] == ["model"] and from_layer in {"organs", "hands"}:
        return None  # an organ's model is pure words
    if here[1:4] == ["providers", "sandbox", "house"] and to_layer == "floor":
        return None  # the house plays a company of its own, so it keeps books of its own
    if from_layer == "spine" and to_layer == "hands":
        return "the spine knows the providers' protocol, not a provider" if in_folder else None
    return None if to_layer in MAY_IMPORT[from_layer] else f"{here[1]} ({from_layer}) does not import {there[1]} ({to_layer})"


@functools.cache
def impurity(name: str) -> str | None:
    """What a module of ours reaches that is not pure, itself or by what it imports; None if nothing."""
    path = module_file(name)
    if path is None or name in PURE_WORDS:
        return None
    for line, target in imports(path):
        top = target.split(".")[0]
        if top == "paymux":
            inner = impurity(target) if target != name else None
            if inner:
                return inner
        elif IMPURE_STDLIB.match(target) or (top not in PURE_PACKAGES and top not in sys.stdlib_module_names):
            return f"{place(path, line)} imports {target}"
    return None


@pytest.mark.parametrize(
    ("importer", "target", "allowed"),
    [
        ("paymux.payments.open", "paymux.ledger.book", True),
        ("paymux.ledger.book", "paymux.payments.model", False),
        ("paymux.ledger.book", "paymux.merchants.model", True),
        ("paymux.ledger.book", "paymux.merchants.create", False),
        ("paymux.providers.protocol", "paymux.routing.model", True),
        ("paymux.providers.protocol", "paymux.routing.choose", False),
        ("paymux.providers.sandbox.provider", "paymux.storage.query", False),
        ("paymux.exchange.fill", "paymux.payments.open", True),
        ("paymux.payments.poll", "paymux.providers", True),
        ("paymux.payments.poll", "paymux.providers.sandbox.provider", False),
        ("paymux.providers.sandbox.provider", "paymux.money", True),
        ("paymux.providers.sandbox.provider", "paymux.storage.writer", False),
        ("paymux.providers.sandbox.provider", "paymux.providers.other.provider", False),
        ("paymux.dialects.etpay.routes", "paymux.dialects.ecomtrade24.wire", False),
        ("paymux.dialects.etpay.routes", "paymux.dialects.etpay.wire", True),
        ("paymux.dialects.etpay.routes", "paymux.providers", False),
        ("paymux.dialects.etpay.routes", "paymux.checkout.view", False),
        ("paymux.dialects.etpay.routes", "paymux.payments.open", True),
        ("paymux.storage.writer", "paymux.payments.open", False),
        ("paymux.money", "paymux.storage.writer", False),
        ("paymux.app.etpay", "paymux.dialects.etpay.routes", True),
        ("paymux.checkout.routes", "paymux.app.core", False),
        ("paymux.checkout.routes", ".view", False),
        ("paymux.chapter_nobody_placed", "paymux.money", False),
    ],
)
def test_the_arrow_rule_tells_right_from_wrong(importer: str, target: str, allowed: bool) -> None:
    assert (arrow_fault(importer, target) is None) is allowed


def test_imports_follow_the_arrows() -> None:
    report(
        [
            f"{place(path, line)}: {fault}"
            for path in sources("paymux")
            for line, target in imports(path)
            if (fault := arrow_fault(dotted(path), target))
        ]
    )


def test_rules_and_tables_reach_nothing_but_values() -> None:
    faults = []
    for path in sources("paymux"):
        in_dialect = path.is_relative_to(PACKAGE / "dialects")
        if path.stem not in PURE_NAMES and not (path.stem == "errors" and in_dialect):
            continue
        if reached := impurity(dotted(path)):
            faults.append(f"{place(path)}: should be pure, but {reached}")
        for node in ast.walk(tree(path)):
            if (isinstance(node, ast.alias) and node.name == "Clock") or (
                isinstance(node, ast.Attribute) and node.attr in {"Clock", "wall"}
            ):
                faults.append(f"{place(path, getattr(node, 'lineno', 1))}: a rule is handed the time, it does not read it")
    report(faults)


def test_time_randomness_network_and_drivers_have_one_reader_each() -> None:
    faults = []
    for path in sources("paymux"):
        chapter = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for line, target in imports(path):
            owners = READERS.get(target.split(".")[0])
            if owners and chapter not in owners:
                faults.append(f"{place(path, line)}: {target} is for {' and '.join(sorted(owners))} alone")
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.Attribute)
                and chapter not in {"clock", "ids"}
                and ".".join(ast.unparse(node).split(".")[-2:]) in READING_CALLS
            ):
                faults.append(f"{place(path, node.lineno)}: {ast.unparse(node)} reads time or randomness; see clock and ids")
    report(faults)


def test_a_dialect_touches_no_database() -> None:
    folder = PACKAGE / "dialects"
    faults = [f"{place(path)}: SQL in a dialect" for path in folder.rglob("*.sql")]
    for path in folder.rglob("*.py"):
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").startswith("paymux.storage")
                and any(name.name == "load" for name in node.names)
            ):
                faults.append(f"{place(path, node.lineno)}: a dialect loads no queries")
    report(faults)


def test_every_dialect_has_the_same_files() -> None:
    faults = []
    for folder in sorted((PACKAGE / "dialects").iterdir()):
        present = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        if present and (lacking := DIALECT_FILES - present):
            faults.append(f"{place(folder)}: lacks {', '.join(sorted(lacking))}")
    report(faults)


def test_no_file_and_no_function_is_too_long() -> None:
    faults = []
    for path in sources("paymux", "tests", "bench", "examples"):
        lines = len(path.read_text("utf-8").splitlines())
        if lines > LINES_PER_FILE_MAX:
            faults.append(f"{place(path, lines)}: {lines} lines, at most {LINES_PER_FILE_MAX}")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LINES_PER_FUNCTION_MAX:
                    faults.append(f"{place(path, node.lineno)}: {node.name} has {length} lines, at most {LINES_PER_FUNCTION_MAX}")
    report(faults)


def test_every_module_says_what_it_is() -> None:
    report(
        [
            f"{place(path)}: no docstring"
            for path in sources("paymux", "tests", "bench", "examples")
            if not ast.get_docstring(tree(path)) and not (path.stem == "__init__" and not path.read_text("utf-8").strip())
        ]
    )


def test_every_name_says_its_subject() -> None:
    report(
        [
            f"{place(path)}: name the subject"
            for path, _ in texts()
            if any(NO_SUBJECT.search(Path(part).stem) for part in path.relative_to(ROOT).parts)
        ]
    )


def test_nothing_is_left_unfinished() -> None:
    faults = []
    for path, text in texts():
        for number, line in enumerate(text.splitlines(), 1):
            if found := UNFINISHED.search(line):
                faults.append(f"{place(path, number)}: {found.group()}")
        if path.suffix == ".py":
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.COMMENT and UNFINISHED_COMMENT.search(token.string):
                    faults.append(f"{place(path, token.start[0])}: {token.string}")
    report(faults)


def test_no_float_comes_near_money() -> None:
    faults = []
    for path in sources("paymux"):
        near = path.relative_to(PACKAGE).as_posix()
        if near.startswith(NO_FLOAT):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Name) and node.id == "float":
                    faults.append(f"{place(path, node.lineno)}: float")
                if isinstance(node, ast.Constant) and isinstance(node.value, float) and near.startswith(("money.py", "ledger/")):
                    faults.append(f"{place(path, node.lineno)}: the float {node.value}")
    report(faults)


def test_every_query_is_described_used_and_written_for_both_engines() -> None:
    faults = []
    for path in sorted(PACKAGE.rglob("*.sql")):
        lines = path.read_text("utf-8").splitlines()
        heads = [(number, head) for number, line in enumerate(lines) if (head := QUERY_HEAD.match(line))]
        used = {
            node.attr if isinstance(node, ast.Attribute) else node.value
            for source in path.parent.rglob("*.py")
            for node in ast.walk(tree(source))
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        }
        engines = defaultdict(list)
        for number, head in heads:
            name, where = head.group(1), place(path, number + 1)
            engines[name].append(head.group(2))
            about = lines[number + 1] if number + 1 < len(lines) else ""
            if not about.startswith("-- ") or about.startswith("-- rows:") or len(about.split()) < 3:
                faults.append(f"{where}: {name} has no sentence")
            if name not in used:
                faults.append(f"{where}: {name} is used nowhere")
        faults += [
            f"{place(path)}: {name} for {found}"
            for name, found in engines.items()
            if found != [None] and set(found) != {"sqlite", "postgres"}
        ]
        if heads:
            faults += [
                f"{place(path, number)}: time and randomness are handed in"
                for number, line in enumerate(lines, 1)
                if SQL_READS.search(line)
            ]
    report(faults)


def test_the_project_speaks_of_itself_alone() -> None:
    report(
        [
            f"{place(path, number)}: {found.group()}"
            for path, text in texts()
            for number, line in enumerate(text.splitlines(), 1)
            if (found := ELSEWHERE.search(line))
        ]
    )
