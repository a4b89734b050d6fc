"""What lets a study be checked and kept: verification and its certificate, two runs compared."""
