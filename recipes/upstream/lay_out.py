"""Lay out in a clone of SpeechBrain what a pull request would contain.

Example:

  PYTHONPATH=recipes:tests/data_prep python -m upstream.lay_out /path/to/speechbrain
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from upstream.going_tests import write_tests
from upstream.library import HERE, write_library
from upstream.recipe_folders import RecipeFolders
from upstream.samples import write_samples

PACKAGE_DATA = 'speechbrain = ["version.txt", "log-config.yaml"'
# Faces of rooms, read when a name is asked for, and templates of pages.
OUR_DATA = "".join(
    f', "integrations/segmentation/{files}"'
    for files in ("*.pyi", "*/*.pyi", "pages/templates/**")
)
logger = logging.getLogger(__name__)


def lay_out(clone: Path) -> list[Path]:
    """Write library, tests, recipes and samples.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.

    Returns
    -------
    list[pathlib.Path]
        Files and links that were written, without those of the samples.

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
    written = [
        *write_library(clone),
        *write_tests(clone),
        *RecipeFolders(clone).write(),
    ]
    write_samples(clone)
    _add_words(clone / ".dict-speechbrain.txt")
    _add_package_data(clone / "pyproject.toml")
    _sort_imports(clone, written)
    return written


def _add_words(path: Path) -> None:
    """Tell their codespell the words that it does not know."""
    words = (HERE / "words.txt").read_text(encoding="utf-8").split()
    known = path.read_text(encoding="utf-8").splitlines()
    added = [word for word in words if word not in known]
    path.write_text("\n".join([*known, *added]) + "\n", "utf-8")


def _add_package_data(path: Path) -> None:
    """Have their package carry what is no Python of ours."""
    text = path.read_text(encoding="utf-8")
    if PACKAGE_DATA not in text:
        raise SystemExit(
            f"expected '{PACKAGE_DATA}', got no such line, in {path}; adapt "
            "recipes/upstream/lay_out.py"
        )
    text = text.replace(OUR_DATA, "")
    path.write_text(
        text.replace(PACKAGE_DATA, PACKAGE_DATA + OUR_DATA), "utf-8"
    )


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
