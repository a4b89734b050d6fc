"""What the tables say: effects, verdicts, suggestions, and where every number comes from."""
