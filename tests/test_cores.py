"""Cores are those that a scheduler or a container leaves."""

import os

import pytest

from cnn_study.base import cores


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Eight cores, and no quota."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")


def test_without_limits_it_is_all_cores(monkeypatch):
    assert cores.cores() == 8
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores.cores() == 8


def test_a_job_has_the_cores_that_it_is_bound_to(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5})
    assert cores.cores() == 2


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("400000 100000\n", 4),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("9900000 100000\n", 8),
        ("max 100000\n", 8),
        ("nonsense", 8),
    ],
)
def test_a_container_has_what_its_quota_is_worth(quota, count):
    cores.QUOTA.write_text(quota)
    assert cores.cores() == count
