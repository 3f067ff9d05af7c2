"""What F1 could have been with other recordings of the same kind.

Intervals of 95 % by the bootstrap over recordings
(:mod:`explainable_seg.explanation.bootstrap`). F1 is a ratio of sums of
seconds, ``2 hits / (reference + found)``, so each draw pools the seconds of the
recordings that it drew.
"""

from collections.abc import Mapping

import torch

from explainable_seg.explanation.bootstrap import interval, resample

FileScores = Mapping[str, Mapping[str, Mapping[str, float | None]]]
MACRO = "macro"


def f1_intervals(files: FileScores) -> dict[str, list[float] | None]:
    """Interval of the F1 of each class and of their mean.

    Arguments
    ---------
    files : Mapping
        Scores of each recording and class, as ``files`` of
        :func:`~explainable_seg.evaluation.detection.score`; not empty.

    Returns
    -------
    dict[str, list[float] or None]
        Lower and upper end for each class scored and ``macro``; None with fewer than
        two recordings in which the class is annotated.
    """
    return _told(files, _draws(files))


def f1_differences(
    ours: FileScores, theirs: FileScores
) -> dict[str, dict[str, float] | None]:
    """By how much one model is ahead of another on the same recordings.

    Both are drawn with the same recordings, so what makes a recording hard for
    both does not blur the difference.

    Arguments
    ---------
    ours : Mapping
        As for :func:`f1_intervals`.
    theirs : Mapping
        Likewise, what is compared with.

    Returns
    -------
    dict[str, dict[str, float] or None]
        ``difference``, ``low`` and ``high`` for each class and ``macro``; an
        interval that holds 0 cannot tell the two apart. None as above.

    Raises
    ------
    ValueError
        If the recordings are not the same.
    """
    if ours.keys() != theirs.keys():
        raise ValueError(
            f"expected scores of the same recordings, got {sorted(ours)} and "
            f"{sorted(theirs)}"
        )
    values = (_f1(ours) - _f1(theirs)).tolist()
    ends = _told(ours, _draws(ours) - _draws(theirs))
    return {
        name: None
        if pair is None
        else {"difference": value, "low": pair[0], "high": pair[1]}
        for value, (name, pair) in zip(values, ends.items())
    }


def _told(
    files: FileScores, draws: torch.Tensor
) -> dict[str, list[float] | None]:
    """Interval of draws [B, C + 1], None where it means nothing."""
    ends = torch.stack(interval(draws), dim=1)
    known = _enough(files) & ~ends.isnan().any(dim=1)
    return {
        name: ends[i].tolist() if known[i] else None
        for i, name in enumerate((*_classes(files), MACRO))
    }


def _classes(files: FileScores) -> list[str]:
    """Classes that were scored, the same in all recordings."""
    return list(next(iter(files.values())))


def _draws(files: FileScores) -> torch.Tensor:
    """F1 of each class, and the mean, of each draw: [B, C + 1]."""
    return _with_macro(resample(*_sums(files)))


def _f1(files: FileScores) -> torch.Tensor:
    """F1 of each class, and the mean, of all recordings: [C + 1]."""
    hits, seconds = _sums(files)
    return _with_macro((hits.sum(dim=0) / seconds.sum(dim=0))[None])[0]


def _with_macro(f1: torch.Tensor) -> torch.Tensor:
    """The mean over the classes that have an F1 behind them."""
    return torch.cat([f1, f1.nanmean(dim=1, keepdim=True)], dim=1)


def _sums(files: FileScores) -> tuple[torch.Tensor, torch.Tensor]:
    """Twice the hits, and reference and found seconds together: [R, C]."""
    rows = [list(map(_seconds, row.values())) for row in files.values()]
    sums = torch.tensor(rows, dtype=torch.float64)
    return sums[..., 0], sums[..., 1]


def _seconds(scores: Mapping[str, float | None]) -> tuple[float, float]:
    """Twice the hits, and reference and found seconds, of a recording."""
    relevant = scores["reference_seconds"] or 0.0
    retrieved = scores["hypothesis_seconds"] or 0.0
    return 2 * (scores["precision"] or 0.0) * retrieved, relevant + retrieved


def _enough(files: FileScores) -> torch.Tensor:
    """Whether two recordings annotate a class; the mean: any class, [C + 1]."""
    annotated = torch.tensor(
        [
            [scores["reference_seconds"] is not None for scores in row.values()]
            for row in files.values()
        ]
    )
    enough = annotated.sum(dim=0) > 1
    return torch.cat([enough, enough.any(dim=0, keepdim=True)])
