"""What tests of recipes share: a corpus, and what was trained on it."""

import pytest
from recipe_runs import (
    LITTLE,
    LITTLE_DICTIONARY,
    make_corpus,
    of_stage,
    run_fresh,
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A corpus in the layout of AragonRadio: a tone, a hum and a hiss."""
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root)
    return root


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """The folder of the trainings below."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def teacher(corpus, work):
    """Where a teacher was trained, as users do."""
    run_fresh(of_stage("teacher", corpus, work, *LITTLE), work)
    return work / "teacher"


@pytest.fixture(scope="session")
def dictionary(corpus, work):
    """Where a dictionary was learned."""
    run_fresh(of_stage("dictionary", corpus, work, *LITTLE_DICTIONARY), work)
    return work / "dictionary"


@pytest.fixture(scope="session")
def inputs(teacher, dictionary):
    """Options that name what a student needs."""
    return [
        f"--teacher={teacher / 'export'}",
        f"--dictionary={dictionary / 'dictionary.safetensors'}",
    ]


@pytest.fixture(scope="session")
def trained(corpus, work, inputs):
    """A folder in which all three stages were run."""
    run_fresh(of_stage("student", corpus, work, *LITTLE, *inputs), work)
    return work
