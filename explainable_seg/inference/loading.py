"""Where a segmenter comes from and goes to: folders, the hub, SpeechBrain."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from typing_extensions import Self

from explainable_seg.errors import ExplainableSegError, ModelError
from explainable_seg.models import (
    BATCH_SIZE,
    CARD,
    FILES,
    Runner,
    Student,
    card_for_hub,
    choose_device,
    find_folder,
    load_pretrained,
    longest_step,
    push_folder,
    read_card,
    save_pretrained,
)

DEFAULT_MODEL = Path(__file__).parents[1] / "default_model"
"""Folder of the model that ships with the package."""


class PretrainedStudent:
    """A student with its settings and its card, loaded, saved and shared.

    Arguments
    ---------
    model : Student
        The model, on the device where it shall run.
    config : dict[str, Any]
        ``window``, ``step``, ``thresholds`` and what else
        :func:`~explainable_seg.models.pretrained.load_pretrained` returns.
    card : str or None
        The model card, kept for :meth:`save_pretrained`; None where it is not
        to be passed on.
    name : str
        Where the model is from; explanations name it.
    precision : str
        ``fp32``, ``bf16`` or ``auto``, as for :meth:`from_pretrained`.
    batch_size : int
        Windows that the model sees at a time.

    Raises
    ------
    ModelError
        If the model is no student.
    ExplainableSegError
        If there is no such batch, or the device lacks the precision.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        config: dict[str, Any],
        card: str | None = "",
        name: str = "",
        precision: str = "auto",
        batch_size: int = BATCH_SIZE,
    ):
        if not isinstance(model, Student):
            raise ModelError(
                f"expected a student, got a {type(model).__name__}, in "
                f"{name or 'the arguments'}; train and export a student"
            )
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ExplainableSegError(
                f"expected 1 window or more at a time, got {batch_size!r}, in "
                "the option batch_size; choose another number"
            )
        self.model = model
        self.config = config
        self.card = card
        self.name = name
        self.runner = Runner.of(model, config, precision, batch_size)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the student was trained for, and all that it finds."""
        return self.model.classes

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.runner.device

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str] | None = None,
        device: str | int | torch.device = "auto",
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        precision: str = "auto",
        batch_size: int = BATCH_SIZE,
        step: float | None = None,
    ) -> Self:
        """Load a student; no code that comes with it is run.

        Arguments
        ---------
        source : str or os.PathLike, optional
            A folder, or a hub id such as ``org/name``; by default the model
            that ships with the package.
        device : str or int or torch.device
            ``cpu``, ``cuda`` or ``auto``: CUDA where there is a card. A
            number is that of a CUDA device.
        revision : str, optional
            Branch, tag or commit on the hub.
        token : str or bool, optional
            Of the hub; by default the one that was stored by logging in.
        cache_dir : str or os.PathLike, optional
            Where downloads are kept, in place of the hub's own cache.
        precision : str
            ``fp32``, ``bf16``, or ``auto``: bf16 for WavLM on a CUDA card
            that has it, else fp32.
        batch_size : int
            Windows that the model sees at a time: more use more memory.
        step : float, optional
            Seconds between windows, by default the model's: a longer one is
            faster, a shorter one averages over more windows.

        Returns
        -------
        ExplainableSegmenter

        Raises
        ------
        ModelError
            If there is no such model, or a file of it is missing or corrupt.
        ExplainableSegError
            If the device or the precision is not there, or the step would
            leave frames without a window.
        """
        if source is None and not DEFAULT_MODEL.is_dir():
            raise ModelError(
                "expected a model, got none: no model ships with this version; "
                "name a folder or a hub id (on the command line: --model)"
            )
        where = choose_device(device)
        folder = find_folder(
            DEFAULT_MODEL if source is None else source,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
        )
        model, config = load_pretrained(folder, where, token, cache_dir)
        if step is not None:
            config = {**config, "step": _checked_step(step, config)}
        name = os.fspath(source or "the default model")
        return cls(
            model, config, read_card(folder), name, precision, batch_size
        )

    def save_pretrained(
        self,
        folder: str | os.PathLike[str],
        frontend: bool = True,
        wavlm: str | None = None,
    ) -> None:
        """Write the student as a folder for :meth:`from_pretrained`.

        Arguments
        ---------
        folder : str or os.PathLike
            Created where it is missing; the files of a model are replaced.
        frontend : bool
            Whether WavLM's weights are in the folder, which then needs nothing
            else. If not, it names where they are to be loaded from.
        wavlm : str, optional
            Hub id or folder to name; by default where the student had them
            from.

        Raises
        ------
        ModelError
            If the front end is to be left out and is not WavLM, or nothing
            says where it is from; or if the model card was a link to a file
            outside its folder.
        """
        save_pretrained(
            folder, self.model, self.config, self._own_card, frontend, wavlm
        )

    @property
    def _own_card(self) -> str:
        """The model card, if it is ours to pass on."""
        if self.card is None:
            raise ModelError(
                f"expected a model card of its own, got a link to another "
                f"place, in {os.path.join(self.name, CARD)}; put its text there"
            )
        return self.card

    def push_to_hub(
        self,
        name: str,
        token: str | bool | None = None,
        private: bool = False,
    ) -> str:
        """Upload the student to the hub, with its model card.

        Arguments
        ---------
        name : str
            Hub id, such as ``org/name``; created where it is missing.
        token : str or bool, optional
            Of the hub; by default the one that was stored by logging in.
        private : bool
            Whether a new repository is private.

        Returns
        -------
        str
            Address of the commit.

        Raises
        ------
        ModelError
            If the hub refuses, or cannot be reached, or the model card was a
            link to a file outside its folder.
        """
        card = card_for_hub(self._own_card, name)
        with tempfile.TemporaryDirectory() as folder:
            save_pretrained(folder, self.model, self.config, card)
            return push_folder(Path(folder), name, token, private)

    @classmethod
    def from_hparams(cls, source: Any = None, **options: Any) -> Self:
        """Load a student the way of SpeechBrain: of trusted folders only.

        Unlike :meth:`from_pretrained`, this runs what ``hyperparams.yaml``
        in the folder names.

        Arguments
        ---------
        source : str, Path or FetchSource, optional
            Folder or hub id; by default the model that ships with the package.
        **options : dict
            ``savedir``, ``local_strategy``, ``run_opts`` and what else
            SpeechBrain's ``pretrained_from_hparams`` takes.

        Returns
        -------
        ExplainableSegmenter
        """
        # Imported on use: SpeechBrain takes longer than a segmentation.
        from speechbrain.inference.interfaces import pretrained_from_hparams

        chosen = str(DEFAULT_MODEL) if source is None else source
        return pretrained_from_hparams(cls.of_files, chosen, **options)

    @classmethod
    def of_files(
        cls,
        modules: dict[str, Any],
        hparams: dict[str, Any],
        run_opts: dict[str, Any] | None = None,
    ) -> Self:
        """Load the student of files that SpeechBrain has fetched.

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
        return cls.from_pretrained(hparams["pretrainer"].folder, device)


def _checked_step(step: float, config: Mapping[str, Any]) -> float:
    """A step that leaves no frame without a window."""
    longest = longest_step(config)
    if longest is None:
        raise ExplainableSegError(
            f"expected no step for a model that runs recordings in one pass, "
            f"got {step:g}, in the options; leave it out"
        )
    if not 0 < step <= longest:
        raise ExplainableSegError(
            f"expected a step above 0 and up to {longest:g} s, got {step:g}, in "
            "the options; windows must meet"
        )
    return step


class PretrainedFiles:
    """Fetches the files of a pretrained folder, as SpeechBrain fetches.

    It stands where SpeechBrain's loaders expect their ``Pretrainer``, which
    would read the weights without checking them.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._collect_in: str | None = None

    def set_collect_in(self, path: os.PathLike[str] | None) -> None:
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
        """Leave the loading to :meth:`.PretrainedStudent.of_files`, which checks it."""
