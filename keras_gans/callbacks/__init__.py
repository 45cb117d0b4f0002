"""What happens beside the steps: samples, scores, checkpoints, logs, reports."""
