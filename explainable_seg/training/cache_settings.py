"""What decides the content of a feature cache, as plain values.

A cache that was filled with other values is stale, and refused.
"""

import functools
import inspect
from collections.abc import Mapping
from typing import Any, Optional

from explainable_seg.data import cache
from explainable_seg.data.digests import clips_digest, manifest_digest
from explainable_seg.errors import CorpusError

VERSION = 2  # goes up when equal settings give another content
ORDER = ("order_seed",)  # what of a training set is not in its chunks
FILES = ("manifest", "clips", "cache_folder")


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
        Of :func:`~explainable_seg.data.training_set.make_training_set`, with
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
    clips = arguments["clips"]
    return {
        "version": [VERSION, cache.VERSION],
        "teacher": teacher["weights_sha256"],
        "frontend": theirs if wavlm else frontend["type"],
        "train": manifest_digest(arguments["manifest"]),
        "clips": clips and clips_digest(clips),
        "dev": manifest_digest(dev_manifest) if wavlm else None,
        "run_time": dict(run_time) if wavlm else None,
        "chunks": {
            name: value if _is_plain(value) else repr(value)
            for name, value in arguments.items()
            if name not in (*ORDER, *FILES)
        },
        "kept_chunks": arguments["cache_folder"] is not None,
        "n_chunks": n_chunks,
        "shard_size": shard_size,
    }


def _is_plain(value: Any) -> bool:
    """Whether JSON gives a value back as it is."""
    return value is None or isinstance(value, (bool, int, float, str))
