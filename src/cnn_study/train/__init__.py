"""Training one seed of one experiment with Keras."""
