#!/bin/bash
# One stage of training, on one node or several, all their GPUs.
#
#   sbatch --nodes=1 --gpus-per-node=4 docs/slurm/train.sh \
#       teacher combined --corpora=[prepared/albayzin,prepared/dihard3]
#
# Five minutes before its time is up, or when its node is needed or lost, the
# job is queued again, under its own id, and goes on from its last checkpoint.
# What waits for it (`--dependency=afterok:ID`) goes on waiting.
#SBATCH --job-name=explainable-seg-train
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: sbatch train.sh teacher|dictionary|student CORPUS [--key=value ...]" >&2
    exit 2
fi
stage=$1 corpus=$2
shift 2

# Started by sbatch in the checkout; a virtual environment of its own.
source .venv/bin/activate
export OMP_NUM_THREADS=1
# From Slurm 22.05 on, srun does not read what sbatch was given.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
# A run of Weights & Biases goes on when its job does.
export WANDB_RUN_ID=slurm-$SLURM_JOB_ID

nodes=${SLURM_JOB_NUM_NODES:-1}
processes=${SLURM_GPUS_ON_NODE:-1}
backend=nccl
if [ "${SLURM_GPUS_ON_NODE:-0}" = 0 ]; then
    processes=1
    backend=gloo
fi
# Without a pipe, whose reader may end before scontrol has written all names.
names=$(scontrol show hostnames "${SLURM_JOB_NODELIST:-localhost}")
first=${names%%$'\n'*}
# Jobs that share a node each have a port, below those that systems give away.
port=$((10000 + SLURM_JOB_ID % 20000))

requeue() {
    echo "the time is nearly up: queued again, to go on from the last checkpoint"
    scontrol requeue "$SLURM_JOB_ID"
}
trap requeue USR1

srun torchrun \
    --nnodes="$nodes" --nproc_per_node="$processes" \
    --rdzv_backend=c10d --rdzv_id="$SLURM_JOB_ID" \
    --rdzv_endpoint="$first:$port" \
    "recipes/train_$stage.py" "hparams/$corpus/$stage.yaml" \
    --distributed_backend="$backend" "$@" &
# Behind it, for a signal waits for what is in front. A signal ends the waiting
# and not the training.
training=$!
while true; do
    code=0
    wait "$training" || code=$?
    kill -0 "$training" 2> /dev/null || exit "$code"
done
