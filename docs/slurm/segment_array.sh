#!/bin/bash
# A job array over an archive: each task segments its share of the recordings.
#
#   sbatch --array=1-10 docs/slurm/segment_array.sh @list.txt --output found
#
# takes what `explainable-seg segment` takes, on paths that all nodes see. A
# task whose time is nearly up, or that was killed, is queued again and goes on
# where it was; submit the whole array again to go on with all. Then put the
# tables of the shares together, and do what is left, by the same command without
# a share, where ID is what sbatch said of the array:
#
#   sbatch --dependency=afterany:ID --wrap \
#       "explainable-seg segment @list.txt --output found"
#
#SBATCH --job-name=explainable-seg-segment
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --open-mode=append
set -euo pipefail

first=$SLURM_ARRAY_TASK_MIN
step=${SLURM_ARRAY_TASK_STEP:-1}
share=$(((SLURM_ARRAY_TASK_ID - first) / step + 1))
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

requeue() {
    echo "the time is nearly up: queued again, to go on with what is left"
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
}
trap requeue USR1

explainable-seg segment "$@" \
    --share "$share/$SLURM_ARRAY_TASK_COUNT" --workers "$OMP_NUM_THREADS" &
# Behind it, for a signal waits for what is in front. A signal ends the waiting
# and not the work.
work=$!
while true; do
    code=0
    wait "$work" || code=$?
    kill -0 "$work" 2> /dev/null || exit "$code"
done
