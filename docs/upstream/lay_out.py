"""Lay out in a clone of SpeechBrain what a pull request would contain.

Example:

  PYTHONPATH=docs python -m upstream.lay_out /path/to/speechbrain
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from upstream.library import write_library
from upstream.recipe_folders import RecipeFolders
from upstream.rooms import HERE, read_rooms
from upstream.samples import write_samples
from upstream.unit_tests import write_tests

PACKAGE_DATA = (
    'speechbrain = ["version.txt", "log-config.yaml"]',
    'speechbrain = ["version.txt", "log-config.yaml", '
    '"integrations/segmentation/report/templates/*", '
    '"integrations/segmentation/report/templates/*/*"]',
)
logger = logging.getLogger(__name__)


def lay_out(clone: Path) -> list[Path]:
    """Write library, recipes, tests and samples.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.

    Returns
    -------
    list[pathlib.Path]
        What was written.

    Raises
    ------
    SystemExit
        If the folder is no clone of SpeechBrain.
    """
    if not (clone / "speechbrain/version.txt").is_file():
        raise SystemExit(
            f"expected a clone of SpeechBrain, got none, in {clone}; clone "
            "https://github.com/speechbrain/speechbrain"
        )
    rooms = read_rooms()
    written = write_library(clone, rooms)
    tests, n_kept, n_left = write_tests(clone, rooms)
    logger.info("%d tests go, %d stay here", n_kept, n_left)
    written += tests
    written += RecipeFolders(clone, rooms).write()
    written += write_samples(clone)
    written.append(_add_words(clone))
    written.append(_add_package_data(clone))
    _sort_imports(clone, written)
    return written


def _add_words(clone: Path) -> Path:
    """Tell their codespell the words that it does not know."""
    words = (HERE / "words.txt").read_text(encoding="utf-8").split()
    path = clone / ".dict-speechbrain.txt"
    text = path.read_text(encoding="utf-8")
    known = set(text.split())
    added = [word for word in words if word not in known]
    path.write_text("\n".join([text.rstrip("\n"), *added]) + "\n", "utf-8")
    return path


def _add_package_data(clone: Path) -> Path:
    """Have their package carry the templates of pages."""
    path = clone / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    if PACKAGE_DATA[1] not in text:
        if PACKAGE_DATA[0] not in text:
            raise SystemExit(
                f"expected '{PACKAGE_DATA[0]}', got no such line, in {path}; "
                "adapt docs/upstream/lay_out.py"
            )
        path.write_text(text.replace(*PACKAGE_DATA), "utf-8")
    return path


def _sort_imports(clone: Path, written: Iterable[Path]) -> None:
    """Order and wrap what new names have put out of order, with their ruff."""
    scripts = [
        str(path)
        for path in written
        if path.suffix == ".py" and not path.is_symlink()
    ]
    for command in (["check", "--fix", "--select=I,F401"], ["format"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--quiet", *scripts],
            cwd=clone,
            check=True,
        )


def main() -> None:
    """Lay out in the clone that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("speechbrain", type=Path, help="clone of SpeechBrain")
    clone = parser.parse_args().speechbrain.resolve()
    logger.info("%d files written to %s", len(lay_out(clone)), clone)


if __name__ == "__main__":
    main()
