"""Datasets: what is known of them, how they are read, divided and kept as arrays."""
