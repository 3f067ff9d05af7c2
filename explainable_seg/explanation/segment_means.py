"""Means over segments, also of frames that come part after part."""

from collections.abc import Sequence

import torch


class SegmentMeans:
    """Means of the frames of each segment, from frames that are not held.

    Frames that never come count nothing. ``n_frames`` [S] holds how many of
    each segment have come.

    Arguments
    ---------
    segments : Sequence[tuple[int, int]] [length=S]
        First frame and one past the last of each segment; they may overlap.
    n_values : int
        Values a frame.

    Example
    -------
    >>> means = SegmentMeans([(0, 1), (1, 3)], n_values=1)
    >>> for part in torch.tensor([[1.0], [2.0], [6.0]]).split(2):
    ...     means.add(part)
    >>> means.means().tolist()
    [[1.0], [4.0]]
    """

    def __init__(self, segments: Sequence[tuple[int, int]], n_values: int):
        self.segments = segments
        self.sums = torch.zeros(len(segments), n_values, dtype=torch.float64)
        self.n_frames = torch.zeros(len(segments), dtype=torch.int64)
        self._end = 0  # frames that have come

    def add(self, values: torch.Tensor) -> None:
        """Add the frames that follow.

        Arguments
        ---------
        values : torch.Tensor [shape=(T, n_values)]
            Any number of frames.
        """
        start, self._end = self._end, self._end + len(values)
        for row, (first, last) in enumerate(self.segments):
            low, high = max(first, start), min(last, self._end)
            if low < high:
                inside = values[low - start : high - start]
                self.sums[row] += inside.double().sum(dim=0).cpu()
                self.n_frames[row] += high - low

    def means(self) -> torch.Tensor:
        """Mean of each segment.

        Returns
        -------
        torch.Tensor [shape=(S, n_values), dtype=float64]
            NaN for a segment of which no frame has come.
        """
        return self.sums / self.n_frames[:, None]


def segment_means(
    values: torch.Tensor, segments: Sequence[tuple[int, int]]
) -> torch.Tensor:
    """Mean of the frames of each segment, in float64.

    Arguments
    ---------
    values : torch.Tensor [shape=(T, n)]
        Values a frame, such as the activations of a recording.
    segments : Sequence[tuple[int, int]] [length=S]
        First frame and one past the last of each segment, not empty.

    Returns
    -------
    torch.Tensor [shape=(S, n), dtype=float64]

    Raises
    ------
    ValueError
        If a segment holds no frame of the recording.

    Example
    -------
    >>> H = torch.tensor([[1.0], [3.0], [5.0]])
    >>> segment_means(H, [(0, 2), (2, 3)]).tolist()
    [[2.0], [5.0]]
    """
    n_frames = len(values)
    if not all(0 <= first < last <= n_frames for first, last in segments):
        raise ValueError(
            f"expected `segments` inside 0 to {n_frames}, got {list(segments)}"
        )
    means = SegmentMeans(segments, values.shape[1])
    means.add(values)
    return means.means()
