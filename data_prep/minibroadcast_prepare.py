"""Make and prepare MiniBroadcast: synthesised programmes with exact labels.

Voices by rule, music from a soundfont and drawn noises are laid into
programmes, written in the layout of AragonRadio (with overlap annotated, as
``ov``) and prepared as that corpus is. The same seed gives the same bytes.
The clips of the training part stay in ``clips/``, listed in
``clips/clips.csv``, so that training can compose programmes of its own.

Example:

  pip install "explainable-seg[minibroadcast]"
  python data_prep/minibroadcast_prepare.py \\
      --data_folder data/minibroadcast --output_folder prepared/minibroadcast
"""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from data_prep.aragonradio_prepare import prepare_aragonradio
from explainable_seg.composer import synthesise_clips, write_programmes
from explainable_seg.corpora import PreparationParser
from explainable_seg.errors import CorpusError
from explainable_seg.files import atomic_write_json

logger = logging.getLogger(__name__)

PARTS = ("train", "dev1", "test")
VERSION = 2  # goes up when equal settings give other bytes
STAMP = "minibroadcast.json"  # settings, and whether the corpus is complete
MADE = ("audio", "clips", "lists", "rttms_segmentation")


def prepare_minibroadcast(
    data_folder: str | os.PathLike[str],
    output_folder: str | os.PathLike[str],
    minutes: Sequence[float] = (20, 5, 5),
    seed: int = 1,
    processes: int = 2,
    skip_prep: bool = False,
) -> None:
    """Synthesise the corpus unless it is there, then write its manifests.

    Arguments
    ---------
    data_folder : str or os.PathLike
        Where the corpus is, or is to be made.
    output_folder : str or os.PathLike
        Receives ``train.csv``, ``dev.csv``, ``test.csv``, ``rttm/``, ``uem/``
        and ``summary.json``.
    minutes : Sequence[float]
        Minutes of programmes for training, development and test.
    seed : int
        Seed of all randomness.
    processes : int
        How many processes work at once; the bytes do not depend on it.
    skip_prep : bool
        Whether to do nothing, because it is done already.

    Raises
    ------
    CorpusError
        If the settings make no corpus, or the data folder holds another one.
    ExplainableSegError
        If an optional package is missing or a folder cannot be written in.
    """
    if skip_prep:
        return
    _check_settings(minutes, seed, processes)
    data = Path(data_folder)
    shares = dict(zip(PARTS, map(float, minutes)))
    settings = {"version": VERSION, "seed": seed, "minutes": shares}
    if _must_be_made(data, settings):
        _write_stamp(data, settings, complete=False)
        _make(data, shares, seed, processes)
        _write_stamp(data, settings, complete=True)
    prepare_aragonradio(
        data,
        output_folder,
        labels=("sp", "mu", "no", "ov"),
        allow_absent=True,  # a few short programmes may lack a rare class
        processes=processes,
    )


def _check_settings(
    minutes: Sequence[float], seed: int, processes: int
) -> None:
    """Raise unless a corpus can be made from these settings."""
    if len(minutes) != len(PARTS) or not all(0 < m < 1e4 for m in minutes):
        raise CorpusError(
            f"expected positive minutes for {' '.join(PARTS)}, got "
            f"'{' '.join(map(str, minutes))}', in the settings; "
            "give three numbers, for instance 20 5 5"
        )
    if seed < 0 or processes < 1:
        raise CorpusError(
            f"expected a seed from 0 and processes from 1, got {seed} and "
            f"{processes}, in the settings; correct them"
        )


def _must_be_made(data: Path, settings: dict) -> bool:
    """Whether the corpus is missing or unfinished; raise if it is another."""
    stamp = data / STAMP
    if not stamp.is_file():
        foreign = [name for name in MADE if (data / name).exists()]
        if foreign:
            raise CorpusError(
                f"expected an empty folder or a MiniBroadcast corpus, got "
                f"{' '.join(foreign)} without {STAMP}, in {data}; "
                "choose another data folder"
            )
        return True
    complete = {**settings, "complete": True}
    found = _read_stamp(stamp)
    if found == complete:
        return False
    if found != {**complete, "complete": False}:
        raise CorpusError(
            f"expected a corpus made with {json.dumps(settings)}, got "
            f"{json.dumps(found)}, in {stamp}; choose another data folder, or "
            "remove this one"
        )
    return True


def _read_stamp(stamp: Path) -> object:
    """What the stamp of a corpus says; None if it says nothing readable."""
    try:
        return json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _make(
    data: Path, minutes: dict[str, float], seed: int, processes: int
) -> None:
    """Synthesise the clips and write the programmes."""
    logger.info("synthesising the clips of %g minutes", sum(minutes.values()))
    passing = data / ".clips"  # of development and test, not kept
    folders = {part: passing / part for part in PARTS}
    folders["train"] = data / "clips"
    try:
        clips = synthesise_clips(folders, minutes, seed, processes)
        logger.info("composing the programmes in %s", data)
        write_programmes(data, clips, minutes, seed, workers=processes)
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def _write_stamp(data: Path, settings: dict, complete: bool) -> None:
    """Say from what the corpus is made, and whether it is all there."""
    content = {**settings, "complete": complete}
    atomic_write_json(data / STAMP, content, indent=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the preparation from the command line."""
    parser = PreparationParser(__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        nargs=3,
        default=(20, 5, 5),
        metavar=("TRAIN", "DEV", "TEST"),
        help="minutes of programmes (default: 20 5 5)",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.run(prepare_minibroadcast, arguments)


if __name__ == "__main__":
    main()
