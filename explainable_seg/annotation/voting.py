"""One truth from several annotators, and where they do not agree."""

from collections.abc import Sequence
from typing import NamedTuple

from pyannote.core import Segment, Timeline


class Vote(NamedTuple):
    """Outcome of a vote, in seconds.

    ``majority``: more than half of the annotators say yes; ``tied``: exactly
    half of them; ``disagreement``: some say yes and some say no, whoever
    wins.
    """

    majority: Timeline
    tied: Timeline
    disagreement: Timeline


def vote(opinions: Sequence[Timeline]) -> Vote:
    """What most annotators say, moment by moment.

    Arguments
    ---------
    opinions : Sequence[Timeline]
        For each annotator the time in which the class is heard.

    Returns
    -------
    Vote

    Example
    -------
    >>> says = [[(0.0, 2.0)], [(1.0, 3.0)], [(1.0, 4.0)]]
    >>> opinions = [Timeline([Segment(*s) for s in one]) for one in says]
    >>> outcome = vote(opinions)
    >>> outcome.majority, outcome.disagreement.duration()
    (<Timeline(uri=None, segments=[<Segment(1, 3)>])>, 3.0)
    """
    edges = sorted(
        edge
        for opinion in opinions
        for start, end in opinion.support()
        for edge in ((start, 1), (end, -1))
    )
    majority, tied, disagreement = [], [], []
    yes, half = 0, len(opinions) / 2
    for (time, step), (following, _) in zip(edges, [*edges[1:], (0.0, 0)]):
        yes += step
        span = Segment(time, following)
        if yes > half:
            majority.append(span)
        if yes == half:
            tied.append(span)
        if 0 < yes < len(opinions):
            disagreement.append(span)
    return Vote(
        *(Timeline(s).support() for s in (majority, tied, disagreement))
    )
