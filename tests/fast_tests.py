"""A plugin for pytest that keeps fast tests fast: one that is slow and not marked so fails.

`pytest -m "not slow"` is for whoever has just changed a line. What Python itself tells of imports
and of programs that are started is the same on every machine; times are not.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SLOW_FIXTURES = {"keras", "browser"}
"""Whatever asks for one of these is slow, and needs no mark that says so."""

SLOW_IMPORTS = {"keras", "tensorflow", "jax", "playwright"}
SLOW_PROGRAMS = {"snakemake", "chromium", "playwright"}
SLOW_COMMANDS = {"train", "search", "confirm", "inspect"}
SLOW_CODE = re.compile(r"import[ _](?:keras|tensorflow|jax)\b")

slow_acts: list[str] | None = None
"""What the fast test that runs now did and only slow ones may; None while no fast test runs."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs a backend or a browser."""
    if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


def note_slow_acts(event: str, arguments: tuple) -> None:
    """Hear of each import and of each program that is started (PEP 578)."""
    if slow_acts is None:
        return
    if event == "import" and (package := arguments[0].partition(".")[0]) in SLOW_IMPORTS:
        slow_acts.append(f"imports {package}")
    elif event == "subprocess.Popen":
        words = arguments[1].split() if isinstance(arguments[1], str) else arguments[1]
        slow_acts.extend(acts_of([os.fsdecode(word) for word in words]))


def acts_of(command: list[str]) -> list[str]:
    """Tell from a program's name and arguments what it will do that takes long."""
    names = {part for word in command for part in Path(word).parts}
    programs = [f"starts {name}" for name in SLOW_PROGRAMS & names]
    verbs = SLOW_COMMANDS & names if "cnn_study" in names else ()
    return [
        *programs,
        *(f"starts cnn_study {verb}" for verb in verbs),
        *(f"starts what does {act}" for word in command for act in SLOW_CODE.findall(word)),
    ]


def pytest_configure() -> None:
    """Listen from now on: there is no way to stop."""
    sys.addaudithook(note_slow_acts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch a fast test from its first fixture on."""
    global slow_acts
    slow_acts = None if item.get_closest_marker("slow") else []
    try:
        return (yield)
    finally:
        slow_acts = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail a test that is slow and not marked so."""
    result = yield
    if slow_acts:
        acts = " and ".join(sorted(set(slow_acts)))
        pytest.fail(f"it {acts}: mark it with pytest.mark.slow", pytrace=False)
    return result
