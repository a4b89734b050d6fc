"""Inputs that are nearly right: good ones, changed at random, each kind with what takes it.

What takes an input says how much of it was accepted, or raises a `UserError`; whatever else comes
of it is a fault of ours. `test_properties.py` takes some of each kind, `benchmarks/fuzz.py` as many
as there is time for. Both bring what draws: a `random.Random`, or one that Hypothesis stands
behind.
"""

import csv
import gzip
import hashlib
import io
import json
import math
import os
import pickle
import platform
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

from cnn_study.__main__ import main
from cnn_study.base import citation
from cnn_study.base.errors import UserError
from cnn_study.data import arrays
from cnn_study.data.catalog import DATASETS
from cnn_study.data.images import ARRAY_NAMES
from cnn_study.data.readers.cifar10 import Source, read_cifar10
from cnn_study.evidence.schemas import CONFIRMED, EVIDENCE
from cnn_study.execute import confirming, keeping, progress, workers, working
from cnn_study.export import exporting
from cnn_study.figures.draw import planned_figures
from cnn_study.inspection import inspector
from cnn_study.inspection import look_alikes as similar_images
from cnn_study.report import authored_text
from cnn_study.report.filters import escape
from cnn_study.report.pictures import read_figures
from cnn_study.report.render import render
from cnn_study.runs import (
    confirmations,
    correct_answers,
    inspections,
    look_alikes,
    records,
    searches,
    stages,
)
from cnn_study.runs.wanted import wanted
from cnn_study.search import chief
from cnn_study.study import published_numbers
from cnn_study.study.cautions import cautions
from cnn_study.study.file import Draft, StudyFile
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.own_networks import Description, OwnLayer, OwnNetwork
from cnn_study.study.parts import Place
from cnn_study.study.settings import ModelSettings, OwnModelSettings, Settings, parameters
from cnn_study.tables import csv_files
from cnn_study.tables.schemas import TABLES, Table
from figures_by_hand import ACCURACY
from mutations import changed_bytes, changed_text, changed_tree, several, strange_value

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "results" / "cifar10"
STARTER = PROJECT / "src" / "cnn_study" / "starter" / "study.yaml"

Draw = Callable[[Random], bytes]
Take = Callable[[bytes, Path], int]


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        draw: gives an input.
        take: reads it, in an empty folder of its own; says how many inputs in it were accepted.
        right: gives one that is not changed.
        together: inputs in what is drawn at once.
        ending: of the name of a file that keeps one.
    """

    name: str
    draw: Draw
    take: Take
    right: Callable[[], bytes]
    together: int = 1
    ending: str = ".txt"


def encoded(text: str) -> bytes:
    """Write a text, whatever it holds: half a pair of UTF-16, too, which no reader takes."""
    return text.encode("utf-8", "surrogatepass")


# ------------------------------------------------------------------------------------- studies

EVERY_KEY = """\
title: Tiny
subtitle: With every key
dataset: digits
seeds: [1, 2, 5]
confirmation: 2
smallest_effect: 0.5
judge: paired
enhanced: wide
label: {wide: the wide one}
published: {file: numbers.csv, citation: lecun1998}
about_expectations: They were chosen *beforehand*.
base: &base
  filters: [2, 3]
  kernel_size: 3
  dense_units: 4
  epochs: 2
questions:
  width:
    title: Width
    question: Does it?
    hypothesis: Yes.
    expects: {wide: helps, all: little}
    background: Some words.
    caveat: But.
    reading: So it is.
    group: size
    changes:
      wide: {filters: [4, 6]}
      wider: {filters: [8, 6], kernel_size: 5}
  rates:
    title: Rates
    question: Do they?
    hypothesis: They do.
    reference: wide
    grid: {learning_rate: [0.001, 0.01], batch_size: [16, 32]}
  later:
    title: Later
    question: Will it?
    hypothesis: It will.
    trained: false
    changes:
      cosine: {schedule: cosine, warmup_epochs: 0.5}
search:
  algorithm: random
  trials: 6
  epochs: 2
  seeds: 1
  finalists: 2
  finalist_seeds: 1
  winner_seeds: 2
  space:
    filters: [[2, 3], [4, 6]]
    dense_units: [0, 4]
    learning_rate: {low: 0.0005, high: 0.02, scale: log}
    dense_dropout: {low: 0.0, high: 0.5, step: 0.1, when: {dense_units: [4]}}
  prices:
    base: {title: As cheap as the base, macs: base, times: 1.5}
    free: {title: At any price, parameters: 100000, trials: 4}
"""


@cache
def studies() -> tuple[str, ...]:
    """Give good study files; the shortest more often than the others."""
    digits = (PROJECT / "experiments" / "digits.yaml").read_text("utf-8")
    return *[EVERY_KEY] * 4, digits, STARTER.read_text("utf-8")


def draw_study(random: Random) -> bytes:
    """Change the text of a study, or what it says."""
    return _changed_study(random, random.choice(studies()))


def draw_long_study(random: Random) -> bytes:
    """Change the published study."""
    return _changed_study(random, long_study().decode())


def long_study() -> bytes:
    """Give the published study."""
    return (PROJECT / "experiments" / "cifar10.yaml").read_bytes()


def _changed_study(random: Random, text: str) -> bytes:
    if random.random() < 0.5:
        return encoded(several(random, changed_text, text))
    tree = several(random, changed_tree, _said(text))
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).encode()


@cache
def _said(text: str) -> Any:
    return yaml.safe_load(text)


def take_study(content: bytes, folder: Path) -> int:
    """Load a study, and ask of it what `check` and planning ask."""
    path = folder / "study.yaml"
    path.write_bytes(content)
    study = load(path)
    assert study.name == "study"
    assert len({run.name for run in wanted(study)}) == len(wanted(study))
    cautions(study)
    planned_figures(study)
    return 1


# ------------------------------------------------------------------------------------ spellings

GIVEN = [name for name in Settings.model_fields if name != "model_digests"]
"""The parameters that a study file gives; digests of files are worked out."""

NETWORK_FILE, WEIGHTS_FILE = "network.py", "weights.txt"
"""What a network of the study's own is made of: there is one of each beside every study."""


def draw_spellings(random: Random) -> bytes:
    """Write settings in two ways, and once more with one of them changed."""
    given = _settings(random, random.randrange(1, 8))
    name = random.choice(GIVEN)
    changed = given | {name: _value(random, name)}
    own = dict(random.sample(list(given.items()), random.randrange(len(given) + 1)))
    rest = {name: value for name, value in given.items() if name not in own}
    return json.dumps(
        {
            "settings": given,
            "written": [_study_of(random, given), _study_of(random, given)],
            "merged": _study_of(random, own, rest),
            "changed": [changed, _study_of(random, changed)],
        }
    ).encode()


def take_spellings(content: bytes, folder: Path) -> int:
    """Check that what is the same has one fingerprint, and what is not has two."""
    drawn = json.loads(content)
    first, second = (_fingerprints(text, folder)["base"] for text in drawn["written"])
    assert first == second, "two spellings of the same settings have two fingerprints"
    with_others = _or_refused(drawn["merged"], folder)
    if with_others:
        assert with_others.get("x", first) == first, "merged, the same settings have another one"
    changed, text = drawn["changed"]
    if other := _or_refused(text, folder):
        same = Settings(**changed) == Settings(**drawn["settings"])
        assert (other["base"] == first) == same, "a changed value does not change the fingerprint"
    return 1


def _or_refused(text: str, folder: Path) -> dict[str, str]:
    """Give the fingerprints by id; none of a study that is refused."""
    try:
        return _fingerprints(text, folder)
    except UserError:
        return {}


def _fingerprints(text: str, folder: Path) -> dict[str, str]:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    for name in (NETWORK_FILE, WEIGHTS_FILE):
        (folder / name).write_text(f"# {name}\n", encoding="utf-8")
    study = load(path, describe=_described)
    return {id_: each.fingerprint for id_, each in study.experiments.items()}


def _described(network: OwnNetwork) -> Description:
    """Say of a network of the study's own what is so of one dense layer."""
    parameters = (math.prod(network.image_shape) + 1) * network.classes
    macs = parameters - network.classes
    last = OwnLayer(
        name="classes", kind="Dense", shape=[network.classes], parameters=parameters, macs=macs
    )
    return Description(
        **network.settings.model_dump(include={"model", "model_arguments", "model_digests"}),
        image_shape=network.image_shape,
        classes=network.classes,
        keras="3",
        parameters=parameters,
        macs=macs,
        layers=[last],
    )


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {row["name"]: row["schema"] for row in parameters()}


def _settings(random: Random, number: int) -> dict[str, Any]:
    """Draw settings; nearly all go together."""
    own = random.random() < 0.2
    other = ModelSettings if own else OwnModelSettings
    names = random.sample([name for name in GIVEN if name not in other.model_fields], number)
    given = {name: _value(random, name) for name in dict.fromkeys([*names, *["model"] * own])}
    if isinstance(sides := given.get("kernel_size"), list):
        given["filters"] = [random.randint(1, 6) for _ in sides]
    if "momentum" in given:
        given["optimizer"] = "momentum"
    return given


def _value(random: Random, name: str) -> Any:
    match name:
        case "model":
            return f"{NETWORK_FILE}:{random.choice(['build', 'other'])}"
        case "model_files":
            return random.choice([[], [WEIGHTS_FILE]])
        case "model_arguments":
            some = {"depth": random.randint(1, 3), "width": 0.5, "act": "relu", "wide": True}
            return {key: some[key] for key in random.sample(list(some), random.randint(0, 4))}
    return _of_schema(random, _schemas()[name])


def _of_schema(random: Random, schema: dict[str, Any]) -> Any:
    """Draw what a schema of a parameter allows; small numbers, so that many go together."""
    if ways := schema.get("anyOf", schema.get("oneOf")):
        return _of_schema(random, random.choice(ways))
    if "enum" in schema:
        return random.choice(schema["enum"])
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    match schema["type"]:
        case "boolean":
            return random.random() < 0.5
        case "integer":
            return random.randint(low, min(low + 6, schema["maximum"]))
        case "array":
            return [_of_schema(random, schema["items"]) for _ in range(random.randint(1, 3))]
    high = schema.get("maximum", schema.get("exclusiveMaximum", 3))
    some = [low, 0.0, -0.0, 0.5, 1.0, 0.001, 1e-7, high / 3, random.random() * high]
    never = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return random.choice([value for value in some if low <= value <= high and value not in never])


def _study_of(random: Random, base: dict[str, Any], change: dict[str, Any] | None = None) -> str:
    """Write a study with these settings, in any of the ways in which YAML says them."""
    lines = ["title: T", "dataset: cifar10", "seeds: 2", "base: " + _mapping(random, base)]
    if change:
        asked = '{title: A, question: "B?", hypothesis: C, changes: {x: %s}}'
        lines.append("questions: {q: " + asked % _mapping(random, change, stated=0) + "}")
    random.shuffle(lines)
    return "".join(f"{line}{random.choice(['', ' ', '  # why'])}\n" for line in lines)


def _mapping(random: Random, values: dict[str, Any], stated: float = 0.1) -> str:
    """Write values in any order; those at their default may be left out.

    Args:
        stated: how often the default of another parameter is stated.
    """
    default = Settings().model_dump()
    said = {
        name: value
        for name, value in values.items()
        if value != default[name] or isinstance(value, bool) or random.random() < 0.5
    }
    names = random.sample(list(said), len(said))
    never = {*values, *(ModelSettings.model_fields if values.get("model") else ())}
    more = [name for name in GIVEN if name not in never and random.random() < stated]
    pairs = [(name, said[name]) for name in names] + [(name, default[name]) for name in more]
    random.shuffle(pairs)
    parts = [f"{_quoted(random, name)}: {_spelled(random, value)}" for name, value in pairs]
    space = random.choice([" ", "  ", "\n    "])
    return "{" + f",{space}".join(parts) + "}"


def _quoted(random: Random, text: str) -> str:
    plain = [text] if text else []  # nothing written is null
    return random.choice([*plain, f"'{text}'", f'"{text}"', f"!!str {text}"])


def _spelled(random: Random, value: Any) -> str:
    """Write a value in one of the ways that mean it."""
    if isinstance(value, bool):
        return random.choice([str(value).lower(), str(value), str(value).upper()])
    if isinstance(value, list):
        parts = [_spelled(random, each) for each in value]
        return f"[{random.choice([', ', ' , ']).join(parts)}]"
    if isinstance(value, dict):
        names = random.sample(list(value), len(value))
        return f"{{{', '.join(f'{name}: {_spelled(random, value[name])}' for name in names)}}}"
    if isinstance(value, str):
        return _quoted(random, value)
    if isinstance(value, int):
        return random.choice([str(value), f"+{value}", hex(value), oct(value), f"!!int {value}"])
    ways = [repr(value), f"{value:.17e}", f"{value:.17g}", f"{value:.17E}"]
    if math.isfinite(value) and value.is_integer():
        ways += [str(int(value)), f"{value:.1f}", f"{value:.3f}"]
    return random.choice([way for way in ways if "." in way or "e" not in way.lower()])


# -------------------------------------------------------------------------------------- records


@cache
def record() -> tuple[str, bytes]:
    """Give a published record: its place among the runs, and what it holds."""
    path = min((RESULTS / "runs" / "base").glob("*/seed-1.json"))
    return path.relative_to(RESULTS / "runs").as_posix(), path.read_bytes()


def draw_record(random: Random) -> bytes:
    """Change a record once: its bytes, its text or what it says."""
    content = record()[1]
    change = random.randrange(4)
    if change == 0:
        return changed_bytes(random, content)
    if change == 1:
        return encoded(changed_text(random, content.decode()))
    return json.dumps(changed_tree(random, json.loads(content))).encode()


SAID_TWICE = (
    *("format", "seed", "fingerprint", "status", "reason"),
    *("settings", "dataset.digest", "dataset.test_images", "test.accuracy", "test.confusion"),
    "test.predictions_file",
)
"""What of a record cannot be changed by itself, since something else in it says it once more."""


def take_record(content: bytes, folder: Path) -> int:
    """Read a record: as its file says, and as the right one in all that is said twice."""
    place, right = record()
    path = folder / "runs" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    known = records.read(path)
    facts = known.model_dump(by_alias=True)
    assert _says(facts, json.loads(content)), "it is not read as it is written"
    original = json.loads(right)
    # Parameters that came later are at their default.
    original["settings"] = Settings(**original["settings"]).model_dump()
    for name in SAID_TWICE:
        assert _close(_at(facts, name), _at(original, name)), f"{name} is another one"
    return 1


def _says(read: Any, written: Any) -> bool:
    """Whether all that is written was read; what is not written is at its default."""
    if isinstance(written, dict):
        return all(_says(read[key], value) for key, value in written.items())
    if isinstance(written, list):
        return len(read) == len(written) and all(map(_says, read, written))
    return read == (float(written) if type(read) is float else written)


def _at(facts: dict[str, Any], name: str) -> Any:
    value: Any = facts
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _close(value: Any, other: Any) -> bool:
    if isinstance(value, float):
        return math.isclose(value, other, abs_tol=2e-6)
    return value == other


# ------------------------------------------------------------------------- other facts in files

FACTS: dict[str, Callable[[Path], Any]] = {
    "search/*.json": searches.read,
    "look-alikes/*.json": look_alikes.read_facts,
    "inspection/*.json": inspections.read,
    "made/pages.json": lambda path: stages.engine(path.parents[1]),
    "running/base.json": lambda path: _silent(progress.check, _digits(), path.parents[1]),
    "evidence/suggestions.json": lambda path: confirmations.wanted(_digits(), path.parents[1]),
    "figures/figures.json": lambda path: read_figures(path.parent),
    "CITATION.cff": citation.read,
}
"""What reads files of facts, which whoever has the folder may have changed."""


@cache
def _digits() -> Study:
    return load(PROJECT / "experiments" / "digits.yaml")


def _silent(asked: Callable[..., Any], *given: Any) -> Any:
    """Do something that writes to the screen."""
    with redirect_stdout(io.StringIO()):
        return asked(*given)


@cache
def facts() -> dict[str, bytes]:
    """Give good files of facts by their names."""
    paths = [next(iter(sorted(RESULTS.glob(name))), None) for name in FACTS]
    found = {pattern: path for pattern, path in zip(FACTS, paths, strict=True) if path}
    known = {pattern: path.read_bytes() for pattern, path in found.items()}
    stamp = min((RESULTS / "made").glob("*.json")).read_bytes()
    mark = {"experiment": "base", "seed": 1, "epoch": 1, "epochs": 2, "validation_accuracy": 0.5}
    mark |= {"process": os.getpid(), "machine": platform.node()}
    cited = (PROJECT / "CITATION.cff").read_bytes()
    return known | {
        "made/pages.json": stamp,
        "running/base.json": json.dumps(mark).encode(),
        "CITATION.cff": cited,
    }


def draw_facts(random: Random) -> bytes:
    """Change a file of facts; its name stands in the first line."""
    name = random.choice(list(facts()))
    content = facts()[name]
    change = random.randrange(3)
    if change == 0:
        content = changed_bytes(random, content)
    elif change == 1 or name.endswith(".cff"):
        content = encoded(several(random, changed_text, content.decode()))
    else:
        content = json.dumps(several(random, changed_tree, json.loads(content))).encode()
    return name.encode() + b"\n" + content


def take_facts(content: bytes, folder: Path) -> int:
    """Read a file of facts from its place in a folder of results."""
    name, _, rest = content.partition(b"\n")
    path = folder / name.decode().replace("*", "0123456789abcdef")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rest)
    FACTS[name.decode()](path)
    return 1


# ------------------------------------------------------------------------------------- archives

LABELS = bytes([3, 1, 0, 2])


@cache
def batches() -> dict[str, bytes]:
    """Give two small batches as CIFAR-10 has them, pickled; the test batch last."""
    pixels = np.arange(len(LABELS) * 3072, dtype="uint32").astype("uint8").reshape(-1, 3072)
    batch = {b"batch_label": b"one", b"labels": list(LABELS), b"data": pixels}
    names = ("data_batch_1", "test_batch")
    return {name: pickle.dumps(batch, protocol=4) for name in names}


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _md5(members: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.md5(content).hexdigest() for name, content in members.items()}


def draw_archive(random: Random) -> bytes:
    """Change an archive of CIFAR-10: as it lies there, or what is packed in it."""
    change = random.randrange(4)
    if change == 0:
        return several(random, changed_bytes, gzip.compress(_tar(batches()), mtime=0))
    if change == 1:
        return _with_changed_header(random, _tar(batches()))
    content = several(random, changed_bytes, _tar(batches()))
    return content if change == 2 else gzip.compress(content, mtime=0)


def _with_changed_header(random: Random, content: bytes) -> bytes:
    """Change what the header of the first member says, and its sum too."""
    header = bytearray(several(random, changed_bytes, content[:512])[:512].ljust(512, b"\0"))
    if random.random() < 0.5:
        header[124:136] = random.choice(
            [b"77777777777\0", b"\x80" + b"\xff" * 11, b"-0000000001\0"]
        )
    if random.random() < 0.5:
        header[156:157] = random.choice([b"x", b"g", b"L", b"K", b"S", b"1", b"2", b"5", b"\x7f"])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content[512:]


def take_archive(content: bytes, folder: Path) -> int:
    """Read an archive: what is taken is what was packed."""
    path = folder / "cifar.tar.gz"
    path.write_bytes(content)
    images = read_cifar10(Source(path, "a test"), _md5(batches()))
    right = read_cifar10(_folder_of(batches(), folder / "right"), _md5(batches()))
    for name in ARRAY_NAMES:
        assert np.array_equal(getattr(images, name), getattr(right, name)), name
    return 1


def draw_batch(random: Random) -> bytes:
    """Change a batch, as if it were one that is published so."""
    return several(random, changed_bytes, batches()["test_batch"])


def take_batch(content: bytes, folder: Path) -> int:
    """Unpack a changed batch: what is taken are images, whatever they show."""
    members = batches() | {"test_batch": content}
    images = read_cifar10(_folder_of(members, folder), _md5(members))
    for part in (images.training_images, images.test_images):
        assert part.dtype == np.uint8
        assert part.shape[1:] == (32, 32, 3)
    return 1


def _folder_of(members: dict[str, bytes], folder: Path) -> Source:
    folder.mkdir(exist_ok=True)
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return Source(folder, "a test")


@cache
def digits() -> bytes:
    """Give the digits as `prepare` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        arrays.prepare(DATASETS["digits"], path)
        return path.read_bytes()


def draw_prepared(random: Random) -> bytes:
    """Change prepared arrays."""
    return _changed_npz(random, digits())


def _changed_npz(random: Random, content: bytes) -> bytes:
    """Change a file of arrays: as it lies there, or the headers of its arrays."""
    if random.random() < 0.5:
        end = random.choice([0, 60, 300])  # near the directory at the end, or anywhere
        head, tail = content[: len(content) - end], content[len(content) - end :]
        return head + changed_bytes(random, tail) if end else changed_bytes(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    name = random.choice(list(members))
    begin, rest = members[name][:128], members[name][128:]
    match random.randrange(5):
        case 0:
            del members[name]
        case 1:
            members[random.choice(["x.npy", "x", "../x", name.upper()])] = members.pop(name)
        case 2:
            members[name] = begin
        case 3:
            members[name] = _header(random, begin) + rest
        case _:
            members[name] = several(random, changed_bytes, begin) + rest
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", random.choice([0, 0, zipfile.ZIP_DEFLATED])) as packed:
        for each, data in members.items():
            packed.writestr(each, data)
    return buffer.getvalue()


def _header(random: Random, begin: bytes) -> bytes:
    """Let the header of an array tell of another shape or kind of numbers."""
    kinds = (
        b"'|u1'",
        b"'<f8'",
        b"'|O'",
        b"'<U9'",
        b"'>i8'",
        b"'|V3'",
        b"'<M8[s]'",
        b"[('a', '<f8')]",
    )
    sizes = (b"(0,)", b"(1000000000000,)", b"(-1,)", b"()", b"(2, 2)", b"(1" + b"0" * 60 + b",)")
    text = re.sub(rb"'\|u1'", lambda _: random.choice(kinds), begin[10:])
    text = (
        re.sub(rb"\([^()]*\)", lambda _: random.choice(sizes), text)
        if random.random() < 0.7
        else text
    )
    return begin[:8] + len(text).to_bytes(2, "little") + text


def take_prepared(content: bytes, folder: Path) -> int:
    """Read prepared arrays: what is taken is what was prepared."""
    path = folder / "digits.npz"
    path.write_bytes(content)
    images = arrays.load_prepared(DATASETS["digits"], path)
    assert images.test_images.sum() == _sum_of_test_images()
    return 1


@cache
def _sum_of_test_images() -> int:
    with np.load(io.BytesIO(digits())) as prepared:
        return prepared["test_images"].sum()


@cache
def answers() -> tuple[Study, bytes]:
    """Give a study and its kept answers."""
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    return study, correct_answers.place(study, RESULTS).read_bytes()


def draw_answers(random: Random) -> bytes:
    """Change the kept answers of the test images."""
    return _changed_npz(random, answers()[1])


def take_answers(content: bytes, folder: Path) -> int:
    """Read kept answers: as many as there are images, each a class."""
    study, _ = answers()
    path = correct_answers.place(study, folder)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    labels = correct_answers.read(study, folder)
    assert labels is not None
    assert labels.shape == (study.dataset.test_images,)
    assert labels.max() < len(study.dataset.class_names)
    return 1


# --------------------------------------------------------------------------------------- tables


@cache
def tables() -> dict[str, tuple[Table, str]]:
    """Give the first lines of every published table and of all evidence."""
    folders = {"tables": TABLES, "evidence": (*EVIDENCE, *CONFIRMED)}
    return {
        table.file: (
            table.put(ACCURACY),
            "".join(path.read_text("utf-8").splitlines(keepends=True)[:9]),
        )
        for folder, listed in folders.items()
        for table in listed
        if (path := RESULTS / folder / table.file).exists()
    }


def draw_table(random: Random) -> bytes:
    """Change a table; its name stands in the first line."""
    name = random.choice(list(tables()))
    return f"{name}\n".encode() + _changed_csv(random, tables()[name][1])


def _changed_csv(random: Random, text: str) -> bytes:
    """Change a table as texts are changed, as a spreadsheet does, or by its columns."""
    change = random.randrange(5)
    if change == 0:
        return changed_bytes(random, text.encode())
    if change == 1:
        return encoded(several(random, changed_text, text))
    rows = list(csv.reader(io.StringIO(text)))
    if change == 2:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=random.choice(";\t|"), lineterminator="\r\n").writerows(rows)
        encoding = random.choice(["utf-8-sig", "utf-16", "utf-8", "cp1252"])
        return buffer.getvalue().encode(encoding, "replace")
    if change == 3:
        rows = _changed_columns(random, rows)
    else:
        row = random.choice(rows)
        row[random.randrange(len(row))] = str(strange_value(random))
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return encoded(buffer.getvalue())


def _changed_columns(random: Random, rows: list[list[str]]) -> list[list[str]]:
    place, other = (random.randrange(len(rows[0])) for _ in range(2))
    match random.randrange(3):
        case 0:
            return [row[:place] + row[place + 1 :] for row in rows]
        case 1:
            return [[*row, row[place]] for row in rows]
    for row in rows:
        row[place], row[other] = row[other], row[place]
    return rows


def take_table(content: bytes, folder: Path) -> int:
    """Read a table: what is taken has the declared columns, with numbers where numbers stand."""
    name, _, rest = content.partition(b"\n")
    table = tables()[name.decode()][0]
    (folder / table.file).write_bytes(rest)
    frame = csv_files.read(folder, table)
    columns = {column.name: csv_files.DTYPES[column.type] for column in table.columns}
    assert {name: str(frame[name].dtype) for name in frame} == columns
    return 1


def draw_numbers(random: Random) -> bytes:
    """Change the CSV of published numbers."""
    return _changed_csv(random, _numbers().decode())


def _numbers() -> bytes:
    lines = (PROJECT / "experiments" / "cifar10-published.csv").read_bytes().splitlines(True)
    return b"".join(lines[:6])


def take_numbers(content: bytes, folder: Path) -> int:
    """Read published numbers: shares, and faults for all that is none."""
    path = folder / "numbers.csv"
    path.write_bytes(content)
    numbers, faults = published_numbers.read(path, answers()[0].experiments)
    if faults:
        raise UserError("\n".join(faults))
    for number in numbers:
        assert 0 <= number.published_test_accuracy <= 1
        assert number.experiments
    return 1


# --------------------------------------------------------------------------------------- texts

MARKS = (
    *("word", "words and more", "7", "ü", "×", "α", "…", " ", " ", " ", "\n", "\n\n", "  \n", "\t"),
    *("*", "**", "_", "`", "``", "```\n", "~~~\n", "~", "^", "$", "$$", "\\", "\\(", "\\)", "--"),
    *("[", "]", "(", ")", "{", "}", "<", ">", "|", "&", "&amp;", "&#0;", "#", "@", "!", '"', "'"),
    *("> ", "- ", "1. ", "(@) ", "* * *", "---\n", "===\n", ": ", "\n: ", "+---+\n", "| a | b |\n"),
    *(
        "|---|---|\n",
        ":::\n",
        "::: {.callout-note}\n",
        "[^1]",
        "^[note]",
        "[x]{.mark}",
        "{.x}",
        "{#x}",
    ),
    *(
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<script>",
        "{{< x >}}",
        "{{",
        "}}",
        "<<",
        ">>",
        "<%",
        "%>",
        "{=html}",
    ),
    *(
        "[@lecun1998]",
        "@lecun1998",
        "[@nobody]",
        "@sec-here",
        "@fig-no",
        "[x](#sec-here)",
        "[x](#no)",
    ),
    *(
        "[x](https://a.org)",
        "[x](javascript:a)",
        "![x](y.png)",
        "https://a.org/b",
        "<https://a.org>",
    ),
    *(
        "$x^2$",
        "$\\frac{a}{b}$",
        "$\\alpha_1$",
        "$\\foo$",
        "$\\sum_{i=1}^n$",
        "$\\text{a}$",
        "$a_{$",
    ),
    *(
        "\\begin{x}",
        "\\end{x}",
        "\\\\",
        "\\newcommand{\\x}{y}",
        "%",
        "=",
        "+",
        "1)",
        "a. ",
        "http://",
        "\x00",
    ),
)
"""Of these random texts are made; most mean something in Markdown, in TeX or to Quarto."""

TOGETHER = 50
KNOWN = {"sec-here"}


def draw_texts(random: Random) -> bytes:
    """Write random Markdown, many texts at once."""
    most = random.choice([3, 6, 12])
    texts = [
        "".join(random.choice(MARKS) for _ in range(random.randint(1, most)))
        for _ in range(TOGETHER)
    ]
    return json.dumps(texts).encode()


def take_texts(content: bytes, folder: Path) -> int:
    """Check texts as `check` does; those that it accepts are in the page and in the PDF.

    Each is given as Markdown, and once more as words that stand there as they are written.
    """
    texts = [text for text in json.loads(content) if text.strip()]
    refused = _refused(texts)
    markdown, plain = (
        [text for number, text in enumerate(texts) if (f"q-{number}", key) not in refused]
        for key in ("background", "hypothesis")
    )
    wrong = _unrendered(markdown, plain, folder)
    assert not wrong, f"accepted, and not rendered: {wrong}"
    return len(markdown)


def _refused(texts: list[str]) -> set[Place]:
    """Have texts checked in a study; name the question and key of those with a fault."""
    asked = {"title": "T", "question": "Q?", "changes": {"x": {"epochs": 3}}}
    questions = {
        f"q-{number}": asked | {"hypothesis": text, "background": text}
        for number, text in enumerate(texts)
    }
    given = {"title": "T", "dataset": "digits", "base": {}, "questions": questions}
    draft = Draft(Path("study.yaml"), StudyFile.model_validate(given), DATASETS["digits"], [])
    with patch.object(authored_text, "anchors", lambda file: KNOWN):
        return {place[1:] for place, _ in authored_text.faults_of(draft)}


def _unrendered(markdown: list[str], plain: list[str], folder: Path) -> list[tuple[str, str]]:
    """Find the texts, with the reason, over which no report can be made."""
    fault = _rendering_fault(markdown, plain, folder)
    if not fault:
        return []
    texts = [([text], []) for text in markdown] + [([], [text]) for text in plain]
    alone = [(parts, _rendering_fault(*parts, folder)) for parts in texts]
    return [(str(parts), said) for parts, said in alone if said] or [("all together", fault)]


def _rendering_fault(markdown: list[str], plain: list[str], folder: Path) -> str:
    source = folder / "index.qmd"
    parts = [f"**Text.** {text}\n\n*Behind.*" for text in markdown]
    parts += [f"**Words.** {escape(text)}" for text in plain]
    head = "---\ntitle: Texts\ndate: 2026-03-09\n---\n\n# Here {#sec-here}\n\n"
    source.write_text(head + "\n\n".join(parts) + "\n", encoding="utf-8")
    pages = folder / "report.html", folder / "report.pdf"
    try:
        render(source, *pages, engine="pandoc")
    except UserError as error:
        return str(error)
    page = pages[0].read_text("utf-8")
    shown = page.count("<strong>Text.</strong>"), page.count("<strong>Words.</strong>")
    return "" if shown == (len(markdown), len(plain)) else "what is before a text is not there"


# ---------------------------------------------------------------------------------- command line

COMMANDS = (
    *("check", "prepare", "train", "search", "work", "confirm", "weights", "export", "inspect"),
    *("look-alikes", "tables", "analyse", "confirmed", "figures", "write", "render", "publish"),
    *("verify", "diff", "archive", "new", "docs"),
)
OPTIONS = (
    *("--results", "--data", "--output", "--log", "--source", "--workers", "--processes"),
    *("--retry", "--join", "--winners", "--work", "--unless-current", "--png"),
    *("--engine", "--retrain", "--runs", "--by", "--missing", "--watch", "--help", "-x", "--", "-"),
)
WORDS = (
    *("tiny", "experiments/tiny.yaml", "damaged", "folder.yaml", "digits", "cifar10", "nothing"),
    *(
        "base/seed-1",
        "base/seed-01",
        "base/seed-\u0661",
        "base/seed-",
        "base",
        "/",
        "a/b/c",
        "x/seed-1",
    ),
    *("wide/seed-2", "search/0123456789abcdef/seed-1", "runs/base/0/seed-1.json", "winner-base"),
    *(
        "a-file",
        "a-file/x",
        "a-loop",
        "a-pipe",
        "a-folder",
        "no/such/place",
        "../x",
        "",
        " ",
        ".",
        "..",
        "a\nb",
        "\udcff",
    ),
    *("ü", "🙂", "a" * 300, "0", "1", "-1", "2", "99999999999999999999", "1.5", "nan", "failed"),
    *(":", "pandoc", "auto", "{x}", "$HOME", "~", "~nobody", "*"),
)


def draw_arguments(random: Random) -> bytes:
    """Put a command and arguments together; some mean something."""
    words = [random.choice(COMMANDS if random.random() < 0.97 else WORDS)]
    if random.random() < 0.7:
        words.append("tiny")
    for _ in range(random.randrange(5)):
        words.append(random.choice(OPTIONS if random.random() < 0.45 else WORDS))
    return json.dumps(words).encode()


def take_arguments(content: bytes, folder: Path) -> int:
    """Run a command in a folder with a study and no results; where it would train, it ends."""
    (folder / "experiments").mkdir()
    (folder / "a-folder").mkdir()
    (folder / "folder.yaml").mkdir()
    (folder / "a-file").write_text("text\n")
    (folder / "a-loop").symlink_to("a-loop")
    os.mkfifo(folder / "a-pipe")
    (folder / "experiments" / "tiny.yaml").write_text(WITHOUT_NUMBERS)
    (folder / "experiments" / "damaged.yaml").write_text("title: [\n")
    screen = io.StringIO()
    with (
        chdir(folder),
        _without_work(),
        _own_log(),
        redirect_stdout(screen),
        redirect_stderr(screen),
    ):
        try:
            status = main(json.loads(content))
        except SystemExit as end:  # of argparse
            status = end.code
    assert status in (0, 1, 2)
    if status == 2:
        raise UserError(screen.getvalue())
    return 1


WITHOUT_NUMBERS = EVERY_KEY.replace("published: {file: numbers.csv, citation: lecun1998}\n", "")


@contextmanager
def _own_log() -> Iterator[None]:
    """Let stderr be again what it was before a command was given --log."""
    before = os.dup(2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


@contextmanager
def _without_work() -> Iterator[None]:
    """Let nothing train, download, wait or write into the project's own folders."""
    with ExitStack() as patches:
        for module, name in (
            (workers, "train_in"), (chief, "search_study"), (working, "work"),
            (confirming, "confirm"), (keeping, "keep"), (exporting, "export"),
            (inspector, "inspect"), (similar_images, "look"), (progress, "watch"),
        ):  # fmt: skip
            patches.enter_context(patch.object(module, name, _would_work))
        patches.enter_context(patch.dict(os.environ, {"CNN_STUDY_DATA": "no/such/archive"}))
        yield


def _would_work(*given: Any, **named: Any) -> Any:
    raise UserError("here the work would begin")


# ----------------------------------------------------------------------------------------- all


def _first(content: dict[str, Any]) -> bytes:
    """Give the first of several files, below its name."""
    name, text = next(iter(content.items()))
    text = text if isinstance(text, bytes) else text[1].encode()
    return name.encode() + b"\n" + text


KINDS = (
    Kind("study", draw_study, take_study, lambda: studies()[0].encode(), ending=".yaml"),
    Kind("published study", draw_long_study, take_study, long_study, ending=".yaml"),
    Kind(
        "spellings",
        draw_spellings,
        take_spellings,
        lambda: draw_spellings(Random(1)),
        ending=".json",
    ),
    Kind("record", draw_record, take_record, lambda: record()[1], ending=".json"),
    Kind("other facts", draw_facts, take_facts, lambda: _first(facts())),
    Kind("archive", draw_archive, take_archive, lambda: _tar(batches()), ending=".tar.gz"),
    Kind("batch", draw_batch, take_batch, lambda: batches()["test_batch"], ending=".pickle"),
    Kind("prepared arrays", draw_prepared, take_prepared, digits, ending=".npz"),
    Kind("answers", draw_answers, take_answers, lambda: answers()[1], ending=".npz"),
    Kind("table", draw_table, take_table, lambda: _first(tables()), ending=".csv"),
    Kind("published numbers", draw_numbers, take_numbers, _numbers, ending=".csv"),
    Kind("arguments", draw_arguments, take_arguments, lambda: b'["check", "tiny"]', ending=".json"),
    Kind("text", draw_texts, take_texts, lambda: b'["*one*", "and $x^2$"]', TOGETHER, ".json"),
)
