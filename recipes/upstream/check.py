"""Run SpeechBrain's own checks on the laid-out tree.

Its linters, consistency tests, recipe tests and doctests run as they are in the
clone, by an interpreter that finds the clone's package and not ours.

Example:

  PYTHONPATH=recipes:tests/data_prep python -m upstream.check /path/to/speechbrain
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
from pathlib import Path

from upstream.recipe_folders import RecipeFolders

SETTINGS = {"HF_HUB_OFFLINE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
LARGE = """\
import os, sys
large = [p for p in sys.argv[1:] if os.path.getsize(p) > 2**20]
sys.exit(f"above 1 MiB: {large}" if large else 0)
"""
RECIPES = """\
import sys
from tests.utils import recipe_tests
test = getattr(recipe_tests, sys.argv[1])
options = dict(option.split("=", 1) for option in sys.argv[2:])
assert test(filters_fields=["Dataset"], filters=[{names}], **options)
"""
IN_FULL = ("do_checks=True", "run_opts=--device=cpu")


def _checks(clone: Path) -> dict[str, list[str]]:
    """What is run in the clone, by name, in the order of its length."""
    listed = subprocess.check_output(
        ["git", "diff", "--name-only"], cwd=clone, text=True
    )
    added = listed.splitlines()
    words = "--ignore-words=.dict-speechbrain.txt"
    pytest = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # SpeechBrain's own conftest passes over integrations.
    ours = [*pytest, "--confcutdir=speechbrain"]
    # Faces import nothing before a name is asked for; pytest asks for all.
    doctests = [*ours, "--doctest-modules", "--ignore-glob=*/__init__.py"]
    names = [dataset["folder"] for dataset in RecipeFolders(clone).datasets]
    recipes = ["python", "-c", RECIPES.format(names=names)]
    return {
        "tests/.run-linters.sh": ["bash", "tests/.run-linters.sh"],
        "codespell": ["codespell", words, *added],
        "trailing whitespace, end of files": ["git", "diff", "--check"],
        "no file above 1 MiB": ["python", "-c", LARGE, *added],
        "tests/consistency": [*pytest, "tests/consistency"],
        "doctests": [*doctests, "speechbrain/integrations/segmentation"],
        "tests": [*ours, "speechbrain/integrations/tests/segmentation"],
        "load_yaml_test": [*recipes, "load_yaml_test"],
        "run_recipe_tests": [*recipes, "run_recipe_tests", *IN_FULL],
    }


def _environment(folder: Path, clone: Path) -> dict[str, str]:
    """Environment whose ``python`` finds the clone and our dependencies."""
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


def _passes(
    name: str, command: list[str], clone: Path, environment: dict[str, str]
) -> bool:
    """Run one check, and say how it went."""
    start = time.monotonic()
    run = subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True
    )
    took = time.monotonic() - start
    said = (run.stdout + run.stderr).strip()
    if run.returncode:
        sys.stdout.write(said[-6000:] + "\n")
    verdict = "FAILED" if run.returncode else "passed"
    last = said.rpartition("\n")[2]
    sys.stdout.write(f"{verdict} {name} ({took:.0f} s) {last}\n")
    sys.stdout.flush()
    return not run.returncode


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
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder), clone)
        failed = [
            name
            for name, command in _checks(clone).items()
            if options.only in name
            and not _passes(name, command, clone, environment)
        ]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
