"""Imports of large libraries."""

import gc
import sys

import pytest

from cnn_study.base.lean_imports import absent, lean


def test_only_what_was_not_there_is_hidden_and_only_for_a_while():
    import colorsys

    sys.modules.pop("chunk_of_nothing", None)
    with absent("colorsys", "chunk_of_nothing"):
        import colorsys as still_there

        assert still_there is colorsys
        with pytest.raises(ImportError):
            import chunk_of_nothing  # noqa: F401
    assert "chunk_of_nothing" not in sys.modules
    assert sys.modules["colorsys"] is colorsys


def test_garbage_is_looked_for_again_after_an_import_and_not_in_what_it_left(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    with lean("chunk_of_nothing"):
        assert not gc.isenabled()
        assert sys.modules["chunk_of_nothing"] is None
    assert frozen == [True]
    with pytest.raises(ZeroDivisionError), lean():
        _ = 1 / 0
    assert gc.isenabled()
