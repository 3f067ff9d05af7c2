#!/bin/bash
# A job array over an archive: each task segments its share of the recordings.
#
#   sbatch --array=1-10 docs/slurm/segment_array.sh @list.txt --output found
#
# takes what `explainable-seg segment` takes, on paths that all nodes see. A
# task whose time is up is put into the queue again, and goes on where it was,
# like one that was killed; submit the whole array again to go on with all.
# Then put the tables of the shares together, and do what is left, by the same
# command without a share:
#
#   sbatch --dependency=afterany:ID --wrap \
#       "explainable-seg segment @list.txt --output found"
#
#SBATCH --job-name=explainable-seg-segment
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

first=$SLURM_ARRAY_TASK_MIN
step=${SLURM_ARRAY_TASK_STEP:-1}
share=$(((SLURM_ARRAY_TASK_ID - first) / step + 1))
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
explainable-seg segment "$@" \
    --share "$share/$SLURM_ARRAY_TASK_COUNT" --workers "$OMP_NUM_THREADS" &
run=$!

end() { # the tables are saved
    kill -TERM "$run" 2>/dev/null || true
    wait "$run" || true
}
again() {
    echo "the time is nearly up: queued again, to go on with what is left"
    end
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    exit 0
}
trap again USR1
trap 'end; exit 143' TERM
wait "$run"
