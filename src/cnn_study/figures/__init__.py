"""Figures of a study: drawn from tables and evidence, each with its caption."""
