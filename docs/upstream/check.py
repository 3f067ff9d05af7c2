"""Run SpeechBrain's own checks on the laid-out tree.

Its linters, consistency tests, recipe tests and doctests run as they are in the
clone, by an interpreter that finds the clone's package and not ours.

Example:

  PYTHONPATH=docs python -m upstream.check /path/to/speechbrain
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from upstream.library import INTEGRATION
from upstream.recipe_folders import RecipeFolders
from upstream.rooms import our_modules, read_rooms

# Not SpeechBrain's own: what core modules must do without.
HIDDEN = (
    "defusedxml",
    "explainable_seg",
    "hypothesis",
    "jinja2",
    "matplotlib",
    "pandas",
    "praatio",
    "pyannote",
    "pympi",
    "safetensors",
    "soxr",
    "transformers",
)
SETTINGS = {"HF_HUB_OFFLINE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(frozen=True)
class Check:
    """One of SpeechBrain's checks.

    Arguments
    ---------
    name : str
        What it is.
    command : Sequence[str]
        What is run in the clone.
    """

    name: str
    command: Sequence[str]


def checks(clone: Path) -> Iterator[Check]:
    """Checks in the order of their length.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository, with our files in it.

    Yields
    ------
    Check
    """
    yield from _of_files(clone)
    yield from _of_code(clone)
    yield from _of_recipes(clone)


def _of_files(clone: Path) -> Iterator[Check]:
    """Checks of what git lists."""
    added = subprocess.run(
        ["git", "diff", "--name-only"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")[:-1]
    yield Check("tests/.run-linters.sh", ["bash", "tests/.run-linters.sh"])
    yield Check(
        "codespell",
        ["codespell", "--ignore-words=.dict-speechbrain.txt", *added],
    )
    yield Check("trailing whitespace, end of files", ["git", "diff", "--check"])
    yield Check("no file above 1 MiB", ["python", "-c", _LARGE, *added])


def _of_code(clone: Path) -> Iterator[Check]:
    """Doctests and tests: of core modules without other packages."""
    pytest = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    beside = [*pytest, "--noconftest"]
    hidden = ["python", "-c", _HIDE.format(names=HIDDEN), "-q"]
    units = _tests(clone, "tests/unittests")
    integrated = _tests(clone, "speechbrain/integrations/tests")
    yield Check("tests/consistency", [*pytest, "tests/consistency"])
    yield Check(
        "core doctests, other packages hidden",
        [*hidden, "--doctest-modules", *_core_files(clone)],
    )
    yield Check("core unit tests, other packages hidden", [*hidden, *units])
    yield Check(
        "integration doctests", [*beside, "--doctest-modules", INTEGRATION]
    )
    yield Check("integration tests", [*beside, *integrated])


def _tests(clone: Path, folder: str) -> list[str]:
    """Our files of tests in a folder."""
    found = clone.glob(f"{folder}/test_segmentation_*.py")
    return sorted(str(path.relative_to(clone)) for path in found)


def _of_recipes(clone: Path) -> Iterator[Check]:
    """SpeechBrain's tests of every recipe, for our datasets."""
    recipes = RecipeFolders(clone, read_rooms()).datasets
    datasets = [dataset["folder"] for dataset in recipes]
    for function, options in (
        ("load_yaml_test", ""),
        ("run_recipe_tests", ", do_checks=True, run_opts='--device=cpu'"),
    ):
        code = _RECIPES.format(
            function=function, datasets=datasets, options=options
        )
        yield Check(function, ["python", "-c", code])


_LARGE = """\
import os, sys
large = [p for p in sys.argv[1:] if os.path.getsize(p) > 2**20]
sys.exit(f"above 1 MiB: {large}" if large else 0)
"""
_HIDE = """\
import sys
from importlib.machinery import PathFinder
import pytest
class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] not in {names}:
            return super().find_spec(name, path, target)
sys.meta_path[:] = [Hiding if f is PathFinder else f for f in sys.meta_path]
sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
"""
_RECIPES = """\
from tests.utils.recipe_tests import {function} as run
assert run(filters_fields=["Dataset"], filters=[{datasets}]{options})
"""


def _core_files(clone: Path) -> list[str]:
    """Our modules outside of speechbrain/integrations."""
    rooms = read_rooms()
    files = []
    for module, path in our_modules():
        there = rooms.destination(module)
        if there and there.startswith("speechbrain."):
            if not there.startswith("speechbrain.integrations."):
                end = "/__init__.py" if path.stem == "__init__" else ".py"
                files.append(there.replace(".", "/") + end)
    return files


def make_environment(folder: Path, clone: Path) -> dict[str, str]:
    """Environment whose ``python`` finds the clone and our dependencies.

    Arguments
    ---------
    folder : pathlib.Path
        Receives a virtual environment.
    clone : pathlib.Path
        Its package hides an installed SpeechBrain.

    Returns
    -------
    dict[str, str]
        Environment variables.
    """
    venv.create(folder, symlinks=True)
    packages = sysconfig.get_paths()["purelib"]
    (own,) = folder.glob("lib/python*/site-packages")
    # Lines of such a file come after one another; those of the folders that
    # they name are not read, so that our own package is not found.
    (own / "clone.pth").write_text(f"{clone}\n{packages}\n")
    tools = Path(sys.executable).parent
    path = os.pathsep.join(
        [str(folder / "bin"), str(tools), os.environ["PATH"]]
    )
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return {**kept, "PATH": path, **SETTINGS}


def main() -> None:
    """Check the clone that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("speechbrain", type=Path, help="clone, laid out")
    parser.add_argument("--only", default="", help="checks with that in a name")
    options = parser.parse_args()
    clone = options.speechbrain.resolve()
    # The linters read what git lists; recipe tests would resume old runs.
    subprocess.run(["git", "add", "-N", "."], cwd=clone, check=True)
    shutil.rmtree(clone / "tests/tmp", ignore_errors=True)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        environment = make_environment(Path(folder), clone)
        for check in checks(clone):
            if options.only not in check.name:
                continue
            start = time.monotonic()
            run = subprocess.run(
                check.command,
                cwd=clone,
                env=environment,
                capture_output=True,
                text=True,
            )
            said = (run.stdout + run.stderr).strip()
            if run.returncode:
                failed.append(check.name)
                sys.stdout.write(said[-6000:] + "\n")
            verdict = "FAILED" if run.returncode else "passed"
            last = said.splitlines()[-1] if said else ""
            took = time.monotonic() - start
            sys.stdout.write(f"{verdict} {check.name} ({took:.0f} s) {last}\n")
            sys.stdout.flush()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
