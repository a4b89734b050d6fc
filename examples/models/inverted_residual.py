"""A small network of inverted residuals with depthwise convolutions, as MobileNetV2 has them."""

from keras import layers

STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 2, 2), (6, 64, 2, 2))
"""Expansion, filters, blocks, and the stride of the first block."""


def build(inputs, width=1.0, features=256):
    """Give the features.

    Args:
        inputs: scaled images, (batch, height, width, channels).
        width: what the filters of every stage are multiplied by.
        features: how many numbers come out.
    """
    x = convolve(inputs, max(8, round(16 * width)), 3)
    for expansion, filters, blocks, stride in STAGES:
        for block in range(blocks):
            x = inverted_residual(
                x, expansion, max(8, round(filters * width)), stride if block == 0 else 1
            )
    return layers.GlobalAveragePooling2D()(convolve(x, features, 1))


def inverted_residual(x, expansion, filters, stride):
    """Widen by 1x1, look around map by map, narrow by 1x1; add the input where it fits."""
    y = convolve(x, expansion * x.shape[-1], 1) if expansion > 1 else x
    y = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(y)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(y))
    return layers.Add()([x, y]) if x.shape == y.shape else y


def convolve(x, filters, size):
    """Convolve, normalize and rectify up to 6."""
    x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))
