"""The study file and what it means: settings, networks, questions, the space of a search."""
