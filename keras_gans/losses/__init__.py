"""What each player wants, per example, on logits."""
