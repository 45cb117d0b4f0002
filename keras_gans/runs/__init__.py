"""Runs from the first step to the report."""
