#!/bin/bash
# One stage of training, on one node or several, all their GPUs.
#
#   sbatch --nodes=1 --gpus-per-node=4 docs/slurm/train.sh \
#       teacher combined --corpora=[prepared/albayzin,prepared/dihard3]
#
# Requeued or started again, it goes on from its last checkpoint.
#SBATCH --job-name=explainable-seg
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
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

nodes=${SLURM_JOB_NUM_NODES:-1}
processes=${SLURM_GPUS_ON_NODE:-1}
backend=nccl
if [ "${SLURM_GPUS_ON_NODE:-0}" = 0 ]; then
    backend=gloo
fi
first=$(scontrol show hostnames "${SLURM_JOB_NODELIST:-localhost}" | head -n 1)

srun torchrun \
    --nnodes="$nodes" --nproc_per_node="$processes" \
    --rdzv_backend=c10d --rdzv_id="$SLURM_JOB_ID" \
    --rdzv_endpoint="$first:29500" \
    "recipes/train_$stage.py" "hparams/$corpus/$stage.yaml" \
    --distributed_backend="$backend" "$@"
