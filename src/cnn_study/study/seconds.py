"""How long a training image takes, until something has been timed: a leaf."""

SECONDS_PER_IMAGE = 150e-6
SECONDS_PER_MAC = 50e-12
"""Forward and backward pass of one training image; measured on one core of a server CPU of 2026
with batch 32. Only used until two experiments of the study have been timed on this machine."""
