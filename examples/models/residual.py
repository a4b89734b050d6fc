"""Residual networks for small images, as in section 4.2 of He et al. 2016: of 6n + 2 layers.

Three stages of (depth - 2) / 6 blocks with two convolutions each; where a stage begins, the maps
are halved and the filters doubled, and a 1x1 convolution brings the block's input to that shape.
"""

from keras import layers


def build(inputs, depth=20, width=16):
    """Give the features: the mean of each of the last maps.

    Args:
        inputs: scaled images, (batch, height, width, channels).
        depth: layers with weights, the last dense one included: 6n + 2.
        width: filters of the first stage.
    """
    x = convolve(inputs, width, 3)
    for stage in range(3):
        for block in range((depth - 2) // 6):
            stride = 2 if stage > 0 and block == 0 else 1
            x = residual_block(x, width * 2**stage, stride)
    return layers.GlobalAveragePooling2D()(x)


def residual_block(x, filters, stride):
    """Add to the input what two convolutions make of it."""
    shortcut = x
    y = convolve(x, filters, 3, stride)
    y = convolve(y, filters, 3, activation=None)
    if y.shape != x.shape:
        shortcut = convolve(x, filters, 1, stride, activation=None)
    return layers.ReLU()(layers.Add()([y, shortcut]))


def convolve(x, filters, size, stride=1, activation="relu"):
    """Convolve, normalize and, unless told otherwise, rectify."""
    x = layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x
