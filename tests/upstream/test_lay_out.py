"""What is laid out is whole, in a folder like a clone of SpeechBrain."""

import ast
import csv
import json
import re
import shutil
import subprocess
import sys

import pytest
import soundfile
from upstream.lay_out import OUR_DATA, PACKAGE_DATA, lay_out
from upstream.library import CHECKOUT, HERE

from explainable_seg.training.distillation import load_teacher

# Also of names that are put together, which cannot be renamed.
OURS = re.compile(r"\b(?:explainable_seg|data_prep)\.[\w{]")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the few files of SpeechBrain that laying out reads."""
    folder = tmp_path_factory.mktemp("speechbrain")
    for name in ("speechbrain", "tests/recipes", "tests/unittests"):
        (folder / name).mkdir(parents=True)
    (folder / "speechbrain/version.txt").write_text("1.1.0")
    (folder / ".dict-speechbrain.txt").write_text("delle\n")
    shutil.copy(CHECKOUT / ".yamllint.yaml", folder)
    settings = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    data = f"\n[tool.setuptools.package-data]\n{PACKAGE_DATA}]\n"
    (folder / "pyproject.toml").write_text(settings + data)
    lay_out(folder)
    return folder


@pytest.fixture(scope="module")
def rows(clone):
    """Rows of all datasets."""
    found = []
    for path in sorted((clone / "tests/recipes").glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as stream:
            found += csv.DictReader(stream)
    return found


def run(clone, *command):
    """Run a tool in the folder; what it says if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_that_is_no_clone_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="expected a clone of SpeechBrain"):
        lay_out(tmp_path)


def test_each_yaml_file_has_a_row_and_each_row_its_files(clone, rows):
    files = {
        str(path.relative_to(clone))
        for path in clone.glob("recipes/*/segmentation/hparams/*.yaml")
    }
    ours = {
        (p.parent.name, p.name) for p in (CHECKOUT / "hparams").glob("*/*.yaml")
    }
    assert {row["Hparam_file"] for row in rows} == files
    kept_here = ("base", "default")  # the model that ships is no corpus
    assert len(files) == len([o for o in ours if o[0] not in kept_here])
    for row in rows:
        assert row["test_debug_flags"]
        for column in ("Script_file", "Data_prep_file", "Readme_file"):
            assert (clone / row[column]).is_file()


def test_links_lead_somewhere_in_the_clone(clone):
    links = [p for p in clone.rglob("*") if p.is_symlink()]
    assert len(links) > 20
    for link in links:
        assert link.resolve().is_relative_to(clone.resolve())
        assert link.is_file()


def test_flags_name_keys_of_the_file(clone, rows):
    for row in rows:
        keys = (clone / row["Hparam_file"]).read_text(encoding="utf-8")
        for key in re.findall(r"--(\w+)=", row["test_debug_flags"]):
            assert re.search(rf"^{key}:", keys, flags=re.M), (key, row)


def test_no_name_of_ours_is_left(clone):
    for suffix in ("py", "yaml", "md", "csv"):
        for path in clone.rglob(f"*.{suffix}"):
            text = path.read_text(encoding="utf-8")
            assert not OURS.search(text), path


def test_readmes_have_what_reviewers_ask_for(clone):
    readmes = list(clone.glob("recipes/*/segmentation/README.md"))
    assert len(readmes) == 8
    for path in readmes:
        text = path.read_text(encoding="utf-8")
        for words in (
            "## Data",
            "extra_requirements.txt",
            "python train_",
            "## Results",
            "Training time",
            "About SpeechBrain",
            "Citing SpeechBrain",
            "@inproceedings{lebourdais",
        ):
            assert words in text, (path, words)


def test_linters_with_speechbrains_settings(clone):
    run(clone, "ruff", "check", ".")
    run(clone, "ruff", "format", "--check", ".")
    run(clone, "yamllint", "-c", ".yamllint.yaml", "--no-warnings", "recipes")


def test_samples_are_small_and_can_be_read(clone):
    samples = clone / "tests/samples/segmentation"
    for path in samples.rglob("*"):
        if path.is_file():
            assert path.stat().st_size < 2**20, path
    audio = [*samples.rglob("[!.]*.wav"), *samples.rglob("[!.]*.flac")]
    assert len(audio) > 20
    for path in audio:
        assert soundfile.info(path).duration == pytest.approx(10, abs=0.2)
    config = json.loads((samples / "teacher/config.json").read_text())
    assert config["model"]["type"] == "teacher"


def test_the_teacher_fits_each_student_that_learns_from_it(clone):
    teacher = clone / "tests/samples/segmentation/teacher"
    files = list(clone.glob("recipes/*/segmentation/hparams/student.yaml"))
    assert len(files) > 3
    for path in files:
        (level,) = re.findall(r"^level: (\S+)", path.read_text("utf-8"), re.M)
        load_teacher(str(teacher), float(level))


def test_words_and_package_data_are_added_once(clone):
    settings = (clone / "pyproject.toml").read_text()
    assert settings.count(f"{PACKAGE_DATA}{OUR_DATA}]") == 1
    words = (clone / ".dict-speechbrain.txt").read_text().split()
    added = (HERE / "words.txt").read_text().split()
    assert words == ["delle", *added]
    lay_out(clone)
    assert (clone / "pyproject.toml").read_text() == settings
    assert (clone / ".dict-speechbrain.txt").read_text().split() == words


def test_tests_go_with_what_they_test(clone):
    tests = clone / "speechbrain/integrations/tests/segmentation"
    for name in ("nmf/test_sparse_nmf", "models/test_tcn", "test_files"):
        text = (tests / f"{name}.py").read_text(encoding="utf-8")
        assert "\ndef test_" in text
    assert not (tests / "commands").exists()
    together = "".join(p.read_text("utf-8") for p in tests.rglob("*.py"))
    for lacking in ("hypothesis", "sklearn", "pandas"):
        assert f"import {lacking}" not in together
        assert f"from {lacking}" not in together


def test_helpers_go_whole_with_the_tests_that_import_them(clone):
    tests = clone / "speechbrain/integrations/tests/segmentation"
    helpers = {
        ".".join(path.relative_to(tests).with_suffix("").parts): path
        for path in tests.rglob("*.py")
    }
    count = 0
    for path in tests.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            helper = helpers.get(getattr(node, "module", None) or "")
            if helper is None:
                continue
            bound = {
                name
                for part in ast.parse(helper.read_text("utf-8")).body
                for name in _names(part)
            }
            assert {alias.name for alias in node.names} <= bound, path
            count += 1
    assert count > 5


def _names(node):
    """What a statement of a module binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
