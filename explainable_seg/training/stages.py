"""Recipes run one after the other, each in a process of its own."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from explainable_seg.training.settings import json_string

logger = logging.getLogger(__name__)


def run_stage(
    recipes: Path,
    stage: str,
    corpus: str,
    settings: Mapping[str, object],
    options: tuple[str, ...] = (),
) -> float:
    """Run a recipe as a user would.

    Arguments
    ---------
    recipes : pathlib.Path
        Folder of the scripts, beside ``hparams``.
    stage : str
        ``teacher``, ``dictionary`` or ``student``.
    corpus : str
        Folder of ``hparams`` that has its YAML file.
    settings : Mapping[str, object]
        Keys of any stage; those that this stage's file has are passed on. What
        is text is YAML, but paths are taken as they are.
    options : tuple[str, ...]
        Further words of the command line.

    Returns
    -------
    float
        Seconds that it took.

    Raises
    ------
    SystemExit
        With the code of the recipe, which has said why it failed.
    """
    hparams = recipes.parent / "hparams" / corpus / f"{stage}.yaml"
    known = hparams.read_text(encoding="utf-8")
    overrides = [
        f"--{name}={json_string(str(value)) if isinstance(value, Path) else value}"
        for name, value in settings.items()
        if f"\n{name}:" in known
    ]
    logger.info("stage: %s of %s", stage, corpus)
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, str(recipes / f"train_{stage}.py"), str(hparams)]
        + [*overrides, *options],
        env={**os.environ, "OMP_NUM_THREADS": str(_n_threads())},
    )
    if run.returncode:
        raise SystemExit(run.returncode)
    return time.perf_counter() - start


def _n_threads() -> int:
    """Cores that are left beside the process that composes chunks.

    A thread more, and all of them wait for each other most of the time.
    """
    return max(1, (os.cpu_count() or 1) - 1)
