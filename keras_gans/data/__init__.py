"""From `--data=...` to batches: sources, decoding, packing and the data doctor."""
