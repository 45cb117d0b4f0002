"""Feature extractors for scores and perceptual networks for losses, by name."""
