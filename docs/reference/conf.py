"""Sphinx: a table of all public names, and a page a room.

The public names of a room are those of its stub ``__init__.pyi``; of the words
of the house, single modules, those with a docstring. The pages are written
here, before Sphinx reads them, and are not kept: ``make docs``.
"""

import ast
import importlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import explainable_seg

project = "explainable-seg"
author = "explainable-seg contributors"
version = release = explainable_seg.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
# Docstrings are SpeechBrain's: NumPy's, whose parameters are `Arguments`.
napoleon_google_docstring = False
napoleon_numpy_docstring = True
autosummary_generate = False
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
exclude_patterns = ["*.py"]
html_theme = "alabaster"
html_show_sourcelink = False
html_show_copyright = False
toc_object_entries = False  # hundreds of names beside each page

PACKAGE = Path(explainable_seg.__file__).parent
# From the lowest to the highest: each imports from those above it.
WORDS = (
    "classes",
    "errors",
    "files",
    "frames",
    "brief",
    "threads",
    "distributed",
)
ROOMS = (
    "annotation",
    "audio",
    "decisions",
    "features",
    "nmf",
    "models",
    "corpora",
    "composer",
    "explanation",
    "inference",
    "interpreters",
    "evaluation",
    "training",
    "pages",
    "commands",
)


def homes(room: str) -> dict[str, str]:
    """For each public name of a room, sorted, the module that defines it."""
    module = f"explainable_seg.{room}"
    if room in WORDS:
        return dict.fromkeys(documented(module), module)
    path = PACKAGE / room / "__init__.pyi"
    if not path.is_file():
        path = path.with_suffix(".py")
    stub = ast.parse(path.read_text("utf-8"))
    found = {
        name.name: f"{module}.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    return dict(sorted(found.items()))


def documented(module: str) -> list[str]:
    """Names with a docstring that a module defines."""
    analyzer = ModuleAnalyzer.for_module(module)
    constants = {name for _, name in analyzer.find_attr_docs()}
    names = {name for name in analyzer.find_tags() if "." not in name}
    return sorted(
        name
        for name in names | constants
        if not name.startswith("_")
        and (name in constants or vars(importlib.import_module(module))[name])
    )


def page(room: str) -> str:
    """Page of a room: what it is, then each of its names in full."""
    module = f"explainable_seg.{room}"
    parts = [headline(module, "="), f".. automodule:: {module}"]
    for name, home in homes(room).items():
        value = getattr(importlib.import_module(home), name)
        if isinstance(value, type) and value.__module__ == home:
            entry = f".. autoclass:: {name}\n   :members:"
        elif getattr(value, "__module__", None) == home and callable(value):
            entry = f".. autofunction:: {name}"
        else:
            entry = f".. autodata:: {name}\n   :no-value:"
        parts.append(entry)
    return "\n\n".join(parts) + "\n"


def headline(text: str, line: str) -> str:
    """A text with a line below it."""
    return f"{text}\n{line * len(text)}"


def table(room: str) -> str:
    """Public names of a room, with the first line of each docstring."""
    rows = [f"   ~explainable_seg.{room}.{name}" for name in homes(room)]
    return "\n".join([".. autosummary::", "   :nosignatures:", "", *rows])


def write_pages(app: Sphinx) -> None:
    """Write the table of all names, and the page of each room."""
    folder = Path(app.srcdir, "rooms")
    folder.mkdir(exist_ok=True)
    pages = "\n   ".join((*WORDS, *ROOMS))
    names = [
        headline("All public names", "="),
        f".. toctree::\n   :hidden:\n\n   {pages}",
    ]
    for room in (*WORDS, *ROOMS):
        (folder / f"{room}.rst").write_text(page(room), encoding="utf-8")
        names += [headline(f":doc:`{room}`", "-"), table(room)]
    (folder / "names.rst").write_text("\n\n".join(names), encoding="utf-8")


def take_attribute_docstring(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    lines: list[str],
) -> None:
    """Give a constant what stands below it where it is defined."""
    room, _, short = name.removeprefix("explainable_seg.").rpartition(".")
    if what == "data":
        analyzer = ModuleAnalyzer.for_module(homes(room)[short])
        lines[:] = analyzer.find_attr_docs()["", short]


def skip_field(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    skip: bool,
    options: object,
) -> bool | None:
    """Leave out fields of a NamedTuple, which its arguments tell of."""
    return True if type(value).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> None:
    """Tie all three to Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", take_attribute_docstring)
    app.connect("autodoc-skip-member", skip_field)
