"""What holds of any input: it is taken as it is, or refused in words.

The kinds of inputs, and what it means to take one rightly, stand in `nearly_right`.
`benchmarks/fuzz.py` tries many more of them.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_study.base.errors import UserError
from nearly_right import KINDS, Kind

EXAMPLES = {"study": 40, "published study": 4, "spellings": 40, "arguments": 30, "text": 3}
"""Inputs of kinds that take longer than others; of each of these there are 60."""


SLOW = {"text"}
"""What starts programs."""

of_each_kind = pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow if kind.name in SLOW else ()) for kind in KINDS],
    ids=lambda kind: kind.name,
)


@of_each_kind
def test_what_is_right_is_accepted(kind: Kind, tmp_path):
    assert kind.take(kind.right(), tmp_path) > 0


@of_each_kind
def test_what_is_nearly_right_is_taken_rightly_or_refused_in_words(kind: Kind, tmp_path_factory):
    refusals = []

    @settings(
        max_examples=EXAMPLES.get(kind.name, 60), derandomize=True, deadline=None, database=None
    )
    @given(st.randoms(use_true_random=False))
    def take(random):
        try:
            kind.take(kind.draw(random), tmp_path_factory.mktemp("input"))
        except UserError as error:
            refusals.append(str(error))

    take()
    assert all(refusals)
