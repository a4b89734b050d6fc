"""The schema of all parameters: types, ranges, rules, and what a fingerprint depends on."""

import hashlib
import re

import numpy as np
import pytest
from pydantic import ValidationError

from cnn_study.study import settings
from cnn_study.study.settings import (
    DECLARATIONS,
    GROUPS,
    Settings,
    fingerprint,
    normalized,
    parameters,
    phrases,
    pooled_convolutions,
)
from cnn_study.train import keras_one
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts
from parameters_by_hand import OWN, PARAMETERS

DIGEST = "ab" * 32

EVERY = {
    row["name"]: (PARAMETERS | OWN)[row["name"]]
    for row in parameters()
    if row["name"] in PARAMETERS | OWN
}
WRONG = [(name, value) for name, row in EVERY.items() for value in row.wrong]

# The largest and smallest values that the ranges allow.
EDGES = [
    ("validation_fraction", 0),
    ("validation_fraction", 0.9),
    ("training_fraction", 1),
    ("training_fraction", 1e-6),
    ("shift", 16),
    ("cutout", 64),
    ("filters", [1]),
    ("filters", [1024] * 20),
    ("kernel_size", 1),
    ("kernel_size", 15),
    ("kernel_size", [1, 15, 1]),
    ("pool_size", 8),
    ("pool_after", []),
    ("pool_after", [3, 1]),
    ("convolution_dropout", 0.999),
    ("dense_units", 8192),
    ("dense_units", [8192] * 20),
    ("learning_rate", 10),
    ("learning_rate", 1e-12),
    ("warmup_epochs", 9.99),
    ("weight_decay", 1),
    ("label_smoothing", 0.999),
    ("batch_size", 1),
    ("batch_size", 65536),
    ("epochs", 1),
    ("epochs", 10000),
]


def test_table_covers_every_parameter():
    missing = set(Settings.model_fields) - set(EVERY)
    assert not missing, f"give a row in tests/parameters_by_hand.py to {missing}"
    assert PARAMETERS.keys() | OWN.keys() == set(Settings.model_fields)


# ------------------------------------------------------------------------ values and types


def test_defaults_are_pinned():
    """Changing a default means raising TRAINING_VERSION: finished runs leave defaults out."""
    assert Settings().model_dump() == {name: row.default for name, row in EVERY.items()}
    assert settings.TRAINING_VERSION == 1


@pytest.mark.parametrize("name", PARAMETERS)
def test_another_value_is_taken(name):
    other = PARAMETERS[name].other
    assert getattr(Settings(**{name: other}), name) == other


@pytest.mark.parametrize(("name", "value"), EDGES)
def test_edge_of_range_is_taken(name, value):
    assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(ValidationError) as refusal:
        Settings(**EVERY[name].beside | {name: value})
    places = {fault["loc"][:1] for fault in refusal.value.errors()}
    # warmup_epochs is compared with epochs, which is a rule of both and has no place of its own.
    expected = {()} if name == "warmup_epochs" and value in (10, 11, float("inf")) else {(name,)}
    assert places == expected


def test_whole_number_serves_as_a_share():
    given = Settings(validation_fraction=0, learning_rate=1)
    assert isinstance(given.validation_fraction, float)
    assert isinstance(given.learning_rate, float)


@pytest.mark.parametrize("name", ["kernal_size", "seed", "Filters", "dataset"])
def test_unknown_key_is_refused(name):
    with pytest.raises(ValidationError) as refusal:
        Settings(**{name: 1})
    assert [(fault["type"], fault["loc"]) for fault in refusal.value.errors()] == [
        ("extra_forbidden", (name,))
    ]


def test_all_faults_are_found_at_once():
    with pytest.raises(ValidationError) as refusal:
        Settings(kernel_size=0, epochs="ten", colour="red")
    assert {fault["loc"] for fault in refusal.value.errors()} == {
        ("kernel_size", "(number)"),  # which `Faults` leaves out
        ("epochs",),
        ("colour",),
    }


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().epochs = 3


def test_default_list_is_not_shared():
    changed = Settings()
    changed.filters.append(7)
    seen = list(Settings().filters)
    changed.filters.pop()
    assert seen == [16, 32, 64]


# ------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"filters": [4, 8], "pool_after": [1, 3]},
            "pool_after [1, 3] names a convolution that is not there: filters has 2",
        ),
        ({"pool_after": [2, 1, 2]}, "pool_after [2, 1, 2] names a convolution twice"),
        (
            {"filters": [4, 8], "kernel_size": [3, 5, 3]},
            "kernel_size [3, 5, 3] must have a number for each convolution: filters has 2",
        ),
        ({"residual": True, "padding": "valid"}, "residual needs padding same"),
        (
            {"block": "residual_pair", "padding": "valid"},
            "block residual_pair needs padding same: shapes must match to be added",
        ),
        (
            {"block": "inverted_residual", "padding": "valid"},
            "block inverted_residual needs padding same: shapes must match to be added",
        ),
        (
            {"block": "depthwise_separable", "residual": True},
            "residual is for plain convolutions: give residual false beside block "
            "depthwise_separable",
        ),
        ({"warmup_epochs": 10}, "warmup_epochs 10 must be less than epochs 10"),
        ({"warmup_epochs": 2.5, "epochs": 2}, "warmup_epochs 2.5 must be less than epochs 2"),
    ],
)
def test_rule_between_parameters(values, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        Settings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"filters": [4, 8], "pool_after": [1, 2]},
        {"residual": True, "padding": "same"},
        {"residual": False, "padding": "valid"},
        {"warmup_epochs": 1.9, "epochs": 2},
    ],
)
def test_rule_lets_valid_neighbours_through(values):
    assert Settings(**values).model_dump(include=set(values)) == values


# ------------------------------------------------------------------------------- fingerprint


def test_fingerprint_is_pinned():
    """Another value here means that every finished run would be trained again."""
    assert fingerprint(Settings(), DIGEST) == "882a2e92375087d7"
    base = Settings(filters=[4, 8, 16], kernel_size=7)
    assert fingerprint(base, DIGEST) == "6452a8ef7524a348"


def test_fingerprint_is_the_hash_of_what_differs():
    """Worked out apart: only what is not at its default is in the hashed text."""
    text = f'{{"dataset":"{DIGEST}","settings":{{"kernel_size":5}},"training_version":1}}'
    expected = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert fingerprint(Settings(kernel_size=5), DIGEST) == expected


@pytest.mark.parametrize("name", PARAMETERS)
def test_fingerprint_changes_with(name):
    row = PARAMETERS[name]
    plain = fingerprint(Settings(), DIGEST)
    assert fingerprint(Settings(**{name: row.other}), DIGEST) != plain
    assert fingerprint(Settings(**{name: row.default}), DIGEST) == plain


def test_fingerprints_of_single_changes_all_differ():
    names = {fingerprint(Settings(**{name: row.other}), DIGEST) for name, row in PARAMETERS.items()}
    assert len(names) == len(PARAMETERS)


def test_fingerprint_keeps_the_order_of_filters():
    assert fingerprint(Settings(filters=[4, 8]), DIGEST) != fingerprint(
        Settings(filters=[8, 4]), DIGEST
    )


def test_fingerprint_does_not_tell_0_from_0_point_0():
    assert fingerprint(Settings(validation_fraction=0), DIGEST) == fingerprint(
        Settings(validation_fraction=0.0), DIGEST
    )


def test_fingerprint_does_not_tell_zeros_by_their_sign():
    """YAML writes -0.0 too, and validation_fraction is 0.1 by default."""
    minus = Settings(validation_fraction=-0.0)
    assert str(minus.validation_fraction) == "0.0"
    assert fingerprint(minus, DIGEST) == fingerprint(Settings(validation_fraction=0.0), DIGEST)


def test_fingerprint_does_not_depend_on_the_order_of_keys():
    assert fingerprint(Settings(kernel_size=5, epochs=3), DIGEST) == fingerprint(
        Settings(epochs=3, kernel_size=5), DIGEST
    )


def test_fingerprint_changes_with_dataset():
    assert fingerprint(Settings(), "cd" * 32) != fingerprint(Settings(), DIGEST)


def test_fingerprint_changes_with_training_version(monkeypatch):
    before = fingerprint(Settings(), DIGEST)
    monkeypatch.setattr(settings, "TRAINING_VERSION", settings.TRAINING_VERSION + 1)
    assert fingerprint(Settings(), DIGEST) != before


# --------------------------------------------------------------- settings that train the same

# Two sets of settings that build and train the same, and the way both are written at last. Three
# convolutions, unless filters says otherwise.
SAME = {
    "list of all but the last": ({"pool_after": [2, 1]}, {}, {"pool_after": [1, 2]}),
    "list of all": ({"pool_after": [1, 2, 3]}, {"pool_after": "every"}, {"pool_after": [1, 2, 3]}),
    "no pooling": (
        {"pool_after": "none", "pool_size": 3},
        {"pool_after": [], "pooling": "strided_convolution"},
        {"pool_after": []},
    ),
    "one convolution, the last": (
        {"filters": [3], "pooling": "average"},
        {"filters": [3], "pool_size": 3},
        {"filters": [3], "pool_after": []},
    ),
    "kernel of one pixel": (
        {"kernel_size": 1, "padding": "valid", "pooling": "strided_convolution"},
        {"kernel_size": 1, "pooling": "strided_convolution"},
        {"kernel_size": 1, "pool_after": [1, 2], "pooling": "strided_convolution"},
    ),
    "a block that nothing has": (
        {"filters": [3], "block": "inverted_residual", "squeeze_excitation": 2, "expansion": 2},
        {"filters": [3], "block": "residual_pair"},
        {"filters": [3], "pool_after": []},
    ),
    "expansion of another block": (
        {"block": "depthwise_separable", "expansion": 2},
        {"block": "depthwise_separable"},
        {"block": "depthwise_separable", "pool_after": [1, 2]},
    ),
    "squeeze-and-excitation of no block": (
        {"squeeze_excitation": 8},
        {"squeeze_excitation": 4},
        {"pool_after": [1, 2]},
    ),
    "momentum that nothing takes": ({"momentum": 0.5}, {}, {"pool_after": [1, 2]}),
    "no momentum": (
        {"optimizer": "momentum", "momentum": 0, "nesterov": True},
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "pool_after": [1, 2]},
    ),
    "two names of Adam": ({"optimizer": "adamw"}, {}, {"pool_after": [1, 2]}),
    "two names of Adam with decay": (
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "pool_after": [1, 2]},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_trains_the_same_is_written_in_one_way(name):
    one, other, plain = SAME[name]
    assert normalized(Settings(**one)) == normalized(Settings(**other)) == Settings(**plain)
    assert normalized(normalized(Settings(**one))) == Settings(**plain)
    assert fingerprint(Settings(**one), DIGEST) != fingerprint(Settings(**other), DIGEST)


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_trains_otherwise_stays_apart(name):
    row = PARAMETERS[name]
    plain, changed = Settings(**row.beside), Settings(**row.beside | {name: row.other})
    assert normalized(changed) != normalized(plain)


def trained_weights(values: dict) -> str:
    """Train two epochs on 48 random images of 8 x 8 pixels and give the weights' sha256."""
    random = np.random.default_rng(0)
    part = (
        random.integers(0, 256, (48, 8, 8, 1), dtype=np.uint8),
        random.integers(0, 3, 48).astype(np.uint8),
    )
    given = Settings(**{"filters": [3, 3, 4], "dense_units": 4, "epochs": 2} | values)
    parts = Parts(part, (part[0][:0], part[1][:0]), part)
    model = keras_one.start(given, parts, 3, seed=1)
    assert len(list(keras_one.learn(model, given, parts, 1, Stopwatch()))) == 2
    return keras_one.weights_digest(model)


@pytest.mark.slow
def test_what_is_written_in_one_way_trains_to_the_same_weights(keras):
    """Several at once, since each network takes seconds to build.

    After 8, 4 and 2 pixels one is left, where both heads do the same; and `watch_test` records
    more of the same training.
    """
    deep, one_pixel = {"filters": [2, 2, 2, 2], "weight_decay": 0.1}, {"kernel_size": 1}
    otherwise = {
        "optimizer": "adamw", "pool_after": [3, 1, 2], "head": "global_average_pooling",
        "watch_test": True,
    }  # fmt: skip
    assert trained_weights(deep) == trained_weights(deep | otherwise)
    one = trained_weights(one_pixel | {"padding": "valid", "pool_after": "none", "pool_size": 3})
    assert trained_weights(one_pixel | {"pool_after": [], "pooling": "average"}) == one
    still = {"optimizer": "momentum", "momentum": 0, "nesterov": True}
    assert trained_weights(still) == trained_weights({"optimizer": "sgd"})


@pytest.mark.parametrize(
    ("values", "pooled"),
    [
        ({}, [1, 2]),
        ({"pool_after": "every"}, [1, 2, 3]),
        ({"pool_after": "none"}, []),
        ({"pool_after": [3, 1]}, [1, 3]),
        ({"filters": [8]}, []),
    ],
)
def test_convolutions_that_pooling_follows(values, pooled):
    assert pooled_convolutions(Settings(**values)) == pooled


# ------------------------------------------------------------------------------------ labels

LABELS = [(name, *label) for name, row in EVERY.items() for label in row.labels]


@pytest.mark.parametrize(("name", "value", "words"), LABELS)
def test_value_reads_as_a_phrase(name, value, words):
    assert DECLARATIONS[name].label(value) == words
    assert len(words) <= 32
    given = {"filters": [1] * 4, "epochs": 9, **EVERY[name].beside, name: value}
    assert getattr(Settings(**given), name) == value


def test_every_parameter_reads_as_a_phrase():
    """Every choice, on and off, the default, and the value that other tests take."""
    schemas = {row["name"]: row["schema"] for row in parameters()}
    for name, row in PARAMETERS.items():
        schema = schemas[name]
        choices = [
            choice for part in (schema, *schema.get("anyOf", ())) for choice in part.get("enum", ())
        ]
        choices += [True, False] if schema.get("type") == "boolean" else []
        by_hand = [value for value, _ in row.labels]
        assert [choice for choice in choices if choice not in by_hand] == [], name
        assert 0 in by_hand or schema.get("minimum") != 0, f"{name} at 0: by hand"
        label = DECLARATIONS[name].label
        assert label(row.default) != label(row.other), name


def test_no_two_parameters_read_the_same():
    read = [words for name, row in PARAMETERS.items() for words in {w for _, w in row.labels}]
    shared = {words for words in read if read.count(words) > 1}
    assert shared == set()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kernel_size": 3}, "kernel 3×3"),
        ({"filters": [16, 32, 64], "kernel_size": 3}, "filters 16-32-64 + kernel 3×3"),
        ({"horizontal_flip": True, "shift": 4}, "flip + shift 4"),
        ({"optimizer": "sgd", "learning_rate": 0.05}, "SGD, rate 0.05"),
        ({"learning_rate": 0.05, "optimizer": "sgd"}, "SGD, rate 0.05"),
        ({"batch_normalization": False, "dense_units": 0}, "no batch norm + no hidden layer"),
    ],
)
def test_change_reads_as_its_phrases(change, words):
    assert " + ".join(phrases(change)) == words


# -------------------------------------------------------------------- table of parameters


def test_parameters_lists_all_with_group_and_default():
    rows = {row["name"]: row for row in parameters()}
    assert len(rows) == len(parameters())
    assert {name: row["default"] for name, row in rows.items()} == Settings().model_dump()
    assert [row["name"] for row in parameters()] == list(EVERY)
    assert [name for name in EVERY if name in PARAMETERS] == list(PARAMETERS)
    assert list(dict.fromkeys(row["group"] for row in parameters())) == list(GROUPS)
    assert (rows["shift"]["group"], rows["filters"]["group"], rows["epochs"]["group"]) == (
        "data",
        "model",
        "training",
    )


def test_parameters_give_units():
    assert {row["name"]: row["unit"] for row in parameters()} == {
        name: row.unit for name, row in EVERY.items()
    }


def test_every_number_has_a_unit():
    kinds = {"number", "integer"}
    numbers = [
        row
        for row in parameters()
        if row["schema"].get("oneOf", [row["schema"]])[0].get("type") in kinds
    ]
    assert len(numbers) >= 15
    assert [row["name"] for row in numbers if not row["unit"]] == []


def test_every_parameter_is_described_in_a_sentence():
    for row in parameters():
        assert re.fullmatch(r"[A-Za-z].{10,}\.", row["description"], re.DOTALL), row["name"]


def test_works_are_cited_by_their_key():
    """Not by name and year in the text, so that the report lists them and docs write them out."""
    described = {row["name"]: row["description"] for row in parameters()}
    cited = {name: re.findall(r"\[@(\w+)\]", text) for name, text in described.items()}
    assert cited == {name: list(row.cites) for name, row in EVERY.items()}
    for name, text in described.items():
        assert not re.search(r"\b(19|20)\d\d\b", text), name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scaling", "in each channel of the images trained on"),
        ("shift", "filled by reflection at the edge, where the usual random crop"),
        ("cutout", "with the mean pixel of the images trained on"),
        ("watch_test", "as if they were validation images."),  # a study may have no source
        ("schedule", "step divides it by 10"),
        ("optimizer", "so that adamw is another name for it"),
    ],
)
def test_a_description_says_what_is_done(name, words):
    assert words in next(row for row in parameters() if row["name"] == name)["description"]


def test_parameters_give_type_and_range():
    schemas = {row["name"]: row["schema"] for row in parameters()}
    side = {"type": "integer", "minimum": 1, "maximum": 15}
    assert schemas["kernel_size"] == {
        "oneOf": [side, {"type": "array", "items": side, "minItems": 1, "maxItems": 20}]
    }
    assert schemas["learning_rate"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 10}
    assert schemas["padding"] == {"type": "string", "enum": ["same", "valid"]}
    assert schemas["horizontal_flip"] == {"type": "boolean"}
    assert schemas["filters"] == {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 1024},
        "minItems": 1,
        "maxItems": 20,
    }
    for name, schema in schemas.items():
        bounded = set(schema) & {
            "enum", "minimum", "exclusiveMinimum", "items", "anyOf", "oneOf", "pattern",
            "additionalProperties",
        }  # fmt: skip
        assert bounded or schema == {"type": "boolean"}, name
