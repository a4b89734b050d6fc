"""Doing runs: batches, locks, progress."""
