"""Where the rooms of this package go in SpeechBrain, and under which names."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import yaml

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
OURS = ("explainable_seg", "data_prep")
DOTTED = re.compile(r"\b(?:explainable_seg|data_prep)(?:\.\w+)+")
FRONT_DOOR = re.compile(r"from explainable_seg import (\w+)")
MODULE = re.compile(r"from (explainable_seg(?:\.\w+)+) import (\w+)$", re.M)
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
        text = FRONT_DOOR.sub(_through(exports), text)
        text = MODULE.sub(self._module_apart, text)
        return DOTTED.sub(renamed, text)

    def _module_apart(self, match: re.Match[str]) -> str:
        """Import of a module that does not go with its package."""
        there = self.moves.get(".".join(match.groups()))
        if there is None:
            return match.group()
        package, _, name = there.rpartition(".")
        return f"from {package} import {name}"

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


def _through(exports: dict[str, str]) -> Callable[[re.Match[str]], str]:
    """Replacement of an import through the front door."""
    return lambda m: f"from {exports[m.group(1)]} import {m.group(1)}"
