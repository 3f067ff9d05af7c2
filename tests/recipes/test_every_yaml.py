"""Each training that is shipped for a corpus runs on that corpus's layout."""

import importlib

import pytest
from recipe_runs import CHECKOUT, arguments, run_script

from ..data_prep import layouts

# The other two are trained in full: realbroadcast next door, minibroadcast by
# the demo.
CORPORA = ("albayzin", "openbmat", "allies", "dihard3", "aragonradio")
TRAININGS = [  # dictionaries and teachers before the students that need them
    "aragonradio/dictionary",
    "albayzin/teacher",
    "openbmat/teacher",
    "allies/teacher",
    "dihard3/teacher",
    "albayzin/student",
    "dihard3/student",
    "combined/dictionary",
    "combined/teacher",
    "combined/student",
    "default/dictionary",  # on the manifests of the mix
    "default/teacher",
    "default/student",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All corpora as unpacked, and those of the mix as prepared."""
    root = tmp_path_factory.mktemp("corpora")
    for corpus in CORPORA:
        getattr(layouts, f"write_{corpus}")(root / corpus)
    for corpus in ("albayzin", "dihard3"):
        module = importlib.import_module(f"data_prep.{corpus}_prepare")
        prepare = getattr(module, f"prepare_{corpus}")
        prepare(root / corpus, root / "prepared" / corpus)
    return root


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Where trainings write, and later ones find what they need."""
    return tmp_path_factory.mktemp("work")


def options(training, data, work):
    """What a user would say on the command line."""
    corpus, stage = training.split("/")
    if corpus == "combined":
        prepared = [str(data / "prepared" / c) for c in ("albayzin", "dihard3")]
        yield f"--corpora=[{', '.join(prepared)}]"
    elif corpus == "default":
        yield "--skip_prep=True"
        yield f"--data_folder={work / 'combined/manifests'}"
    else:
        yield f"--data_folder={data / corpus}"
    if training == "default/dictionary":
        yield "--atoms_per_class=[2, 2, 0, 0]"
    if stage == "student":
        # Trials of these are taken, which lie in folders of their own.
        yield f"--teacher={work / 'albayzin/teacher/export'}"
        of = "default" if corpus == "default" else "aragonradio"
        dictionary = work / of / "dictionary"
        yield f"--dictionary={dictionary / 'dictionary.safetensors'}"
    size = "n_atoms" if stage == "dictionary" else "batch_size"
    yield from (f"--{size}=4", f"--output_folder={work / training}")
    if corpus != "default":
        yield f"--manifest_folder={work / corpus / 'manifests'}"


@pytest.mark.parametrize("training", TRAININGS)
def test_it_runs_in_debug_mode(training, data, work):
    stage = training.split("/")[1]
    words = arguments(
        f"train_{stage}",
        training,
        *("--debug", "--device=cpu", "--noprogressbar"),
        "--loader_options={num_workers: 0}",
        *options(training, data, work),
    )
    run_script(words, work)
    left = {
        "dictionary": "reconstruction.json",
        "teacher": "export/model.safetensors",
        "student": "grounding.json",
    }
    assert (work / f"{training}-debug" / left[stage]).is_file()


def test_none_is_forgotten():
    shipped = {
        f"{path.parent.name}/{path.stem}"
        for path in (CHECKOUT / "hparams").glob("*/*.yaml")
        if path.parent.name not in ("base", "realbroadcast", "minibroadcast")
    }
    assert set(TRAININGS) == shipped
