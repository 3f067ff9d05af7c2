"""The tests that go with the modules, as far as SpeechBrain can run them.

SpeechBrain's own dependencies hold neither hypothesis nor the packages that we
compare with, and its tests share no fixtures: tests that need them stay here.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from explainable_seg import _EXPORTS
from upstream.rooms import CHECKOUT, Rooms

TESTS = CHECKOUT / "tests"
HELPERS = "tests/utils/segmentation_"
# Packages that integrations need, and so their tests may import.
INTEGRATED = {
    "defusedxml",
    "jinja2",
    "matplotlib",
    "pyannote",
    "safetensors",
    "soxr",
    "transformers",
}
# Tests that start processes, read files of this checkout or run the default
# model stay here.
UNWANTED = {"subprocess", "__file__", "DEFAULT_MODEL"}


@dataclass(frozen=True)
class Moved:
    """What of a file of tests goes to SpeechBrain.

    Arguments
    ---------
    text : str
        Its new text.
    core : bool
        Whether it needs nothing but what SpeechBrain installs.
    kept : list[str]
        Names of the tests in it.
    left : list[str]
        Names of the tests that stay with us.
    gone : set[str]
        All names that the file no longer has.
    """

    text: str
    core: bool
    kept: list[str]
    left: list[str]
    gone: set[str]


def move_tests(path: Path, rooms: Rooms) -> Moved:
    """Take what SpeechBrain can run of a file of tests, or of a helper.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    rooms : Rooms
        Where modules go.

    Returns
    -------
    Moved
    """
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    core = str(path.relative_to(CHECKOUT)) not in rooms.integrated_tests
    lost = UNWANTED | _fixtures(path.parent) | _fixtures(TESTS)
    homes: set[str] = set()
    removed: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            there = _homes(node, rooms)
            if there is None:
                lost |= set(_bound(node))
                removed.append(node)
            else:
                homes |= there
                lost |= _gone_from_helper(node, rooms)
    removed += _spread(tree.body, lost)
    if path.stem.startswith("test_"):
        removed += _unused([n for n in tree.body if n not in removed])
    left = [name for node in removed for name in _tests(node)]
    kept = [name for node in tree.body for name in _tests(node)]
    return Moved(
        text=_documented(_rename(_cut(text, removed), rooms)),
        core=core
        and not any(
            home in INTEGRATED or home.startswith("speechbrain.integrations")
            for home in homes
        ),
        kept=[name for name in kept if name not in left],
        left=left,
        gone={name for node in removed for name in _bound(node)},
    )


def _gone_from_helper(
    node: "ast.Import | ast.ImportFrom", rooms: Rooms
) -> set[str]:
    """Names imported from a helper that does not take them along."""
    if not isinstance(node, ast.ImportFrom):
        return set()
    helper = _helpers().get(str(node.module))
    if helper is None:
        return set()
    return set(_bound(node)) & move_tests(helper, rooms).gone


def write_tests(clone: Path, rooms: Rooms) -> tuple[list[Path], int, int]:
    """Write the tests that SpeechBrain can run, and what they import.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.
    rooms : Rooms
        Where modules go.

    Returns
    -------
    tuple[list[pathlib.Path], int, int]
        What was written, how many tests went, how many stay here.
    """
    written, texts = [], ""
    n_kept = n_left = 0
    for path in sorted(TESTS.glob("*/test_*.py")):
        moved = _moved_or_none(path, rooms)
        if moved is None:
            continue
        n_kept, n_left = n_kept + len(moved.kept), n_left + len(moved.left)
        name = f"test_segmentation_{path.parent.name}_{path.stem[5:]}.py"
        room = (
            "tests/unittests"
            if moved.core
            else "speechbrain/integrations/tests"
        )
        if moved.kept:
            written.append(_write(clone / room / name, moved.text))
            texts += moved.text
    for module, path in _helpers().items():
        if f"tests.utils.segmentation_{path.stem}" in texts:
            place = clone / f"{HELPERS}{path.stem}.py"
            written.append(_write(place, move_tests(path, rooms).text))
    return written, n_kept, n_left


def _moved_or_none(path: Path, rooms: Rooms) -> "Moved | None":
    """What goes of a file; None if it is about what stays."""
    try:
        return move_tests(path, rooms)
    except ValueError:  # it names a module that stays
        return None


def _write(path: Path, text: str) -> Path:
    """Write a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _helpers() -> Mapping[str, Path]:
    """Modules that several tests share, by the name they are imported by."""
    paths = [
        path
        for path in [*TESTS.glob("*.py"), *TESTS.glob("*/*.py")]
        if not path.stem.startswith("test_") and path.stem != "conftest"
    ]
    return {
        ".".join(path.relative_to(TESTS).with_suffix("").parts): path
        for path in paths
    }


def _rename(text: str, rooms: Rooms) -> str:
    """Text with the names of SpeechBrain, helpers included."""
    for module, path in _helpers().items():
        text = text.replace(
            f"from {module} import",
            f"from tests.utils.segmentation_{path.stem} import",
        )
    return rooms.rename(text, _EXPORTS)


def _homes(
    node: "ast.Import | ast.ImportFrom", rooms: Rooms
) -> "set[str] | None":
    """Where what is imported lives in SpeechBrain; None if it cannot be had."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return None
    homes = set()
    for alias in node.names:
        name = alias.name
        if isinstance(node, ast.ImportFrom):
            name = _module(str(node.module), alias.name, rooms)
        home = _home(name, rooms)
        if home is None:
            return None
        homes.add(home)
    return homes


def _module(package: str, name: str, rooms: Rooms) -> str:
    """Module in which an imported name is found, or that it is."""
    if f"{package}.{name}" in rooms.moves:
        return f"{package}.{name}"
    if package == "explainable_seg":
        return _EXPORTS.get(name, "explainable_seg.__init__")
    return package


def _home(name: str, rooms: Rooms) -> "str | None":
    """Where one module lives in SpeechBrain."""
    if name == "explainable_seg":
        return None
    if name.startswith("explainable_seg."):
        return rooms.destination(name)
    helper = _helpers().get(name)
    if helper is not None:
        moved = _moved_or_none(helper, rooms)
        if moved is None or "hypothesis" in helper.read_text(encoding="utf-8"):
            return None
        return "pytest" if moved.core else "speechbrain.integrations"
    top = name.partition(".")[0]
    allowed = rooms.installed | INTEGRATED | {"pytest", "speechbrain"}
    return top if top in allowed | set(sys.stdlib_module_names) else None


def _fixtures(folder: Path) -> set[str]:
    """Names that a conftest defines."""
    path = folder / "conftest.py"
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef)
    }


def _spread(body: Iterable[ast.stmt], lost: set[str]) -> list[ast.stmt]:
    """Statements that need lost names, or names that those would bind."""
    removed: list[ast.stmt] = []
    rest = [
        node
        for node in body
        if not isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    while True:
        more = [
            node
            for node in rest
            if node not in removed and lost & set(_used(node))
        ]
        if not more:
            return removed
        removed += more
        lost = lost.union(*(set(_bound(node)) for node in more))


def _unused(body: list[ast.stmt]) -> list[ast.stmt]:
    """What served only tests that stay: values and helpers nobody uses."""
    removed: list[ast.stmt] = []
    while True:
        rest = [node for node in body if node not in removed]
        more = [
            node
            for node in rest
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.FunctionDef))
            and not _tests(node)
            and not getattr(node, "decorator_list", [])
            and not set(_bound(node)) & {"pytestmark"}
            and set(_bound(node)).isdisjoint(
                name for o in rest if o is not node for name in _used(o)
            )
        ]
        if not more:
            return removed
        removed += more


def _used(node: ast.stmt) -> Iterator[str]:
    """Names that a statement uses, arguments (fixtures) included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.arg):
            yield part.arg


def _bound(node: ast.stmt) -> Iterator[str]:
    """Names that a statement binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target]
        )
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    yield part.id


def _tests(node: ast.stmt) -> list[str]:
    """Name of the test that a statement is, if it is one."""
    is_test = isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    return [node.name] if is_test else []  # type: ignore[attr-defined]


def _documented(text: str) -> str:
    """Text whose functions all have docstrings: their names, as sentences."""
    lines = text.splitlines(keepends=True)
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and ast.get_docstring(node) is None
    ]
    for node in sorted(found, key=lambda node: -node.lineno):
        at = node.lineno
        while not lines[at - 1].rstrip().endswith(":"):
            at += 1  # the signature goes on
        words = node.name.removeprefix("test_").strip("_").replace("_", " ")
        indent = " " * node.body[0].col_offset
        lines.insert(at, f'{indent}"""{words.capitalize()}."""\n')
    return "".join(lines)


def _cut(text: str, removed: Iterable[ast.stmt]) -> str:
    """Text without some statements and their decorators."""
    lines = text.splitlines(keepends=True)
    for node in removed:
        first = min(
            [
                node.lineno,
                *(d.lineno for d in getattr(node, "decorator_list", [])),
            ]
        )
        for number in range(first - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "".join(lines)
