"""A network that others trained, with another last layer: transfer learning.

Keras would fetch the weights while it builds, so a study could not be built again without the
Internet, or with other weights. Fetch them once, in the folder of the study file:

    python -c "import keras; keras.applications.MobileNetV2((96, 96, 3), alpha=0.35,
               include_top=False).save_weights('mobilenet.weights.h5')"
"""

import keras
from keras import layers


def build(inputs, weights=None, side=96, alpha=0.35, trained_layers=0):
    """Give the features of MobileNetV2. Wants pixels from -1 to 1: scaling symmetric.

    Args:
        inputs: scaled images, (batch, height, width, 3); grey ones have one channel.
        weights: file of weights; None draws them at random.
        side: height and width that images are brought to.
        alpha: width of the network; the weights must be of the same.
        trained_layers: how many of its last layers learn with the dense one; 0 keeps all as
            they came.
    """
    network = keras.applications.MobileNetV2(
        (side, side, 3), alpha=alpha, include_top=False, weights=None, pooling="avg"
    )
    if weights:
        network.load_weights(weights)
    for layer in network.layers[: len(network.layers) - trained_layers]:
        layer.trainable = False
    if inputs.shape[-1] == 1:
        inputs = layers.Concatenate()([inputs] * 3)
    return network(layers.Resizing(side, side)(inputs))
