"""The runs of a study on disk: records, which are wanted and there, how long the rest takes."""
