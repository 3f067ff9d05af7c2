"""The map of the rooms: whole, free of clashes, and possible to follow."""

import sys

import pytest
import yaml
from upstream.imports import names_imported, reached
from upstream.rooms import CHECKOUT, HERE, our_modules, read_rooms

from explainable_seg import _EXPORTS

ROOMS = read_rooms()
MODULES = dict(our_modules())
GOING = {m: ROOMS.destination(m) for m in MODULES if ROOMS.destination(m)}
CORE = [
    m
    for m, there in GOING.items()
    if there.startswith("speechbrain.")
    and not there.startswith("speechbrain.integrations.")
]
# Names of packages where they are installed by others than they are imported.
INSTALLED_AS = {"pyannote": "pyannote.core", "pympi": "pympi-ling"}
# Needed by one dataset, or installed with those that are named.
ELSEWHERE = {
    "markupsafe",
    "espeakng_loader",
    "pretty_midi",
    "symusic",
    "speechbrain",
}


def test_every_module_has_a_place_of_its_own():
    places = list(GOING.values())
    assert len(set(places)) == len(places)
    assert GOING["explainable_seg.nmf"] == "speechbrain.processing.sparse_nmf"
    assert "explainable_seg.commands.cli" not in GOING


def test_rooms_are_those_that_there_are():
    assert set(ROOMS.moves) - set(MODULES) == {"data_prep"}


def test_a_module_without_a_room_is_refused():
    with pytest.raises(KeyError, match="rooms.yaml"):
        ROOMS.destination("explainable_seg.attic.trunk")


SCRIPTS = {path.stem: path for path in CHECKOUT.glob("recipes/train_*.py")}


@pytest.mark.parametrize("module", sorted([*GOING, *SCRIPTS]))
def test_what_goes_imports_nothing_that_stays(module):
    path = SCRIPTS.get(module) or MODULES[module]
    named = names_imported(path, on_import=False)
    assert not [n for n in named if n in MODULES and n not in GOING]


@pytest.mark.parametrize("module", sorted(CORE))
def test_core_modules_need_what_speechbrain_installs(module):
    outside = reached(module, MODULES) - set(MODULES) - ROOMS.installed
    assert outside <= {"speechbrain"}


def test_the_check_of_core_modules_sees_packages(tmp_path):
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("import math\nfrom explainable_seg import second\n")
    second.write_text("import soxr.deep\ndef f():\n    import jinja2\n")
    modules = {"explainable_seg": first, "explainable_seg.second": second}
    assert "soxr" in reached("explainable_seg", modules)
    assert not {"jinja2", "math"} & reached("explainable_seg", modules)


def test_extra_requirements_name_all_that_is_imported():
    settings = yaml.safe_load((HERE / "datasets.yaml").read_text())
    named = set(settings["requirements"]) | ROOMS.installed | ELSEWHERE
    tops = {
        name.partition(".")[0]
        for module in GOING
        for name in names_imported(MODULES[module], on_import=False)
    }
    outside = tops - set(sys.stdlib_module_names)
    outside -= {"explainable_seg", "data_prep"}
    assert {INSTALLED_AS.get(name, name) for name in outside} <= named


def test_names_are_renamed_and_what_stays_is_refused():
    text = (
        "from explainable_seg import Segmentation\n"
        "from explainable_seg.explanation import panels\n"
        "x: !new:explainable_seg.nmf.SparseNMF\n"
        "run recipes/train_teacher.py hparams/dihard3/teacher.yaml\n"
    )
    assert ROOMS.rename(text, _EXPORTS) == (
        "from speechbrain.inference.segmentation.segmentation import "
        "Segmentation\n"
        "from speechbrain.integrations.segmentation.report import panels\n"
        "x: !new:speechbrain.processing.sparse_nmf.SparseNMF\n"
        "run train_teacher.py hparams/teacher.yaml\n"
    )
    with pytest.raises(ValueError, match="stays"):
        ROOMS.rename("import explainable_seg.commands.cli", _EXPORTS)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (
            "from explainable_seg.audio import level as module\n",
            "from speechbrain.processing import level as module\n",
        ),
        (
            "    from explainable_seg import frames\n",
            "    from speechbrain.processing import frame_grid as frames\n",
        ),
        (
            ">>> from explainable_seg.audio import load_audio, level\n",
            ">>> from speechbrain.dataio.recordings import load_audio\n"
            ">>> from speechbrain.processing import level\n",
        ),
        (
            "from explainable_seg import (\n    CLASSES,\n    frames as f,\n)\n",
            "from speechbrain.utils.segmentation.classes import CLASSES\n"
            "from speechbrain.processing import frame_grid as f\n",
        ),
        (
            "from explainable_seg.nmf import (\n    SparseNMF,  # the model\n)\n",
            "from speechbrain.processing.sparse_nmf import (\n"
            "    SparseNMF,  # the model\n)\n",
        ),
    ],
)
def test_each_name_is_imported_from_where_it_goes(ours, theirs):
    assert ROOMS.rename(ours, _EXPORTS) == theirs


@pytest.mark.parametrize(
    "text",
    [
        "from explainable_seg.inference import live\n",
        "from explainable_seg.inference import rules, live as now\n",
        "from explainable_seg.inference import (\n    rules,\n    live,\n)\n",
    ],
)
def test_a_module_that_stays_is_refused_however_it_is_imported(text):
    with pytest.raises(ValueError, match="inference.live stays"):
        ROOMS.rename(text, _EXPORTS)


def test_the_table_of_the_page_is_that_of_the_map():
    page = (CHECKOUT / "docs/upstream.md").read_text(encoding="utf-8")
    assert ROOMS.table() in page
