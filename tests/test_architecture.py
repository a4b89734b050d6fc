"""Layers, shapes, parameters and MACs: by hand, and against Keras, layer by layer."""

import re
from math import prod

import numpy as np
import pytest

from cnn_study.base.errors import UserError
from cnn_study.study.architecture import cost, inputs, kernels, layers, receptive_fields
from cnn_study.study.layer import KINDS
from cnn_study.study.parameter import IN_LAYERS
from cnn_study.study.settings import DECLARATIONS, ModelSettings, Settings
from parameters_by_hand import PARAMETERS

CIFAR, DIGITS = (32, 32, 3), (8, 8, 1)
BASE = {"filters": [4, 8, 16], "kernel_size": 7}


def described(**values) -> list[tuple[str, tuple[int, ...]]]:
    image = values.pop("image", CIFAR)
    return [(layer.name, layer.shape) for layer in layers(Settings(**values), image, 10)]


# -------------------------------------------------------------------------------------- by hand


def test_cost_of_the_base_by_hand():
    """The source's base. A 7x7 kernel has 49 weights for each input channel."""
    parameters = [
        (49 * 3 + 1) * 4,  # 592
        (49 * 4 + 1) * 8,  # 1,576
        (49 * 8 + 1) * 16,  # 6,288
        (8 * 8 * 16 + 1) * 64,  # 65,600: 32 / 2 / 2 = 8 pixels
        (64 + 1) * 10,  # 650
    ]
    macs = [
        32 * 32 * 49 * 3 * 4,  # 602,112
        16 * 16 * 49 * 4 * 8,  # 401,408
        8 * 8 * 49 * 8 * 16,  # 401,408
        8 * 8 * 16 * 64,  # 65,536
        64 * 10,  # 640
    ]
    found = [layer for layer in layers(Settings(**BASE), CIFAR, 10) if layer.parameters]
    assert [layer.parameters for layer in found] == parameters
    assert [layer.macs for layer in found] == macs
    assert cost(Settings(**BASE), CIFAR, 10) == (74_706, 1_471_104)
    assert (sum(parameters), sum(macs)) == (74_706, 1_471_104)


PUBLISHED = {
    # The tutorial "Training a classifier" of PyTorch, on CIFAR-10: 5x5 kernels without padding, a
    # pooling after each, hidden layers of 120 and 84 units.
    "PyTorch's tutorial": (
        (32, 32, 3),
        {"filters": [6, 16], "kernel_size": 5, "padding": "valid", "pool_after": "every",
         "dense_units": [120, 84]},
        [(25 * 3 + 1) * 6, (25 * 6 + 1) * 16, (5 * 5 * 16 + 1) * 120, 121 * 84, 85 * 10],
        62_006,
    ),
    # LeNet-5 (LeCun et al. 1998) as it is taught today: all maps connected, softmax.
    "LeNet-5": (
        (32, 32, 1),
        {"filters": [6, 16], "kernel_size": 5, "padding": "valid", "pool_after": "every",
         "pooling": "average", "activation": "tanh", "dense_units": [120, 84]},
        [(25 + 1) * 6, (25 * 6 + 1) * 16, (5 * 5 * 16 + 1) * 120, 121 * 84, 85 * 10],
        61_706,
    ),
    # TensorFlow's tutorial "Convolutional neural network", on CIFAR-10.
    "TensorFlow's tutorial": (
        (32, 32, 3),
        {"filters": [32, 64, 64], "padding": "valid"},
        [(9 * 3 + 1) * 32, (9 * 32 + 1) * 64, (9 * 64 + 1) * 64, (4 * 4 * 64 + 1) * 64, 65 * 10],
        122_570,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_as_many_parameters_as_published(name):
    image, values, by_layer, total = PUBLISHED[name]
    settings = Settings(**values)
    found = [layer.parameters for layer in layers(settings, image, 10) if layer.parameters]
    assert (found, sum(found)) == (by_layer, total)
    assert cost(settings, image, 10)[0] == total


def test_several_hidden_layers_are_numbered_and_one_is_not():
    """A kept file of weights names its arrays by the layers."""
    names = [
        [layer.name for layer in layers(Settings(dense_units=units), CIFAR, 10)][-3:]
        for units in (64, [64, 32])
    ]
    assert names == [["flatten", "dense", "classes"], ["dense_1", "dense_2", "classes"]]


def test_cost_of_the_enhanced_model_by_hand():
    """The source's enhanced model: 16, 32 and 64 filters of 3x3."""
    parameters = [
        (9 * 3 + 1) * 16,
        (9 * 16 + 1) * 32,
        (9 * 32 + 1) * 64,
        (8 * 8 * 64 + 1) * 64,
        65 * 10,
    ]
    macs = [
        32 * 32 * 9 * 3 * 16,
        16 * 16 * 9 * 16 * 32,
        8 * 8 * 9 * 32 * 64,
        8 * 8 * 64 * 64,
        64 * 10,
    ]
    enhanced = Settings(filters=[16, 32, 64], kernel_size=3)
    assert cost(enhanced, CIFAR, 10) == (sum(parameters), sum(macs)) == (286_442, 3_064_448)


def test_layers_of_the_base():
    assert described(**BASE) == [
        ("convolution_1", (32, 32, 4)),
        ("max_pooling_1", (16, 16, 4)),
        ("convolution_2", (16, 16, 8)),
        ("max_pooling_2", (8, 8, 8)),
        ("convolution_3", (8, 8, 16)),
        ("flatten", (1024,)),
        ("dense", (64,)),
        ("classes", (10,)),
    ]


def test_valid_padding_loses_kernel_size_minus_1():
    """32 - 6 = 26, halved 13, - 6 = 7, halved 3 (the odd pixel is left over), too small for 7x7."""
    assert described(padding="valid", filters=[4, 8], kernel_size=7)[:4] == [
        ("convolution_1", (26, 26, 4)),
        ("max_pooling_1", (13, 13, 4)),
        ("convolution_2", (7, 7, 8)),
        ("flatten", (392,)),
    ]


def test_every_option_at_once():
    found = described(
        filters=[4, 8],
        kernel_size=3,
        batch_normalization=True,
        residual=True,
        pooling="average",
        pool_after="every",
        convolution_dropout=0.1,
        head="global_average_pooling",
        dense_dropout=0.5,
    )
    assert found == [
        ("convolution_1", (32, 32, 4)),
        ("batch_normalization_1", (32, 32, 4)),
        ("projection_1", (32, 32, 4)),
        ("add_1", (32, 32, 4)),
        ("activation_1", (32, 32, 4)),
        ("average_pooling_1", (16, 16, 4)),
        ("dropout_1", (16, 16, 4)),
        ("convolution_2", (16, 16, 8)),
        ("batch_normalization_2", (16, 16, 8)),
        ("projection_2", (16, 16, 8)),
        ("add_2", (16, 16, 8)),
        ("activation_2", (16, 16, 8)),
        ("average_pooling_2", (8, 8, 8)),
        ("dropout_2", (8, 8, 8)),
        ("global_average_pooling", (8,)),
        ("dense", (64,)),
        ("dropout_dense", (64,)),
        ("classes", (10,)),
    ]


def test_block_with_batch_normalization_by_hand():
    """No bias in the convolution; scale, shift, mean and variance for each filter."""
    first, second, *_ = layers(Settings(batch_normalization=True, filters=[4]), CIFAR, 10)
    assert (first.parameters, first.options["use_bias"]) == (27 * 4, False)
    assert first.options["activation"] is None
    assert (second.kind, second.parameters, second.macs) == ("batch_normalization", 16, 0)


def test_residual_projects_only_where_shapes_differ():
    names = [name for name, _ in described(residual=True, filters=[4, 4, 8], pool_after="none")]
    assert [name for name in names if "projection" in name] == ["projection_1", "projection_3"]
    assert [name for name in names if "add" in name] == ["add_1", "add_2", "add_3"]


def test_projection_by_hand():
    """A 1x1 convolution of 3 to 4 channels with stride 2: 16x16 places of 12 weights."""
    settings = Settings(
        residual=True, filters=[4], pooling="strided_convolution", pool_after="every"
    )
    (projection,) = [part for part in layers(settings, CIFAR, 10) if part.kind == "projection"]
    assert (projection.shape, projection.parameters, projection.macs) == (
        (16, 16, 4),
        12,
        16 * 16 * 12,
    )


def test_strided_convolution_pools_by_itself_and_costs_a_quarter():
    settings = {"filters": [4, 4], "pooling": "strided_convolution"}
    assert described(**settings)[:2] == [
        ("convolution_1", (16, 16, 4)),
        ("convolution_2", (16, 16, 4)),
    ]
    first = layers(Settings(**settings), CIFAR, 10)[0]
    whole = layers(Settings(filters=[4, 4]), CIFAR, 10)[0]
    assert 4 * first.macs == whole.macs
    assert first.parameters == whole.parameters


@pytest.mark.parametrize(
    ("pool_after", "pooled"),
    [
        ("every_but_last", [1, 2]),
        ("every", [1, 2, 3]),
        ("none", []),
        ([], []),
        ([3], [3]),
        ([3, 1], [1, 3]),
    ],
)
def test_pool_after(pool_after, pooled):
    names = [name for name, _ in described(filters=[2, 2, 2], pool_after=pool_after)]
    assert [name for name in names if "pooling" in name] == [f"max_pooling_{n}" for n in pooled]


def test_depth_1_is_not_pooled_by_every_but_last():
    assert described(filters=[4])[:2] == [("convolution_1", (32, 32, 4)), ("flatten", (4096,))]


def test_no_hidden_dense_layer():
    assert described(filters=[4], dense_units=0)[1:] == [("flatten", (4096,)), ("classes", (10,))]
    last = layers(Settings(filters=[4], dense_units=0), CIFAR, 10)[-1]
    assert (last.parameters, last.macs) == (4097 * 10, 40960)


def test_number_of_classes_and_channels_count():
    parameters, _ = cost(Settings(filters=[2], dense_units=0), (4, 4, 1), 3)
    assert parameters == (9 + 1) * 2 + (4 * 4 * 2 + 1) * 3
    parameters, _ = cost(Settings(filters=[2], dense_units=0), (4, 4, 2), 5)
    assert parameters == (18 + 1) * 2 + (4 * 4 * 2 + 1) * 5


def test_images_need_not_be_square():
    assert described(image=(12, 9, 3), filters=[2, 4], padding="valid")[:4] == [
        ("convolution_1", (10, 7, 2)),
        ("max_pooling_1", (5, 3, 2)),
        ("convolution_2", (3, 1, 4)),
        ("flatten", (12,)),
    ]


# --------------------------------------------------------------------------- networks of papers

OF_PAPERS = {
    "batch_normalization": True,
    "pooling": "strided_convolution",
    "head": "global_average_pooling",
    "dense_units": 0,
}


def test_resnet_8_of_mlperf_tiny_by_hand():
    """MLPerf Tiny's reference for CIFAR-10 (github.com/mlcommons/tiny, keras_model.py).

    Ours differs in that a convolution before batch normalization has no bias, which that takes
    away again, and a projection has none: theirs have one each, and so 78,666 parameters.
    """
    settings = Settings(
        block="residual_pair", filters=[16, 16, 32, 64], pool_after=[3, 4], initializer="he_normal",
        **OF_PAPERS,
    )  # fmt: skip
    network = {layer.name: layer for layer in layers(settings, CIFAR, 10)}
    strides = {name: layer.stride for name, layer in network.items() if "kernel" in layer.weights}
    assert strides == {
        "convolution_1": 1,
        **{"convolution_2_1": 1, "convolution_2_2": 1},
        **{"convolution_3_1": 2, "convolution_3_2": 1, "projection_3": 2},
        **{"convolution_4_1": 2, "convolution_4_2": 1, "projection_4": 2},
        "classes": 1,
    }
    assert network["projection_3"].reads == ("activation_2",)
    assert network["add_3"].reads == ("batch_normalization_3_2", "projection_3")
    assert network["add_2"].reads == ("batch_normalization_2_2", "activation_1")
    convolutions = 27 * 16 + 9 * (2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    projections = 16 * 32 + 32 * 64
    normalizations = 4 * (16 + 2 * 16 + 2 * 32 + 2 * 64)
    parameters = convolutions + projections + normalizations + 65 * 10
    stages = 32 * 32 * (27 * 16 + 2 * 9 * 16 * 16), 16 * 16 * (9 * (16 * 32 + 32 * 32) + 16 * 32)
    last = 8 * 8 * (9 * (32 * 64 + 64 * 64) + 32 * 64)
    assert cost(settings, CIFAR, 10) == (parameters, sum(stages) + last + 640)
    assert (parameters, sum(stages) + last + 640) == (78_330, 12_501_632)
    biases = (16 + 2 * 16 + 2 * 32 + 2 * 64) + (32 + 64)
    assert parameters + biases == 78_666


def test_mobilenet_is_what_its_authors_counted():
    """Howard et al. (2017), tables 1 and 4: 4.2 million parameters and 569 million MACs.

    The exact numbers are those of `keras.applications.MobileNet`, which has ReLU6 for our ReLU.
    """
    settings = Settings(
        block="depthwise_separable",
        filters=[32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024],
        pool_after=[1, 3, 5, 7, 13],
        **OF_PAPERS,
    )
    assert cost(settings, (224, 224, 3), 1000) == (4_253_864, 568_740_352)


def test_mobilenet_v2_is_what_its_authors_counted():
    """Sandler et al. (2018), tables 2 and 4: 3.4 million parameters and 300 million MACs.

    The exact numbers are those of `keras.applications.MobileNetV2`. Ours differs in three ways:
    its first block expands as all do, where theirs has an expansion of 1; a last convolution of
    1 x 1 pixels to 1,280 channels is missing; and ReLU stands for ReLU6.
    """
    settings = Settings(
        block="inverted_residual",
        expansion=6,
        filters=[32, 16, 24, 24, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320],
        pool_after=[1, 3, 5, 8, 15],
        **OF_PAPERS,
    )
    parameters, macs = cost(settings, (224, 224, 3), 1000)
    expanded = (32 * 192 + 9 * 192 + 192 * 16, 4 * (192 + 192 + 16))
    theirs = (9 * 32 + 32 * 16, 4 * (32 + 16))
    last = 320 * 1280 + 1280 * 1000 - 320 * 1000
    assert parameters - sum(expanded) + sum(theirs) + last + 4 * 1280 == 3_538_984
    macs_of_last = 7 * 7 * 320 * 1280 + 1280 * 1000 - 320 * 1000
    assert macs + 112 * 112 * (theirs[0] - expanded[0]) + macs_of_last == 300_774_272
    added = [layer.name for layer in layers(settings, (224, 224, 3), 1000) if layer.kind == "add"]
    assert added == [f"add_{number}" for number in (4, 6, 7, 9, 10, 11, 13, 14, 16, 17)]


def test_squeeze_and_excitation_by_hand():
    """Of 12 channels the mean, 3 units, 12 weights; the channels of one image are weighed."""
    settings = Settings(
        block="inverted_residual", filters=[4, 4], expansion=3, squeeze_excitation=4
    )
    network = layers(settings, DIGITS, 10)
    excited = [
        (layer.name, layer.shape, layer.parameters, layer.macs, layer.options.get("activation"))
        for layer in network
        if layer.kind in ("squeeze", "excitation", "multiply")
    ]
    assert excited == [
        ("squeeze_2", (1, 1, 12), 0, 0, None),
        ("excitation_2_1", (1, 1, 3), 12 * 3 + 3, 12 * 3, "relu"),
        ("excitation_2_2", (1, 1, 12), 3 * 12 + 12, 3 * 12, "sigmoid"),
        ("multiply_2", (4, 4, 12), 0, 0, None),
    ]
    read = inputs(network)
    assert read["multiply_2"] == ("depthwise_convolution_2_2", "excitation_2_2")
    assert read["add_2"] == ("pointwise_convolution_2_3", "max_pooling_1")


def test_what_is_mixed_within_a_pixel_sees_no_further():
    """3, then 4 with the pooling, then a kernel of 5 in steps of 2 pixels: 4 + 4 x 2."""
    settings = Settings(
        block="inverted_residual", filters=[4, 4], kernel_size=[3, 5], squeeze_excitation=2
    )
    fields = [(layer.name, side) for layer, side in receptive_fields(layers(settings, CIFAR, 10))]
    assert fields == [
        ("convolution_1", 3), ("max_pooling_1", 4), ("depthwise_convolution_2_2", 12)
    ]  # fmt: skip


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("image", "values", "words"),
    [
        (
            DIGITS,
            {"filters": [2] * 6, "pool_after": "every"},
            ["max_pooling_4 cannot be built", "1x1 pixels", "2x2 window"],
        ),
        (
            DIGITS,
            {"filters": [2, 2], "pool_size": 8, "pool_after": "every"},
            ["max_pooling_2 cannot be built", "1x1 pixels", "8x8 window"],
        ),
        (
            DIGITS,
            {"filters": [2, 2, 2], "pooling": "average", "pool_size": 4, "pool_after": "every"},
            ["average_pooling_2 cannot be built", "2x2 pixels", "4x4 window"],
        ),
        (
            DIGITS,
            {"filters": [2], "padding": "valid", "kernel_size": 9},
            ["convolution_1 cannot be built", "9x9 kernel", "8x8 pixels", "padding same"],
        ),
        (
            DIGITS,
            {"filters": [2, 2, 2], "padding": "valid", "pool_after": [1]},
            ["convolution_3 cannot be built", "3x3 kernel", "1x1 pixels"],
        ),
        (
            (4, 12, 3),
            {"filters": [2, 2], "padding": "valid", "pool_after": "none"},
            ["convolution_2 cannot be built", "2x10 pixels"],
        ),
        (
            DIGITS,
            {
                "filters": [2, 2],
                "padding": "valid",
                "kernel_size": 8,
                "pooling": "strided_convolution",
            },
            ["convolution_2 cannot be built", "8x8 kernel", "1x1 pixels"],
        ),
    ],
)
def test_refusal_names_layer_and_size(image, values, words):
    with pytest.raises(UserError, match=".*".join(map(re.escape, words))):
        layers(Settings(**values), image, 10)


@pytest.mark.parametrize(
    "values",
    [
        {"filters": [2] * 4, "pool_after": [1, 2, 3]},
        {"filters": [2], "pool_size": 8, "pool_after": "every"},
        {"filters": [2], "padding": "valid", "kernel_size": 8},
    ],
)
def test_one_pixel_is_enough(values):
    shapes = [layer.shape for layer in layers(Settings(**values), DIGITS, 10)]
    assert (1, 1, 2) in shapes


# ------------------------------------------------------------------ connections, declarations


LISTED = [name for name, each in DECLARATIONS.items() if each.code is IN_LAYERS]


def test_inputs_by_hand():
    """Without projection the block's input itself is added; with it, what the projection gives."""
    settings = Settings(filters=[3, 5], residual=True, batch_normalization=True)
    assert inputs(layers(settings, (8, 8, 3), 10)) == {
        "convolution_1": ("scaling",),
        "batch_normalization_1": ("convolution_1",),
        "add_1": ("batch_normalization_1", "scaling"),
        "activation_1": ("add_1",),
        "max_pooling_1": ("activation_1",),
        "convolution_2": ("max_pooling_1",),
        "batch_normalization_2": ("convolution_2",),
        "projection_2": ("max_pooling_1",),
        "add_2": ("batch_normalization_2", "projection_2"),
        "activation_2": ("add_2",),
        "flatten": ("activation_2",),
        "dense": ("flatten",),
        "classes": ("dense",),
    }


@pytest.mark.parametrize("name", LISTED)
def test_what_is_declared_to_stand_in_the_layers_changes_them(name):
    beside = PARAMETERS[name].beside
    changed = Settings(**{name: PARAMETERS[name].other}, **beside)
    assert layers(changed, CIFAR, 10) != layers(Settings(**beside), CIFAR, 10)


def test_the_layers_depend_on_nothing_else():
    others = PARAMETERS.keys() - LISTED
    changed = Settings(**{name: PARAMETERS[name].other for name in others})
    assert layers(changed, CIFAR, 10) == layers(Settings(), CIFAR, 10)
    assert list(ModelSettings.model_fields) == LISTED


# ---------------------------------------------------------------------------- receptive fields


@pytest.mark.parametrize(
    ("values", "sides"),
    [
        ({"filters": [4, 8, 16], "kernel_size": 7}, [7, 8, 20, 22, 46]),
        ({"filters": [16, 32, 64], "kernel_size": 3}, [3, 4, 8, 10, 18]),
        # 3; 1 more by pooling; 2 of 4 steps more in the middle; and so on.
        ({"kernel_size": [3, 5, 3]}, [3, 4, 12, 14, 22]),
        ({"filters": [2, 2], "kernel_size": 3, "pooling": "strided_convolution"}, [3, 7]),
        ({"filters": [2, 2], "kernel_size": 3, "pool_after": "none", "residual": True}, [3, 5]),
    ],
)
def test_receptive_fields_worked_out_by_hand(values, sides):
    found = receptive_fields(layers(Settings(**values), CIFAR, 10))
    assert [side for _, side in found] == sides


def test_a_pixel_outside_the_receptive_field_changes_nothing(keras):
    """The middle of the last feature map, with one pixel changed inside or outside its field."""
    from cnn_study.train.network import build

    settings = Settings(filters=[2, 2], kernel_size=3, initializer="glorot_uniform")
    image = (16, 16, 1)
    found = layers(settings, image, 3)
    (_, side), place = receptive_fields(found)[-1], 4
    model = build(settings, image, 3, np.zeros(1), np.ones(1))
    maps = keras.Model(model.input, model.get_layer("convolution_2").output)
    # Place p of a map halved by pooling looks at pixels 2 (p - 1) to 2 (p + 1) + 1, and one more
    # on each side for the first kernel: from 2p - 3 to 2p + 4, eight in all.
    assert side == 8
    pixels = np.full((17, *image), 100, np.uint8)
    for column in range(16):
        pixels[column, 2 * place, column] = 250
    given = np.asarray(maps(pixels))[:, place, place]
    differs = np.abs(given - given[16]).max(axis=1) > 1e-6
    assert not any(differs[column] for column in range(16) if not 5 <= column <= 12)


# ---------------------------------------------------------------------------- against Keras

AGAINST_KERAS = [
    {},
    BASE,
    {"filters": [3]},
    {"kernel_size": 1},
    {"kernel_size": 4},
    {"kernel_size": [3, 5, 2], "padding": "valid", "dense_units": [9, 9]},
    {"padding": "valid"},
    {"padding": "valid", "pooling": "strided_convolution"},
    {"padding": "valid", "kernel_size": 4, "pooling": "average", "pool_size": 3, "filters": [3, 5]},
    {"pooling": "average", "pool_after": "every"},
    {"pooling": "strided_convolution", "pool_size": 3, "pool_after": "every"},
    {"pooling": "strided_convolution", "pool_size": 8, "filters": [2] * 4},
    {"pool_size": 3},
    {"pool_size": 4, "pool_after": [3, 1]},
    {"pool_after": "none", "filters": [2, 3]},
    {"pool_after": [], "filters": [2]},
    {"batch_normalization": True},
    {"batch_normalization": True, "residual": True},
    {"residual": True, "filters": [3, 3, 5]},
    {"residual": True, "pooling": "strided_convolution", "filters": [3, 3, 5]},
    {
        "residual": True,
        "pooling": "strided_convolution",
        "pool_size": 3,
        "batch_normalization": True,
    },
    {"convolution_dropout": 0.2, "dense_dropout": 0.5},
    {"head": "global_average_pooling"},
    {"head": "global_average_pooling", "dense_units": 0, "batch_normalization": True},
    {"dense_units": 0, "dense_dropout": 0.3},
    {"activation": "gelu", "batch_normalization": True, "initializer": "orthogonal"},
    {"block": "residual_pair", "filters": [3, 3, 5]},
    {
        "block": "residual_pair",
        "filters": [3, 3, 5],
        "batch_normalization": True,
        "pooling": "strided_convolution",
        "squeeze_excitation": 2,
    },
    {"block": "depthwise_separable", "padding": "valid", "kernel_size": [3, 5, 2]},
    {
        "block": "depthwise_separable",
        "batch_normalization": True,
        "squeeze_excitation": 4,
        "convolution_dropout": 0.2,
    },
    {"block": "inverted_residual", "filters": [4, 4, 6], "expansion": 3},
    {
        "block": "inverted_residual",
        "filters": [4, 4, 6, 6],
        "expansion": 1,
        "kernel_size": 7,
        "batch_normalization": True,
        "squeeze_excitation": 8,
        "pooling": "strided_convolution",
        "activation": "silu",
    },
]
AGAINST_KERAS += [
    case
    for name in LISTED
    if (case := {name: PARAMETERS[name].other} | PARAMETERS[name].beside) not in AGAINST_KERAS
]


def test_every_kind_of_layer_is_among_the_cases():
    cases = [layers(Settings(**values), CIFAR, 7) for values in AGAINST_KERAS]
    assert {layer.kind for case in cases for layer in case} == set(KINDS)


@pytest.mark.parametrize("image", [CIFAR, (23, 26, 1)], ids=["square", "odd"])
@pytest.mark.parametrize("values", AGAINST_KERAS, ids=str)
def test_layers_are_those_of_keras(keras, values, image):
    """Names, order, shapes and parameters of each layer, and MACs from Keras's own weights."""
    from cnn_study.train.network import build

    settings = Settings(**values)
    expected = layers(settings, image, 7)
    model = build(settings, image, 7, np.zeros(image[-1]), np.ones(image[-1]))
    built = {layer.name: layer for layer in model.layers}
    assert set(built) == {"image", "scaling", *(layer.name for layer in expected)}
    for layer in expected:
        given = built[layer.name]
        assert tuple(given.output.shape[1:]) == layer.shape, layer.name
        assert given.count_params() == layer.parameters, layer.name
        if layer.kind != "dropout":  # which keeps the state of its generator
            assert tuple(weight.name for weight in given.weights) == layer.weights, layer.name
        if hasattr(given, "kernel"):
            places = prod(layer.shape[:-1])
            assert layer.macs == places * prod(given.kernel.shape), layer.name
        else:
            assert layer.macs == 0, layer.name
    drawn = [weight.shape for weight in model.weights if weight.name == "kernel"]
    assert kernels(settings, image, 7) == drawn
    assert cost(settings, image, 7) == (
        model.count_params(),
        sum(layer.macs for layer in expected),
    )
