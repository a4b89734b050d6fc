"""Every parameter once more, written by hand: what the schema is held to, one row a parameter.

A parameter that is added to the schema gets its row here, and tests of the schema, the layers, the
network, the training, the labels and the printed code all try it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Row:
    """What one parameter is.

    Attributes:
        other: a value that is allowed and, with two convolutions on 12 x 12 pixels in one epoch,
            trains otherwise than the default.
        wrong: values that are refused.
        labels: phrases for some values: every choice, and what is switched off.
        code: what becomes of the script that a reader takes home when the value is `other`:
            another line is printed, or nothing changes.
        unit: as in the documentation.
        cites: works that the description cites, by their keys.
        beside: other parameters, without which it means nothing.
    """

    default: Any
    other: Any
    wrong: list[Any]
    labels: list[tuple[Any, str]]
    code: Literal["printed", "not in it"]
    unit: str = ""
    cites: tuple[str, ...] = ()
    beside: dict[str, Any] = field(default_factory=dict)


PARAMETERS = {
    "validation_fraction": Row(
        0.1,
        0.2,
        [-0.01, 0.91, "0.1", True, None, float("nan")],
        [(0.1, "10 % held out"), (0.125, "12.5 % held out"), (0, "none held out")],
        "printed",
        unit="share of the training images",
    ),
    "training_fraction": Row(
        1.0,
        0.5,
        [0, -1, 1.01, "1", True, None, float("nan")],
        [(0.1, "10 % of the images"), (0.07, "7 % of the images"), (1.0, "all images")],
        "printed",
        unit="share of the images not held out",
    ),
    "scaling": Row(
        "unit",
        "standardized",
        ["Unit", "", 1, None, ["unit"]],
        [
            ("raw", "raw pixels"),
            ("unit", "pixels 0 to 1"),
            ("symmetric", "pixels −1 to 1"),
            ("standardized", "standardized pixels"),
        ],
        "printed",
    ),
    "horizontal_flip": Row(
        False,
        True,
        [0, 1, "true", "yes", None, 0.5],
        [(True, "flip"), (False, "no flip")],
        "printed",
    ),
    "shift": Row(
        0,
        2,
        [-1, 17, 2.5, 2.0, "2", True, None],
        [(4, "shift 4"), (0, "no shift")],
        "printed",
        unit="pixels",
    ),
    "cutout": Row(
        0,
        4,
        [-1, 65, 2.5, "2", True, None],
        [(8, "cutout 8"), (0, "no cutout")],
        "printed",
        unit="pixels",
        cites=("devries2017",),
    ),
    "watch_test": Row(
        False,
        True,
        [0, 1, "true", None],
        [(True, "test images watched"), (False, "test images not watched")],
        "not in it",
    ),
    "filters": Row(
        [16, 32, 64],
        [16, 32],
        [
            [],
            [0],
            [-1],
            [1025],
            [1.5],
            ["8"],
            [True],
            8,
            "8/16",
            (8, 16),
            None,
            [8] * 21,
        ],
        [([16, 32, 64], "filters 16-32-64"), ([8], "filters 8")],
        "printed",
        unit="filters",
    ),
    "kernel_size": Row(
        3,
        5,
        [
            0,
            16,
            3.5,
            3.0,
            "3",
            True,
            None,
            "3/5",
            (3, 5, 3),
            [],
            [3],
            [3, 3, 3],
            [3, 0, 3],
            [3, 16, 3],
            [3.0, 5, 3],
            ["3"],
            [True, 3, 5],
        ],
        [(3, "kernel 3×3"), (7, "kernel 7×7"), ([3, 5, 3, 7], "kernels 3-5-3-7")],
        "printed",
        unit="pixels",
    ),
    "block": Row(
        "convolution",
        "depthwise_separable",
        ["residual", "plain", None, 2],
        [
            ("convolution", "plain convolutions"),
            ("residual_pair", "residual pairs"),
            ("depthwise_separable", "depthwise separable"),
            ("inverted_residual", "inverted residuals"),
        ],
        "printed",
        cites=("he2016", "howard2017", "sandler2018"),
    ),
    "expansion": Row(
        4,
        2,
        [0, 17, 1.5, "4", True, None],
        [(4, "expansion 4"), (1, "expansion 1")],
        "printed",
        unit="times",
        beside={"block": "inverted_residual"},
    ),
    "squeeze_excitation": Row(
        0,
        4,
        [-1, 65, 0.25, "4", True, None],
        [(4, "squeeze-and-excitation 4"), (0, "no squeeze-and-excitation")],
        "printed",
        unit="times",
        cites=("hu2018",),
        beside={"block": "depthwise_separable"},
    ),
    "padding": Row(
        "same",
        "valid",
        ["SAME", "causal", 0, None],
        [("same", "padding"), ("valid", "no padding")],
        "printed",
    ),
    "activation": Row(
        "relu",
        "tanh",
        ["ReLU", "softmax", 1, None],
        [
            ("relu", "ReLU"),
            ("leaky_relu", "leaky ReLU"),
            ("elu", "ELU"),
            ("gelu", "GELU"),
            ("silu", "SiLU"),
            ("tanh", "tanh"),
            ("sigmoid", "sigmoid"),
        ],
        "printed",
    ),
    "batch_normalization": Row(
        False,
        True,
        [0, 1, "false", None],
        [(True, "batch norm"), (False, "no batch norm")],
        "printed",
        cites=("ioffe2015",),
    ),
    "residual": Row(
        False,
        True,
        [0, 1, "true", None],
        [(True, "residual"), (False, "not residual")],
        "printed",
        cites=("he2016",),
    ),
    "pooling": Row(
        "max",
        "average",
        ["min", "none", None, 2],
        [
            ("max", "max pooling"),
            ("average", "average pooling"),
            ("strided_convolution", "strided convolution"),
        ],
        "printed",
        cites=("springenberg2015",),
    ),
    "pool_size": Row(
        2,
        3,
        [1, 9, 2.5, "2", True, None],
        [(3, "pooling 3×3")],
        "printed",
        unit="pixels",
    ),
    "pool_after": Row(
        "every_but_last",
        "none",
        ["sometimes", [0], [21], ["1"], [True], 1, None],
        [
            ("every_but_last", "no pooling after the last"),
            ("every", "pooling after each"),
            ("none", "no pooling"),
            ([], "no pooling"),
            ([2], "pooling after 2"),
            ([1, 3], "pooling after 1, 3"),
        ],
        "printed",
    ),
    "convolution_dropout": Row(
        0.0,
        0.25,
        [-0.1, 1, 1.5, "0", True, None, float("nan")],
        [(0.2, "convolution dropout 0.2"), (0.0, "no convolution dropout")],
        "printed",
        unit="share",
        cites=("srivastava2014",),
    ),
    "head": Row(
        "flatten",
        "global_average_pooling",
        ["gap", 1, None],
        [("flatten", "flatten"), ("global_average_pooling", "global average pooling")],
        "printed",
        cites=("lin2014",),
    ),
    "dense_units": Row(
        64,
        0,
        [
            -1,
            8193,
            1.5,
            "64",
            True,
            None,
            [],
            [64],
            [0],
            [64, 0],
            [64, 8193],
            [64, 1.5],
            [64, True],
            [8] * 21,
            (120, 84),
        ],
        [
            (128, "128 hidden units"),
            (1, "1 hidden unit"),
            (0, "no hidden layer"),
            ([120, 84], "120-84 hidden units"),
            ([64, 64], "64-64 hidden units"),
        ],
        "printed",
        unit="units",
    ),
    "dense_dropout": Row(
        0.0,
        0.5,
        [-0.1, 1, 1.5, "0", True, None, float("nan")],
        [(0.5, "dense dropout 0.5"), (0, "no dense dropout")],
        "printed",
        unit="share",
        cites=("srivastava2014",),
    ),
    "initializer": Row(
        "glorot_uniform",
        "he_normal",
        ["zeros", "he", 1, None],
        [
            ("glorot_uniform", "Glorot uniform weights"),
            ("glorot_normal", "Glorot normal weights"),
            ("he_uniform", "He uniform weights"),
            ("he_normal", "He normal weights"),
            ("lecun_normal", "LeCun normal weights"),
            ("orthogonal", "orthogonal weights"),
        ],
        "printed",
        cites=(
            "glorot2010",
            "he2015",
        ),
    ),
    "optimizer": Row(
        "adam",
        "momentum",
        ["Adam", "lion", 1, None],
        [
            ("sgd", "SGD"),
            ("momentum", "momentum"),
            ("adam", "Adam"),
            ("adamw", "AdamW"),
            ("rmsprop", "RMSprop"),
        ],
        "printed",
        cites=("kingma2015",),
    ),
    "learning_rate": Row(
        0.001,
        0.01,
        [0, -0.1, 10.1, "0.1", True, None, float("inf"), float("nan")],
        [(0.05, "rate 0.05"), (0.0003, "rate 0.0003"), (1.0, "rate 1")],
        "printed",
        unit="1",
    ),
    "momentum": Row(
        0.9,
        0.5,
        [0, 1, -0.1, "0.9", True, None, float("nan")],
        [(0.95, "momentum 0.95")],
        "printed",
        unit="share",
        cites=("sutskever2013",),
        beside={"optimizer": "momentum"},
    ),
    "schedule": Row(
        "constant",
        "cosine",
        ["linear", 1, None],
        [("constant", "constant rate"), ("cosine", "cosine"), ("step", "step schedule")],
        "printed",
        cites=("loshchilov2017",),
    ),
    "warmup_epochs": Row(
        0.0,
        0.5,
        [-1, 10, 11, "1", True, None, float("inf"), float("nan")],
        [(1, "warm-up 1 epoch"), (2.5, "warm-up 2.5 epochs"), (0.0, "no warm-up")],
        "printed",
        unit="epochs",
        cites=("goyal2017",),
    ),
    "weight_decay": Row(
        0.0,
        0.01,
        [-0.1, 1.1, "0", True, None, float("nan")],
        [(0.004, "weight decay 0.004"), (0, "no weight decay")],
        "printed",
        unit="1",
        cites=("loshchilov2019",),
    ),
    "label_smoothing": Row(
        0.0,
        0.1,
        [-0.1, 1, "0", True, None, float("nan")],
        [(0.1, "label smoothing 0.1"), (0.0, "no label smoothing")],
        "printed",
        unit="share",
        cites=("szegedy2016",),
    ),
    "class_weight": Row(
        "none",
        "balanced",
        ["auto", True, None, 1, {"0": 1}],
        [("none", "no class weights"), ("balanced", "class weights")],
        "printed",
        cites=("king2001",),
    ),
    "batch_size": Row(
        32,
        64,
        [0, -1, 65537, 1.5, "32", True, None],
        [(64, "batch 64"), (65536, "batch 65536")],
        "printed",
        unit="images",
    ),
    "epochs": Row(
        10,
        2,
        [0, -1, 10001, 1.5, 10.0, "10", True, None],
        [(20, "20 epochs"), (1, "1 epoch")],
        "printed",
        unit="epochs",
    ),
    "precision": Row(
        "float32",
        "mixed_bfloat16",
        ["float64", "bfloat16", "tf32", 32, None],
        [
            ("float32", "float32"),
            ("tensorfloat32", "TensorFloat-32"),
            ("mixed_bfloat16", "mixed bfloat16"),
            ("mixed_float16", "mixed float16"),
        ],
        "printed",
        cites=("micikevicius2018",),
    ),
}

OWN: dict[str, Row] = {
    "model": Row(
        "",
        "models/mine.py:build",
        ["build", "mine:build", "mine.py", "mine.py:", "/mine.py:build", "mine.py:2nd", 3, None],
        [("models/mine.py:build", "network build"), ("", "built-in network")],
        "printed",
    ),
    "model_arguments": Row(
        {},
        {"depth": 20},
        [["depth"], "depth", None, {1: 2}, {"depth": float("nan")}, {"depth": {1, 2}}],
        [({"depth": 20, "sizes": [3, 5]}, "depth 20, sizes 3-5"), ({}, "no arguments")],
        "printed",
        beside={"model": "models/mine.py:build"},
    ),
    "model_files": Row(
        [],
        ["weights.h5"],
        ["weights.h5", [1], None],
        [(["a/weights.h5", "b.npz"], "weights.h5, b.npz"), ([], "no files")],
        "printed",
        beside={"model": "models/mine.py:build"},
    ),
    "model_digests": Row(
        {},
        {"models/mine.py": "ab" * 32},
        [["ab"], "ab", None, {"mine.py": 3}],
        [({"models/mine.py": "ab" * 32}, "mine.py"), ({}, "no files")],
        "printed",
        beside={"model": "models/mine.py:build"},
    ),
}
"""Those of a network that a file of the study builds: without one, they mean nothing."""
