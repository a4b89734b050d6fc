"""From run records to tidy tables, and reading them back."""
