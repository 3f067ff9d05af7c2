"""A pretrained folder through SpeechBrain's own loaders.

SpeechBrain runs what the YAML file of a folder names, and ``foreign_class``
also a Python file: use them for folders that you trust.
``ExplainableSegmenter.from_pretrained`` reads neither.
"""

import os
from pathlib import Path
from typing import Any, Optional

from explainable_seg.inference.hub import FILES
from explainable_seg.inference.segmenter import ExplainableSegmenter


class PretrainedFiles:
    """Fetches the files of a pretrained folder, as SpeechBrain fetches.

    It stands where SpeechBrain's loaders expect their ``Pretrainer``, which
    would read the weights without checking them.
    """

    def __init__(self) -> None:
        self.folder: Optional[Path] = None
        self._collect_in: Optional[str] = None

    def set_collect_in(self, path: Optional[os.PathLike[str]]) -> None:
        """Set where the files are kept; None leaves them where they are."""
        self._collect_in = None if path is None else os.fspath(path)

    def collect_files(self, default_source: Any, **options: Any) -> None:
        """Fetch the files.

        Arguments
        ---------
        default_source : str, Path or FetchSource
            Folder or hub id.
        **options : dict
            As for ``speechbrain.utils.fetching.fetch``.
        """
        # Imported on use: SpeechBrain takes longer than a segmentation.
        from speechbrain.utils.fetching import fetch

        paths = [
            fetch(name, default_source, savedir=self._collect_in, **options)
            for name in FILES
        ]
        self.folder = Path(paths[0]).parent

    def load_collected(self) -> None:
        """Leave the loading to :func:`segmenter_of`, which checks it."""


def segmenter_of(
    modules: dict[str, Any],
    hparams: dict[str, Any],
    run_opts: Optional[dict[str, Any]] = None,
) -> ExplainableSegmenter:
    """Segmenter of the files that SpeechBrain has fetched.

    Arguments
    ---------
    modules : dict
        Not used: the student comes from the files.
    hparams : dict
        With a ``pretrainer`` that is a :class:`PretrainedFiles`.
    run_opts : dict, optional
        ``device``, by default ``auto``.

    Returns
    -------
    ExplainableSegmenter
    """
    device = (run_opts or {}).get("device", "auto")
    folder = hparams["pretrainer"].folder
    return ExplainableSegmenter.from_pretrained(folder, device)
