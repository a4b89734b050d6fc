"""From a finished study to what others can check and keep: verification, one file of it all."""
