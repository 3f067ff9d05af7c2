#!/usr/bin/env python3
"""Compute once what a student of a slow teacher trains on, and keep it on disk.

To run this recipe, after the teacher's, with the student's own settings:

> python recipes/cache_features.py hparams/minibroadcast/student.yaml \
    --data_folder=data/minibroadcast --feature_cache=results/features

Several processes share the work, started by torchrun or by hand, on one
machine or more; stopped at any moment, the same command goes on. Then train
with the same options:

> python recipes/train_student.py hparams/minibroadcast/student.yaml \
    --data_folder=data/minibroadcast --feature_cache=results/features

Authors
 * explainable-seg contributors 2026
"""

import logging
from typing import Any

import torch

from explainable_seg.corpora import read_manifest
from explainable_seg.errors import ExplainableSegError
from explainable_seg.models import Teacher, choose_precision
from explainable_seg.training import (
    Command,
    FeatureCache,
    ShardMaker,
    fill,
    load_teacher,
    start,
)
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    infer_device,
    run_on_main,
)

logger = logging.getLogger(__name__)
INTERRUPTED = 130  # as shells say it: 128 + SIGINT


def shard_maker(
    hparams: dict[str, Any],
    run_opts: Any,
    cache: FeatureCache,
    teacher: Teacher,
) -> ShardMaker:
    """What makes the files of the cache, in bf16 where the device has it."""
    asked = "precision" in run_opts.overridden_args
    device = next(teacher.parameters()).device
    return ShardMaker(
        cache,
        teacher,
        features=hparams["frontend"]["type"] == "wavlm",
        bf16=choose_precision(
            run_opts["precision"] if asked else "auto",
            device,
            teacher.frontend.config["type"],
        ),
        batch_size=hparams["loader_options"]["batch_size"],
        num_workers=hparams["loader_options"]["num_workers"],
    )


def cache(hparams: dict[str, Any], command: Command) -> None:
    """Prepare, plan the files and make those that are missing."""
    run_opts = command.run_opts
    if not hparams["feature_cache"]:
        raise ExplainableSegError(
            f"expected the folder of the feature cache, got none, in "
            f"{command.hparams_file}; give --feature_cache=FOLDER"
        )
    run_on_main(hparams["prepare"], kwargs={"skip_prep": hparams["skip_prep"]})
    device = torch.device(run_opts["device"] or infer_device())
    teacher: Any = None
    config = None
    if hparams["teacher"]:
        teacher, config = load_teacher(
            hparams["teacher"], hparams["level"], device
        )
    settings = hparams["cache_settings"](config)
    files = FeatureCache(hparams["feature_cache"], settings, create=True)
    maker = shard_maker(hparams, run_opts, files, teacher)
    # Those for validation first: each training needs all of them.
    shards = maker.region_shards(
        read_manifest(f"{hparams['manifest_folder']}/dev.csv"),
        hparams["run_time"],
    )
    shards += maker.chunk_shards(hparams["training_set"](), hparams["window"])
    if run_opts["debug"]:
        shards = shards[-run_opts["debug_batches"] :]
    progress = if_main_process() and not run_opts["noprogressbar"]
    try:
        n_missing = fill(files, shards, progress)
    except KeyboardInterrupt:
        logger.warning("interrupted; the same command goes on")
        raise SystemExit(INTERRUPTED) from None
    ddp_barrier()
    if n_missing and not run_opts.distributed_launch:
        logger.info("other processes are at work on %d files", n_missing)
    logger.info("filled %s", files.folder)


if __name__ == "__main__":
    # Nothing of it is a trial's: `--debug` makes fewer of the same files.
    start(cache, __doc__, outputs=())
