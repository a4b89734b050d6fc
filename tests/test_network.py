"""The Keras model does what each parameter says: none is dead."""

import inspect
import json
import math

import numpy as np
import pytest

from cnn_study.report import keras_code
from cnn_study.study import architecture
from cnn_study.study.layer import KERAS_DEFAULTS, KINDS
from cnn_study.study.settings import DECLARATIONS, Settings
from parameters_by_hand import PARAMETERS

IMAGE = (12, 12, 3)
MEAN, DEVIATION = np.array([100.0, 120.0, 140.0]), np.array([50.0, 60.0, 70.0])
SMALL = {"filters": [3, 5], "dense_units": 6}
PIXELS = np.random.default_rng(0).integers(0, 256, (4, *IMAGE)).astype(np.uint8)


@pytest.fixture(scope="module")
def build(keras):
    """Build with a seed; settings are given by name on top of a small network."""
    from cnn_study.train.network import build

    def build_seeded(seed: int = 1, **values):
        keras.utils.set_random_seed(seed)
        return build(Settings(**{**SMALL, **values}), IMAGE, 10, MEAN, DEVIATION)

    return build_seeded


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def inside(keras, model, *names: str) -> list[np.ndarray]:
    """Compute what comes out of the named layers."""
    outputs = [model.get_layer(name).output for name in names]
    return [np.asarray(out) for out in keras.Model(model.input, outputs)(PIXELS)]


# -------------------------------------------------------------------- no parameter is dead

OF_THE_MODEL = [name for name, each in DECLARATIONS.items() if each.code.part == "model"]
"""In the layers, in front of them or in their arithmetic: all that the printed model shows."""


@pytest.mark.parametrize("name", OF_THE_MODEL)
def test_parameter_changes_what_comes_out_in_training(build, name):
    """In training, since dropout and batch normalization do something else without."""
    beside = PARAMETERS[name].beside
    plain, changed = build(**beside), build(**beside, **{name: PARAMETERS[name].other})
    first, second = (np.asarray(model(PIXELS, training=True)) for model in (plain, changed))
    assert np.isfinite(second).all()
    assert np.abs(first - second).max() > 1e-6
    assert json.dumps(plain.get_config()) != json.dumps(changed.get_config())


def test_no_other_parameter_changes_the_model(build):
    """One that does must be declared for the model's code, or that is printed without it."""
    plain = json.dumps(build().get_config())
    for name in PARAMETERS.keys() - OF_THE_MODEL:
        changed = build(**{name: PARAMETERS[name].other})
        assert json.dumps(changed.get_config()) == plain, name


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
)
@pytest.mark.parametrize("batch_normalization", [False, True])
def test_activation_is_everywhere_but_at_the_end(build, activation, batch_normalization):
    model = build(activation=activation, batch_normalization=batch_normalization)
    names = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    # With batch normalization the activation is a layer of its own, after a linear convolution.
    block = ["linear", activation] if batch_normalization else [activation]
    assert names == [*block, *block, activation, "softmax"]


@pytest.mark.parametrize(
    ("initializer", "name"),
    [
        ("glorot_uniform", "GlorotUniform"),
        ("glorot_normal", "GlorotNormal"),
        ("he_uniform", "HeUniform"),
        ("he_normal", "HeNormal"),
        ("lecun_normal", "LecunNormal"),
        ("orthogonal", "Orthogonal"),
    ],
)
def test_initializer_is_that_of_every_layer_with_weights(build, initializer, name):
    model = build(initializer=initializer, residual=True)
    found = {
        layer.name: type(layer.kernel_initializer).__name__
        for layer in model.layers
        if hasattr(layer, "kernel_initializer")
    }
    layers = ["convolution_1", "convolution_2", "projection_2", "dense", "classes"]
    assert found == dict.fromkeys(layers, name)


@pytest.mark.parametrize(
    ("initializer", "deviation", "most"),
    [
        # By hand for a kernel of 3x3 from 64 to 32 channels: 576 values in, 288 out.
        ("glorot_uniform", (2 / 864) ** 0.5, (6 / 864) ** 0.5),
        ("glorot_normal", (2 / 864) ** 0.5, np.inf),
        ("he_uniform", (2 / 576) ** 0.5, (6 / 576) ** 0.5),
        ("he_normal", (2 / 576) ** 0.5, np.inf),
        ("lecun_normal", (1 / 576) ** 0.5, np.inf),
    ],
)
def test_first_weights_have_the_spread_of_their_initializer(build, initializer, deviation, most):
    model = build(initializer=initializer, filters=[64, 32], dense_units=0)
    weights = np.asarray(model.get_layer("convolution_2").kernel)
    assert weights.std() == pytest.approx(deviation, rel=0.03)
    assert abs(weights.mean()) < 5 * deviation / weights.size**0.5
    highest = np.abs(weights).max()
    assert highest <= most
    # A uniform distribution comes close to its edge; a normal one goes beyond it.
    assert highest > (0.99 * most if np.isfinite(most) else 3**0.5 * deviation * 1.1)


def test_orthogonal_weights_are_orthogonal(build):
    weights = np.asarray(build(initializer="orthogonal").get_layer("convolution_2").kernel)
    columns = weights.reshape(-1, 5)
    np.testing.assert_allclose(columns.T @ columns, np.eye(5), atol=1e-5)


def test_biases_start_at_0(build):
    model = build()
    assert all(
        (np.asarray(layer.bias) == 0).all() for layer in model.layers if hasattr(layer, "bias")
    )


def test_seed_decides_the_first_weights(build):
    first, again, other = build(seed=1), build(seed=1), build(seed=2)
    for one, two in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    kernels = [model.get_layer("convolution_1").get_weights()[0] for model in (first, other)]
    assert (kernels[0] != kernels[1]).all()


# ------------------------------------------------------------------------------ layer by layer


def test_plain_network(build):
    model = build()
    assert kinds(model) == [
        "InputLayer",
        "Rescaling",
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "Flatten",
        "Dense",
        "Dense",
    ]
    assert model.input.dtype == "uint8"
    np.testing.assert_allclose(np.asarray(model(PIXELS)).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "layer"),
    [("max", "MaxPooling2D"), ("average", "AveragePooling2D"), ("strided_convolution", None)],
)
def test_pooling_kinds(build, pooling, layer):
    model = build(pooling=pooling, pool_size=3)
    pools = [part for part in model.layers if "Pooling" in type(part).__name__]
    assert [type(part).__name__ for part in pools] == ([layer] if layer else [])
    assert [tuple(part.pool_size) for part in pools] == [(3, 3)] * len(pools)
    assert [tuple(part.strides) for part in pools] == [(3, 3)] * len(pools)
    strides = [tuple(model.get_layer(f"convolution_{number}").strides) for number in (1, 2)]
    assert strides == ([(1, 1), (1, 1)] if layer else [(3, 3), (1, 1)])


def test_pooling_by_hand(keras, build):
    """The first window of each kind: largest and mean of its four values."""
    for pooling, reduce in (("max", np.max), ("average", np.mean)):
        before, after = inside(
            keras, build(pooling=pooling), "convolution_1", f"{pooling}_pooling_1"
        )
        np.testing.assert_allclose(
            after[0, 0, 0], reduce(before[0, :2, :2], axis=(0, 1)), rtol=1e-5
        )


def test_global_average_pooling_is_the_mean_of_each_map(keras, build):
    model = build(head="global_average_pooling")
    before, after = inside(keras, model, "convolution_2", "global_average_pooling")
    np.testing.assert_allclose(after, before.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


def test_dropout_layers(build):
    model = build(convolution_dropout=0.25, dense_dropout=0.5)
    assert kinds(model)[2:] == [
        "Conv2D",
        "MaxPooling2D",
        "Dropout",
        "Conv2D",
        "Dropout",
        "Flatten",
        "Dense",
        "Dropout",
        "Dense",
    ]
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.25, 0.25, 0.5]


def test_dropout_is_off_in_scoring_and_on_in_training(build):
    model = build(convolution_dropout=0.5, dense_dropout=0.5)
    one, two = (np.asarray(model(PIXELS, training=False)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    three, four = (np.asarray(model(PIXELS, training=True)) for _ in range(2))
    assert (three != four).any()


def test_batch_normalization_stands_between_convolution_and_activation(keras, build):
    model = build(batch_normalization=True)
    convolved, normalized, activated = inside(
        keras, model, "convolution_1", "batch_normalization_1", "activation_1"
    )
    # Fresh: mean 0, variance 1, epsilon 0.001.
    np.testing.assert_allclose(normalized, convolved / 1.001**0.5, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(activated, np.maximum(normalized, 0))
    assert not model.get_layer("convolution_1").use_bias


def test_residual_adds_the_input_of_the_block(keras, build):
    """Where shapes are equal the input itself, after the pooling of the block before."""
    model = build(residual=True, filters=[3, 3], pool_after=[1])
    scaled, convolved, added, activated = inside(
        keras, model, "scaling", "convolution_1", "add_1", "activation_1"
    )
    np.testing.assert_allclose(added, convolved + scaled, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(activated, np.maximum(added, 0))
    pooled, convolved, added = inside(keras, model, "max_pooling_1", "convolution_2", "add_2")
    np.testing.assert_allclose(added, convolved + pooled, rtol=1e-5, atol=1e-6)


def test_residual_projects_the_input_where_shapes_differ(keras, build):
    model = build(residual=True, batch_normalization=True, pooling="strided_convolution")
    scaled, normalized, projected, added = inside(
        keras, model, "scaling", "batch_normalization_1", "projection_1", "add_1"
    )
    np.testing.assert_allclose(added, normalized + projected, rtol=1e-5, atol=1e-6)
    weights = np.asarray(model.get_layer("projection_1").kernel)[0, 0]
    np.testing.assert_allclose(projected, scaled[:, ::2, ::2] @ weights, rtol=1e-4, atol=1e-5)
    assert model.get_layer("projection_2").output.shape == (None, 6, 6, 5)


# ------------------------------------------------------------------------ scaling and precision


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("raw", lambda pixels: pixels),
        ("unit", lambda pixels: pixels / 255),
        ("symmetric", lambda pixels: pixels / 127.5 - 1),
        ("standardized", lambda pixels: (pixels - MEAN) / DEVIATION),
    ],
)
def test_scaling(build, scaling, expected):
    """Each value of a pixel from 0 to 255, in each channel."""
    layer = build(scaling=scaling).get_layer("scaling")
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 16, 16, 3)
    found = np.asarray(layer(pixels))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(pixels.astype(np.float64)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("precision", "arithmetic"),
    [
        ("float32", "float32"),
        ("tensorfloat32", "float32"),
        ("mixed_bfloat16", "bfloat16"),
        ("mixed_float16", "float16"),
    ],
)
def test_precision_is_set_for_every_layer(build, precision, arithmetic):
    model = build(
        precision=precision,
        batch_normalization=True,
        residual=True,
        convolution_dropout=0.1,
        dense_dropout=0.1,
    )
    for layer in model.layers[1:]:
        single = layer.name in ("scaling", "classes")
        assert layer.compute_dtype == ("float32" if single else arithmetic), layer.name
        assert {weight.dtype for weight in layer.weights} <= {"float32", "int64", "uint32"}
    assert np.asarray(model(PIXELS)).dtype == np.float32
    assert model.output.dtype == "float32"


def test_precision_leaves_the_global_policy_alone(keras, build):
    build(precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


# ------------------------------------------------------------------------ the code that is printed


@pytest.mark.parametrize(
    "values",
    [
        *({name: PARAMETERS[name].other} for name in OF_THE_MODEL),
        {"scaling": "raw"},
        {"scaling": "symmetric"},
        {"residual": True, "batch_normalization": True, "pooling": "strided_convolution"},
        {"residual": True, "filters": [3, 3], "convolution_dropout": 0.1},
    ],
    ids=str,
)
def test_the_printed_code_builds_the_network_that_is_trained(keras, build, values):
    """With the trained network's weights it gives the same numbers."""
    trained, settings = build(**values), Settings(**{**SMALL, **values})
    network = architecture.layers(settings, IMAGE, 10)
    names = {"pixel_mean": MEAN, "pixel_deviation": DEVIATION}
    try:
        code = ["import keras", "from keras import layers"]
        exec("\n".join(code + keras_code.model_code(network, settings, IMAGE)), names)
    finally:
        keras.config.set_dtype_policy("float32")
    printed = names["model"]
    printed.set_weights(trained.get_weights())
    np.testing.assert_allclose(
        np.asarray(printed(PIXELS.astype("float32"))), np.asarray(trained(PIXELS)), atol=1e-5
    )
    given = {"InputLayer", "Rescaling"}
    assert [kind for kind in kinds(printed) if kind not in given] == kinds(trained)[2:]


def test_what_printed_code_leaves_out_is_the_default_of_keras(keras):
    for option, value in KERAS_DEFAULTS.items():
        kinds = {
            layer.kind
            for each in (Settings(residual=True), Settings(block="depthwise_separable"))
            for layer in architecture.layers(each, (32, 32, 3), 10)
            if option in layer.options and layer.kind != "activation"
        }
        for kind in kinds:
            taken = inspect.signature(getattr(keras.layers, KINDS[kind].keras))
            default = taken.parameters[option].default
            assert default in (value, (value, value)), (kind, option)
        assert kinds, option


def test_the_report_tells_the_constants_of_adam(keras):
    told = {name: str(value) for name, value in keras_code.ADAM.items()}
    defaults = inspect.signature(keras.optimizers.Adam).parameters
    assert told == {
        "beta_1": str(defaults["beta_1"].default),
        "beta_2": str(defaults["beta_2"].default),
        "epsilon_exponent": str(round(math.log10(defaults["epsilon"].default))),
    }
