"""One module for each source of images."""
