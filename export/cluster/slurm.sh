#!/usr/bin/env bash
# Trains one run on the machines of a Slurm job, one process a machine with all of its GPUs:
#     sbatch --nodes=2 export/cluster/slurm.sh --recipe=dcgan --run_dir=/shared/runs/dcgan
# Adapt the lines below to your cluster. Untried on a Slurm cluster; what it starts was looked at with stand-ins for
# scontrol and srun.
#SBATCH --job-name=keras-gans
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
set -euo pipefail

port=${KERAS_GANS_PORT:-2222}
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/\$/:$port/" | paste -sd, -)

# SLURM_PROCID is the place of each process among the nodes of the list. Two minutes before the time is over all workers are
# told to stop (--signal); they leave a checkpoint, and the job goes to the queue again until the run is at its end.
code=0
# shellcheck disable=SC2016
srun --kill-on-bad-exit=0 bash -c 'exec keras-gans train --index="$SLURM_PROCID" "$@"' keras-gans \
    --hosts="$hosts" --restarts=100 "$@" || code=$?
if [ "$code" -eq 3 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
