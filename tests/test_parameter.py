"""How a parameter is declared: what it asks for, and what is refused."""

import pytest
from pydantic import BaseModel

from cnn_study.study.parameter import (
    IN_LAYERS,
    IN_NO_CODE,
    IN_SCRIPT,
    Place,
    argument,
    declared,
    named,
    numbered,
    parameter,
    switched,
    written_as,
)


def test_a_field_that_is_not_declared_is_refused_by_name():
    class More(BaseModel):
        shift: int = parameter(0, "Moves.", "pixels", label=str, code=IN_LAYERS)
        mixup: float = 0.0
        blur: float = 0.0

    with pytest.raises(TypeError, match="More: mixup, blur must be declared with `parameter`"):
        declared(More)


@pytest.mark.parametrize("missing", ["label", "code"])
def test_a_declaration_without_label_or_code_is_refused(missing):
    said = {"label": str, "code": IN_LAYERS}
    del said[missing]
    with pytest.raises(TypeError, match=f"required keyword-only argument: '{missing}'"):
        parameter(0, "Moves.", "pixels", **said)


def test_the_schema_is_given_unit_and_default():
    class More(BaseModel):
        shift: int = parameter(0, "Moves.", "pixels", label=str, code=IN_LAYERS, ge=0)

    assert More.model_json_schema()["properties"]["shift"] == {
        "type": "integer",
        "title": "Shift",
        "description": "Moves.",
        "minimum": 0,
        "unit": "pixels",
        "default": 0,
    }
    assert declared(More)["shift"].unit == "pixels"


def test_code_of_a_value():
    table = written_as("model", {"a": {Place.SETUP: "a()"}, "b": {}})
    assert (table.write("a"), table.write("b")) == ({Place.SETUP: "a()"}, {})
    rate = Place.OPTIMIZER_ARGUMENT
    given = argument(rate, "clipnorm={}", nothing_at=0)
    assert (given.write(3), given.write(0)) == ({rate: "clipnorm=3"}, {})
    assert argument(rate, "clipnorm={}").write(0) == {rate: "clipnorm=0"}
    assert [each.part for each in (table, given)] == ["model", "training"]
    assert IN_LAYERS.write(3) == IN_NO_CODE.write(3) == IN_SCRIPT.write(3) == {}


def test_label_of_a_value():
    assert switched("flip", "no flip")(True) == "flip"
    assert named({"relu": "ReLU"})("relu") == "ReLU"
    kernel = numbered("kernel {0}×{0}")
    assert (kernel(3), kernel(0)) == ("kernel 3×3", "kernel 0×0")
    share = numbered("{0} %", {0: "none"}, times=100)
    assert [share(each) for each in (0, 0.0, 0.07, 1 / 3, 1)] == [
        "none", "none", "7 %", "33.3333 %", "100 %",
    ]  # fmt: skip
