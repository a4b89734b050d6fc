"""Looking into trained networks, and fitting the models without a network."""
