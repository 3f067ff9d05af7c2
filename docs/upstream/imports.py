"""What the modules of this package import, read from their text."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path


def names_imported(path: Path, on_import: bool) -> set[str]:
    """Dotted names that a file imports.

    Arguments
    ---------
    path : pathlib.Path
        Python file.
    on_import : bool
        Only those that importing the file imports: not those of functions,
        nor of blocks such as ``if TYPE_CHECKING``.

    Returns
    -------
    set[str]
        Of ``from a import b`` both ``a`` and ``a.b``, for b may be a module.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if on_import else ast.walk(tree)
    return {name for node in nodes for name in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    """Names of one statement."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(module: str, modules: Mapping[str, Path]) -> set[str]:
    """What importing a module imports, all that it leads to included.

    Arguments
    ---------
    module : str
        A key of ``modules``.
    modules : Mapping[str, pathlib.Path]
        Modules of ours, whose imports are followed.

    Returns
    -------
    set[str]
        Modules of ours, and top-level names of other packages, without those
        of the standard library.
    """
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for found in names_imported(modules[name], on_import=True):
            known = [m for m in _with_packages(found) if m in modules]
            waiting += known
            if not known and not found.startswith("explainable_seg"):
                seen.add(found.partition(".")[0])
    return seen - set(sys.stdlib_module_names)


def _with_packages(name: str) -> list[str]:
    """A module and the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]
