"""A reproducible study of image classification with convolutional neural networks."""

__version__ = "0.1.0"
