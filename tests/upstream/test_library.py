"""The package goes whole, under one prefix, and needs nothing that stays."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from upstream.library import CHECKOUT, HERE, STAYING, going, renamed

GOING = {place: path for path, place in going()}
PREPARATIONS = sorted((CHECKOUT / "data_prep").glob("*_prepare.py"))
SCRIPTS = sorted(CHECKOUT.glob("recipes/train_*.py"))
MODULES = [path for path in GOING.values() if path.suffix in (".py", ".pyi")]
# What SpeechBrain installs.
INSTALLED = {
    "huggingface_hub",
    "hyperpyyaml",
    "numpy",
    "ruamel",
    "scipy",
    "soundfile",
    "speechbrain",
    "torch",
    "torchaudio",
    "tqdm",
    "typing_extensions",
    "yaml",
}
# Names of packages where they are installed by others than they are imported.
INSTALLED_AS = {
    "espeakng_loader": "espeakng-loader",
    "markupsafe": "jinja2",
    "pyannote": "pyannote.core",
    "pympi": "pympi-ling",
}


def imported(path: Path) -> Iterator[str]:
    """Packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_rooms_go_whole():
    package = CHECKOUT / "explainable_seg"
    staying = [path for path in package.iterdir() if path.stem in STAYING]
    assert len(staying) == len(STAYING)
    for path in package.rglob("*.py*"):
        stays = any(path.is_relative_to(room) for room in staying)
        assert stays or path.suffix == ".pyc" or path in GOING.values(), path
    folder = "speechbrain/integrations/segmentation"
    for name in ("audio/__init__.pyi", "pages/templates/vendor/fft.min.js"):
        assert f"{folder}/{name}" in GOING


@pytest.mark.parametrize(
    "path", [*MODULES, *PREPARATIONS, *SCRIPTS], ids=lambda path: path.stem
)
def test_what_goes_names_nothing_that_stays(path):
    assert "explainable_seg" not in renamed(path.read_text(encoding="utf-8"))


def test_extra_requirements_name_all_that_is_imported():
    settings = yaml.safe_load((HERE / "datasets.yaml").read_text())
    named = {*settings["requirements"], "ray"}  # ray asks for itself
    for dataset in settings["datasets"]:
        named.update(dataset.get("requirements", ()))
    named = {name.partition(">")[0] for name in named}
    outside = {
        INSTALLED_AS.get(name, name)
        for path in [*MODULES, *PREPARATIONS, *SCRIPTS]
        for name in imported(path)
    }
    ours = {"explainable_seg", "data_prep"}
    known = named | INSTALLED | ours | set(sys.stdlib_module_names)
    assert outside <= known, outside - known


def test_names_are_replaced_and_what_stays_is_refused():
    text = (
        "from explainable_seg import Segmentation\n"
        "x: !new:explainable_seg.nmf.SparseNMF\n"
        "prepare: !name:data_prep.dihard3_prepare.prepare_dihard3\n"
        "run recipes/train_teacher.py hparams/<corpus>/teacher.yaml\n"
    )
    assert renamed(text) == (
        "from speechbrain.integrations.segmentation import Segmentation\n"
        "x: !new:speechbrain.integrations.segmentation.nmf.SparseNMF\n"
        "prepare: !name:dihard3_prepare.prepare_dihard3\n"
        "run train_teacher.py hparams/teacher.yaml\n"
    )
    with pytest.raises(ValueError, match="explainable_seg.commands"):
        renamed("import explainable_seg.commands.cli")
