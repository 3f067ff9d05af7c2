"""Fixtures that every room of the tests may use."""

import os
from pathlib import Path

import pytest
from two_tones import decomposition, own_weights, weights

__all__ = ["decomposition", "own_weights", "weights"]
CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder of the real corpora; tests that need it are skipped without.

    It is the folder that the environment variable EXPLAINABLE_SEG_CORPORA
    names, else ``shared/corpora`` beside the checkout.
    """
    named = os.environ.get("EXPLAINABLE_SEG_CORPORA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip("no corpora: set EXPLAINABLE_SEG_CORPORA to their folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with trainings, the longest, so that no process ends late."""
    items.sort(key=lambda item: "recipes" not in item.path.parts)
