"""What the front end and the teacher say, computed once and kept on disk.

A folder of safetensors files: bf16 as it is, one small read for any chunk, no
unpickling, and a file that was cut off is noticed when it is opened. (HDF5 has
no bf16; tar files, as of WebDataset, can only be read in their order, which
would tie the order of training to that of filling.)

``cache.json`` says what the content depends on, ``train-00000.safetensors``
and so on hold chunks for training, ``dev-<region>.safetensors`` the windows of
a region for validation.
"""

import functools
import inspect
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from explainable_seg.errors import CorpusError, DiskFullError
from explainable_seg.files import atomic_path, atomic_write_json
from explainable_seg.training import chunks as cache
from explainable_seg.training.chunks import from_pcm, random_stream
from explainable_seg.training.training_set import (
    augmentation,
    clips_digest,
    manifest_digest,
    scores_digest,
)

logger = logging.getLogger(__name__)


VERSION = 3  # goes up when equal settings give another content
ORDER = ("order_seed",)  # what of a training set is not in its chunks
FILES = ("manifest", "clips", "scores", "cache_folder")


def cache_settings(
    teacher: Optional[Mapping[str, Any]],
    frontend: Mapping[str, Any],
    training_set: functools.partial,
    dev_manifest: str,
    run_time: Mapping[str, Any],
    n_chunks: int,
    shard_size: int,
) -> dict[str, Any]:
    """Settings of the feature cache of a student.

    Arguments
    ---------
    teacher : Mapping[str, Any] or None
        Content of the config.json of the teacher's folder.
    frontend : Mapping[str, Any]
        Front end of the student. Features are cached if it is WavLM; it is then
        the teacher's own.
    training_set : functools.partial
        Of :func:`~explainable_seg.training.training_set.make_training_set`, with
        its arguments.
    dev_manifest : str
        Regions whose windows are cached for validation.
    run_time : Mapping[str, Any]
        How these are cut into windows.
    n_chunks : int
        Number of chunks for training.
    shard_size : int
        Chunks a file.

    Returns
    -------
    dict[str, Any]
        JSON values. Files count by their content, wherever they are.

    Raises
    ------
    CorpusError
        If there is no teacher, or the student shall see WavLM but its teacher
        does not.
    """
    if teacher is None:
        raise CorpusError(
            "expected a teacher, whose decisions a feature cache keeps, got "
            "none, in the settings; set feature_cache to null or name a teacher"
        )
    wavlm = frontend["type"] == "wavlm"
    theirs = teacher["model"]["frontend"]
    if wavlm and theirs["type"] != "wavlm":
        raise CorpusError(
            f"expected a teacher with WavLM, whose features its student takes "
            f"from the cache, got the front end '{theirs['type']}', in the "
            "settings; set feature_cache to null or name another teacher"
        )
    # Defaults as well: another one gives other chunks.
    arguments = {
        name: parameter.default
        for name, parameter in inspect.signature(
            training_set
        ).parameters.items()
    }
    manifest, clips = arguments["manifest"], arguments["clips"]
    scores = arguments["scores"]
    return {
        "version": [VERSION, cache.VERSION],
        "teacher": teacher["weights_sha256"],
        "frontend": theirs if wavlm else frontend["type"],
        "train": manifest_digest(manifest),
        "clips": clips and clips_digest(clips),
        "scores": scores_digest(scores, manifest) if scores else None,
        "dev": manifest_digest(dev_manifest) if wavlm else None,
        "run_time": dict(run_time) if wavlm else None,
        "chunks": {
            name: value if _is_plain(value) else repr(value)
            for name, value in arguments.items()
            if name not in (*ORDER, *FILES)
        }
        | {"augment": repr(augmentation(arguments["augment"]))},
        "kept_chunks": arguments["cache_folder"] is not None,
        "n_chunks": n_chunks,
        "shard_size": shard_size,
    }


def _is_plain(value: Any) -> bool:
    """Whether JSON gives a value back as it is."""
    return value is None or isinstance(value, (bool, int, float, str))


SETTINGS = "cache.json"
FILL = "fill it with recipes/cache_features.py"


class FeatureCache:
    """Chunks and windows by number, in files that are whole or not there.

    Arguments
    ---------
    folder : str or os.PathLike
        Where the files are.
    settings : Mapping[str, Any]
        Of :func:`~explainable_seg.training.feature_cache.cache_settings`.
    create : bool
        Whether a folder without a cache becomes an empty one.

    Raises
    ------
    CorpusError
        If there is no cache, or one of other settings.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        settings: Mapping[str, Any],
        create: bool = False,
    ):
        self.folder = Path(folder)
        self.n_chunks: int = settings["n_chunks"]
        self.shard_size: int = settings["shard_size"]
        self._handles: dict[str, Any] = {}
        path = self.folder / SETTINGS
        if create and not path.is_file():
            atomic_write_json(path, dict(settings))
        _check_settings(path, settings)

    def __getstate__(self) -> dict[str, Any]:
        """Without open files, which another process opens for itself."""
        return {**self.__dict__, "_handles": {}}

    @staticmethod
    def region_file(region_id: str) -> str:
        """Name, without its suffix, of the file of a region's windows.

        Arguments
        ---------
        region_id : str
            ID of a row of the manifest; any character may be in it.

        Returns
        -------
        str
        """
        return f"dev-{quote(region_id, safe='')}"

    def chunk_files(self) -> dict[str, range]:
        """Numbers of the chunks in each file for training."""
        starts = range(0, self.n_chunks, self.shard_size)
        return {
            f"train-{i:05}": range(
                start, min(start + self.shard_size, self.n_chunks)
            )
            for i, start in enumerate(starts)
        }

    def path(self, name: str) -> Path:
        """Path of a file, there or not."""
        return self.folder / f"{name}.safetensors"

    def holds(self, name: str) -> bool:
        """Whether a file is there and whole.

        Arguments
        ---------
        name : str
            Without its suffix.

        Returns
        -------
        bool
            False, with a warning, of one that cannot be opened.
        """
        if not self.path(name).is_file():
            return False
        try:
            self._open(name)
        except CorpusError as error:
            logger.warning("making it again: %s", error)
            return False
        return True

    def write(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """Write a file, as a whole or not at all.

        Arguments
        ---------
        name : str
            Without its suffix.
        tensors : dict[str, torch.Tensor]
            Its content.

        Raises
        ------
        CorpusError
            If the disk does not take it; the other files are as they were.
        """
        path = self.path(name)
        try:
            with atomic_path(path) as temporary:
                save_file(tensors, temporary)
        except (OSError, SafetensorError, DiskFullError) as error:
            raise no_room(error.__cause__ or error, path) from None

    def chunks(self, order_seed: int) -> "CachedChunks":
        """Data set of the chunks that are there, in an endless random order.

        Arguments
        ---------
        order_seed : int
            Seed of the order.

        Returns
        -------
        CachedChunks

        Raises
        ------
        CorpusError
            If none is there.
        """
        numbers = [
            number
            for name, chunks in self.chunk_files().items()
            if self.holds(name)
            for number in chunks
        ]
        if not numbers:
            raise CorpusError(
                f"expected chunks in the feature cache, got none, in "
                f"{self.folder}; {FILL}"
            )
        if len(numbers) < self.n_chunks:
            logger.warning(
                "the feature cache holds %d of %d chunks: training draws from "
                "these; for the others, %s again",
                len(numbers),
                self.n_chunks,
                FILL,
            )
        return CachedChunks(self, numbers, order_seed)

    def chunk(self, number: int) -> dict[str, torch.Tensor]:
        """A chunk.

        Arguments
        ---------
        number : int
            Which one; its file must be there.

        Returns
        -------
        dict[str, torch.Tensor]
            ``wav`` [N], ``targets`` [T, C], ``teacher_logits`` [T, C] and,
            for a student with WavLM, ``features`` [T, D] in bf16.
        """
        shard, row = divmod(number, self.shard_size)
        content = self._open(f"train-{shard:05}")
        found = {name: content.get_slice(name)[row] for name in content.keys()}
        found["wav"] = torch.from_numpy(from_pcm(found["wav"].numpy()))
        return found

    def windows(self, region_id: str) -> Optional[torch.Tensor]:
        """Features of the windows of a region, in their order.

        Arguments
        ---------
        region_id : str
            Of the dev manifest.

        Returns
        -------
        torch.Tensor or None [shape=(n_windows, T, D)]
            None if they are not there.
        """
        name = self.region_file(region_id)
        if not self.path(name).is_file():
            return None
        features: torch.Tensor = self._open(name).get_tensor("features")
        return features

    def _open(self, name: str) -> Any:
        """A file, opened once a process."""
        if name not in self._handles:
            path = self.path(name)
            try:
                self._handles[name] = safe_open(path, "pt")
            except (OSError, SafetensorError) as error:
                raise CorpusError(
                    f"expected a file of the feature cache, got "
                    f"'{_reason(error)}', in {path}; {FILL}"
                ) from None
        return self._handles[name]


class CachedChunks(torch.utils.data.Dataset):
    """Endless chunks of a cache, each reproducible from its index.

    Arguments
    ---------
    cache : FeatureCache
        Where they are.
    numbers : list[int]
        Which of them are drawn.
    order_seed : int
        Seed of the order.
    """

    def __init__(
        self, cache: FeatureCache, numbers: list[int], order_seed: int
    ):
        self.cache = cache
        self.numbers = numbers
        self.order_seed = order_seed

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Chunk ``index`` of the whole training, as of :meth:`chunk`."""
        rng = random_stream("cached order", self.order_seed, index)
        return self.cache.chunk(self.numbers[rng.integers(len(self.numbers))])


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Raise unless a cache was filled with these settings."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CorpusError(
            f"expected a feature cache, got '{error.strerror}', in {path}; "
            f"{FILL}"
        ) from None
    except ValueError:
        found = {}  # no JSON: another of everything
    expected = json.loads(json.dumps(dict(settings)))
    names = sorted(expected.keys() | found.keys())
    other = [n for n in names if expected.get(n) != found.get(n)]
    if other:
        raise CorpusError(
            f"expected a feature cache of these settings, got one of another "
            f"{', '.join(other)}, in {path}; delete the folder, or name "
            f"another one, and {FILL}"
        )


def no_room(error: BaseException, path: Path) -> CorpusError:
    """Error for a file that the disk did not take."""
    return CorpusError(
        f"expected room for a file of the feature cache, got "
        f"'{_reason(error)}', in {path}; free some space and run the command "
        "again: the other files are kept"
    )


def _reason(error: BaseException) -> str:
    """What went wrong, in a line."""
    lines = str(getattr(error, "strerror", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__
