"""Short names of meanings."""

import hashlib

import pytest

from cnn_study.base.fingerprints import hash_meaning


def test_a_meaning_is_named_by_its_content_whatever_the_order_of_its_keys():
    written = r'{"a":1.5,"b":[2,"\u00e4"]}'
    name = hashlib.sha256(written.encode()).hexdigest()[:16]
    assert hash_meaning({"a": 1.5, "b": [2, "ä"]}) == name
    assert hash_meaning({"b": [2, "ä"], "a": 1.5}) == name


@pytest.mark.parametrize("other", [{"a": 1}, {"a": "1.5"}, {"a": 1.5, "b": None}, {}])
def test_another_meaning_has_another_name(other):
    assert hash_meaning(other) != hash_meaning({"a": 1.5})
