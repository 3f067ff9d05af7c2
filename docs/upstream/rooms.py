"""Where the rooms of this package go in SpeechBrain, and under which names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Optional

import yaml

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
OURS = ("explainable_seg", "data_prep")
DOTTED = re.compile(r"\b(?:explainable_seg|data_prep)(?:\.\w+)+")
# The line before it, a package, and names, in brackets or not.
NAME = r"\w+(?: as \w+)?"
IMPORT = re.compile(
    r"(?P<before>^[^\S\n]*(?:>>> )?|)from (?P<package>explainable_seg(?:\.\w+)*) "
    rf"import (?P<names>{NAME}(?:, {NAME})*|\([\w\s,]+\))",
    re.M,
)
PATHS = (  # as messages and examples write them
    (re.compile(r"\brecipes/(train_\w+\.py)"), r"\1"),
    (re.compile(r"\bdata_prep/(<corpus>|\w+)_prepare\.py"), r"\1_prepare.py"),
    (re.compile(r"\bhparams/(?:<corpus>|\w+)/"), "hparams/"),
    (
        re.compile(r'pip install "explainable-seg\[\w+\]"'),
        "pip install -r extra_requirements.txt",
    ),
)


@dataclass(frozen=True)
class Room:
    """A module, a package or files of ours, and their place in SpeechBrain.

    Arguments
    ---------
    name : str
        Dotted name of a module or package, or paths.
    to : str, optional
        Its name there; None if it stays with us.
    why : str
        A few words.
    parts : tuple[str, ...]
        Modules of the package, if only they are meant.
    """

    name: str
    to: Optional[str]
    why: str
    parts: tuple[str, ...] = ()

    def moves(self) -> dict[str, Optional[str]]:
        """Name there of each name here."""
        if not self.parts:
            return {self.name: self.to}
        return {
            f"{self.name}.{part}": self.to and f"{self.to}.{part}"
            for part in self.parts
        }

    def row(self) -> str:
        """Its row in the table."""
        there = f"`{self.to}`" if self.to else "stays with us"
        parts = ": " + ", ".join(self.parts) if self.parts else ""
        return f"| `{self.name}`{parts} | {there} | {self.why} |"


@dataclass(frozen=True)
class Rooms:
    """All rooms, as ``rooms.yaml`` has them.

    Arguments
    ---------
    moves : dict[str, str or None]
        Name there of modules and packages; the longest name that fits decides.
    rows : list[Room]
        All rooms, in their order.
    packages : dict[str, str]
        Docstrings of packages there that no package here becomes.
    installed : frozenset[str]
        What SpeechBrain installs.
    integrated_tests : frozenset[str]
        Files of tests that need more than that when they run.
    """

    moves: dict[str, Optional[str]]
    rows: list[Room]
    packages: dict[str, str]
    installed: frozenset[str]
    integrated_tests: frozenset[str]

    def destination(self, module: str) -> Optional[str]:
        """Name of a module in SpeechBrain; None if it stays with us.

        Arguments
        ---------
        module : str
            Dotted name of a module, or of something in it.

        Returns
        -------
        str, optional

        Raises
        ------
        KeyError
            If no room has it.

        Example
        -------
        >>> read_rooms().destination("explainable_seg.nmf.coding")
        'speechbrain.processing.sparse_nmf.coding'
        """
        room = module
        while room not in self.moves:
            room, _, rest = room.rpartition(".")
            if not rest:
                raise KeyError(f"expected a room for {module}, in rooms.yaml")
        there = self.moves[room]
        if there is None:
            return None
        if room == "data_prep":  # scripts beside the recipes, no package
            return module[len("data_prep.") :]
        return there + module[len(room) :]

    def rename(self, text: str, exports: dict[str, str]) -> str:
        """Text in which our modules bear their names in SpeechBrain.

        Arguments
        ---------
        text : str
            Python or YAML.
        exports : dict[str, str]
            Module of each name that our front door exports.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the text names a module that stays with us.
        """

        def renamed(match: re.Match[str]) -> str:
            there = self.destination(match.group())
            if there is None:
                raise ValueError(f"{match.group()} stays with us")
            return there

        for pattern, replacement in PATHS:
            text = pattern.sub(replacement, text)
        text = IMPORT.sub(partial(self._apart, exports=exports), text)
        return DOTTED.sub(renamed, text)

    def _apart(self, match: re.Match[str], exports: Mapping[str, str]) -> str:
        """Imports of names of a package that do not all go to one place."""
        package, names = match["package"], match["names"].strip("()")
        lines: dict[str, list[str]] = {}
        for imported in names.split(","):
            if imported.strip():
                home, line = self._import(package, imported.split(), exports)
                lines.setdefault(home, []).append(line)
        if list(lines) == [package]:
            return match.group()
        return "\n".join(
            f"{match['before']}from {home} import {', '.join(parts)}"
            for home, parts in lines.items()
        )

    def _import(
        self, package: str, words: list[str], exports: Mapping[str, str]
    ) -> tuple[str, str]:
        """Package, and what to import of it, for ``[name, "as", other]``."""
        module = f"{package}.{words[0]}"
        if module not in self.moves:
            if package == "explainable_seg":  # its front door
                package = exports[words[0]]
            return package, " ".join(words)
        there = self.moves[module]
        if there is None:
            raise ValueError(f"{module} stays with us")
        home, _, name = there.rpartition(".")
        if name == words[-1]:
            return home, name
        return home, f"{name} as {words[-1]}"

    def table(self) -> str:
        """The rooms as a Markdown table."""
        lines = ["| room | in SpeechBrain | |", "|---|---|---|"]
        return "\n".join(lines + [room.row() for room in self.rows]) + "\n"


def read_rooms(path: Path = HERE / "rooms.yaml") -> Rooms:
    """Read the rooms.

    Arguments
    ---------
    path : pathlib.Path
        The file.

    Returns
    -------
    Rooms
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    modules, files = (
        [
            Room(
                row["room"], row["to"], row["why"], tuple(row.get("parts", ()))
            )
            for row in content[key]
        ]
        for key in ("modules", "files")
    )
    return Rooms(
        {name: to for room in modules for name, to in room.moves().items()},
        modules + files,
        content["packages"],
        frozenset(content["installed"]),
        frozenset(content["integrated_tests"]),
    )


def our_modules(checkout: Path = CHECKOUT) -> Iterator[tuple[str, Path]]:
    """Dotted name and file of each module of ours.

    Arguments
    ---------
    checkout : pathlib.Path
        This repository.

    Yields
    ------
    tuple[str, pathlib.Path]
        The front door is ``explainable_seg.__init__``; other packages bear
        their own names.
    """
    for package in OURS:
        for path in sorted((checkout / package).rglob("*.py")):
            parts = path.relative_to(checkout).with_suffix("").parts
            if parts[-1] == "__init__" and len(parts) > 2:
                parts = parts[:-1]
            yield ".".join(parts), path
