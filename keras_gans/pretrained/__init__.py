"""The authors' weight files -> ours."""
