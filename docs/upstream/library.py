"""The modules that go into SpeechBrain's package."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from explainable_seg import _EXPORTS
from upstream.rooms import CHECKOUT, Rooms, our_modules

INTEGRATION = "speechbrain/integrations/segmentation"


def write_library(clone: Path, rooms: Rooms) -> list[Path]:
    """Write the modules under their names in SpeechBrain.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.
    rooms : Rooms
        Where each goes.

    Returns
    -------
    list[pathlib.Path]
        What was written.

    Raises
    ------
    ValueError
        If a module names one that stays with us, or two modules go to the
        same place.
    """
    written: list[Path] = []
    for relative, text in _texts(rooms):
        target = clone / relative
        if target in written:
            raise ValueError(f"expected one module, got two, for {relative}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    for room in rooms.rows:
        if room.to and room.name.startswith("explainable_seg/"):
            shutil.copytree(
                CHECKOUT / room.name, clone / room.to, dirs_exist_ok=True
            )
            written += sorted((clone / room.to).rglob("*.*"))
    return written


def _texts(rooms: Rooms) -> Iterator[tuple[str, str]]:
    """Path in SpeechBrain and text of each module."""
    for module, path in our_modules():
        there = rooms.destination(module)
        if there is None or module.startswith("data_prep"):
            continue
        end = "/__init__.py" if path.name == "__init__.py" else ".py"
        text = path.read_text(encoding="utf-8")
        yield there.replace(".", "/") + end, rooms.rename(text, _EXPORTS)
    for package, docstring in rooms.packages.items():
        place = package.replace(".", "/") + "/__init__.py"
        yield place, f'"""{docstring}"""\n'
    readme = Path(__file__).with_name("integration.md")
    yield f"{INTEGRATION}/README.md", readme.read_text(encoding="utf-8")
