"""Networks of a study's own: the files that they are built from, and what is known of them.

A network is built by Keras, which planning and reading do without. So it is built once, by
`cnn-study describe`, and a file beside the study keeps its layers, as another one keeps what is
known of its images. Knows neither Keras nor how a network is built.

What is read of a study is registered here by its content, so that settings alone lead to their
network: what has a name can be nothing else.
"""

import ast
import hashlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from cnn_study.base import files, outputs, readable_json
from cnn_study.base.errors import UserError
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.base.words import listing
from cnn_study.study.settings import ModelSettings, OwnModelSettings, Settings

MOST_BYTES = 2**26

BUILD_SECONDS = 1800.0
"""Within which all networks of a study are built, by a command that only asks about them."""

FRAME = re.compile(r'File "([^"]+)", line (\d+)')
"""A place in code, as Python writes it wherever it tells of one."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OwnLayer(_Strict):
    """One layer, as Keras built it."""

    name: str = Field(description="Behind the names of the networks that it is a layer of.")
    kind: str = Field(description="Class of `keras.layers`, or of the study's own.")
    shape: list[int] = Field(description="Output without the batch axis.")
    parameters: NonNegativeInt
    macs: NonNegativeInt = Field(description="Multiply-accumulate operations for one image.")


class Description(_Strict):
    """What is known of a network once it was built."""

    model: str = Field(description="Its function, as the study called it then.")
    model_arguments: dict[str, Any]
    model_digests: dict[str, str] = Field(description="The sha256 of each file it is built from.")
    image_shape: tuple[int, int, int]
    classes: NonNegativeInt
    keras: str = Field(description="The version that built it.")
    parameters: NonNegativeInt
    macs: NonNegativeInt
    layers: list[OwnLayer] = Field(description="In their order; the last one has the classes.")


class Descriptions(_Strict):
    """The networks of a study, by their names."""

    format: Literal[1] = 1
    networks: dict[str, Description] = {}


class Built(Descriptions):
    """What came of building networks, for the process that asked for it."""

    faults: dict[str, str] = Field({}, description="Of those that could not be built, by name.")
    building: str = Field("", description="The function that is called; what ended it all, then.")


@dataclass(frozen=True)
class OwnNetwork:
    """A network to build.

    Attributes:
        folder: of the study file, from which the paths in the settings lead.
    """

    folder: Path
    settings: Settings
    image_shape: tuple[int, int, int]
    classes: int

    @property
    def file(self) -> Path:
        """The file with its function."""
        return self.folder / self.settings.model.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The name of its function."""
        return self.settings.model.rpartition(":")[2]

    @cached_property
    def name(self) -> str:
        """Its name by content: whatever the settings of training are."""
        return _name(self.settings, self.image_shape, self.classes)

    @property
    def arguments(self) -> dict[str, Any]:
        """What its function is given; a file of the study by its place on this machine."""
        places = {name: str(self.folder / name) for name in self.settings.model_files}
        given = self.settings.model_arguments
        return {
            name: places.get(value, value) if isinstance(value, str) else value
            for name, value in given.items()
        }


Describe = Callable[[OwnNetwork], Description]
"""Says what is known of a network, or raises a UserError that says why nothing is."""

_NETWORKS: dict[str, OwnNetwork] = {}
_DESCRIPTIONS: dict[str, Description] = {}


def register(network: OwnNetwork, describe: Describe) -> None:
    """Let the settings of a network lead to it, and to what is known of it.

    Raises:
        UserError: nothing is known of it.
    """
    _NETWORKS[network.name] = network
    _DESCRIPTIONS[network.name] = describe(network)


def network_of(settings: Settings, image_shape: tuple[int, int, int], classes: int) -> OwnNetwork:
    """Give the network that settings mean, which a study was read of."""
    return _NETWORKS[_name(settings, image_shape, classes)]


def description_of(
    settings: OwnModelSettings, image_shape: tuple[int, int, int], classes: int
) -> Description:
    """Say what is known of the network that settings mean.

    Raises:
        UserError: no study that was read has this network.
    """
    name = _name(settings, image_shape, classes)
    if name not in _DESCRIPTIONS:
        raise UserError(
            f"the network {settings.model} with {settings.model_arguments} is none of the study"
        )
    return _DESCRIPTIONS[name]


def _name(settings: OwnModelSettings, image_shape: tuple[int, int, int], classes: int) -> str:
    return hash_meaning(
        {
            "function": settings.model.rpartition(":")[2],
            "arguments": settings.model_arguments,
            "digests": sorted(settings.model_digests.values()),
            "image_shape": list(image_shape),
            "classes": classes,
        }
    )


# ------------------------------------------------------------------- what is known, beside a study


def place(study: Path) -> Path:
    """Name the file beside a study that keeps what is known of its networks."""
    return study.with_suffix(".models.json")


def read(study: Path) -> dict[str, Description]:
    """Read what is known of a study's networks, by their names; nothing where nobody built them.

    Raises:
        UserError: the file is not whole.
    """
    path = place(study)
    if not path.exists():
        return {}
    try:
        text = files.read_text(path, MOST_BYTES)
        return Descriptions.model_validate_json(text, strict=True).networks
    except (ValidationError, ValueError, RecursionError):
        raise UserError(
            f"{path} is not a whole list of a study's networks. Get it back, with git say; or "
            f"delete it: `cnn-study describe {study.stem}` makes it again."
        ) from None


def write(study: Path, known: Mapping[str, Description]) -> Path:
    """Write what is known of a study's networks, whole or not at all, and give its place."""
    text = readable_json.text(Descriptions(networks=dict(known)).model_dump(mode="json"))
    files.write_whole(place(study), lambda file: file.write(text.encode()))
    return place(study)


def known_of(study: Path) -> Describe:
    """Describe networks by the file beside a study."""
    known = read(study)

    def describe(network: OwnNetwork) -> Description:
        if network.name not in known:
            raise UserError(
                f"its network, {network.settings.model}, has not been built as it is now. "
                f"`cnn-study describe {study.stem}` builds it and writes {place(study)}, to be "
                "kept with the study; `snakemake` and `cnn-study check` build it by themselves"
            )
        return known[network.name]

    return describe


def known_or_built(study: Path, source: str = "", *, shown: bool = False) -> Describe:
    """Describe networks by the file beside a study, and those that it lacks by building them.

    A process of its own builds them, once and all together, so that this one needs no Keras; and
    writes nothing.

    Args:
        source: where the study's own images are, if not where the study says.
        shown: whether to show what the code of others prints, and to let it take its time.
    """
    known, faults, ends = read(study), {}, []

    def describe(network: OwnNetwork) -> Description:
        if network.name not in {**known, **faults} and not ends:
            built, end = _built_elsewhere(study, source, shown)
            known.update(built.networks)
            faults.update(built.faults)
            ends.extend([end] if end else [])
        if network.name in known:
            return known[network.name]
        changed = "its file was changed meanwhile. Try again"
        raise UserError(faults.get(network.name, ends[0] if ends else changed))

    return describe


def is_known(study: Path, needed: Iterable[OwnNetwork]) -> bool:
    """Tell whether what is known of networks is written down."""
    known = read(study)
    return all(network.name in known for network in needed)


def files_of(study: Path, networks: Iterable[OwnNetwork]) -> list[Path]:
    """List what networks are built from, and what keeps what is known of them."""
    names = {name for network in networks for name in network.settings.model_digests}
    return [*([place(study)] if names else []), *(study.parent / name for name in sorted(names))]


def _built_elsewhere(study: Path, source: str, shown: bool) -> tuple[Built, str]:
    """Let the command `describe` build the networks.

    What comes of it lies in a file, whatever the code of others prints, and however it ends.

    Returns:
        What was built, and what to say of a function that ended the process or was not done.

    Raises:
        UserError: it cannot; says why.
    """
    outputs.say(f"building networks of {study}, to know their layers and costs", sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "built.json"
        command = [sys.executable, "-X", "faulthandler", "-m", "cnn_study", "describe", str(study)]
        further = ["--source", source] if source else []
        status, said = _ended([*command, "--output", str(output), *further], shown)
        if output.exists():
            built = Built.model_validate_json(output.read_bytes(), strict=True)
            end = _end(built.building, status, place_in(said, study.parent))
            advice = f"; `cnn-study describe {study.stem}` {_SHOWS[status is None]}"
            return built, f"{end}{advice}" if end and not shown else end
    if status == 2:  # a fault of the user's, in one message
        raise UserError(said.strip().splitlines()[-1])
    raise RuntimeError(f"{' '.join(command)} failed:\n{said}")


def _ended(command: list[str], shown: bool) -> tuple[int | None, str]:
    """Run a command; give its status, None where its time was up, and what it wrote to stderr.

    Args:
        shown: whether what it writes is shown instead, and its time is never up.
    """
    stdout, stderr = (None, None) if shown else (subprocess.DEVNULL, subprocess.PIPE)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        try:
            said = process.communicate(timeout=None if shown else BUILD_SECONDS)[1] or ""
            return process.returncode, said
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # Python says then where it is
            return None, process.communicate()[1]
        finally:
            process.kill()


_SHOWS = {False: "shows what it prints", True: "has none, if it does not go on for ever"}
"""What the command does that describes networks, by whether a time was up."""


def _end(function: str, status: int | None, place: str) -> str:
    """Say of a function that it ended the process that called it; nothing where it did not."""
    if not function:
        return ""
    where = f"{place}: " if place else ""
    if status is None:
        return (
            f"{where}{function} was not done within {BUILD_SECONDS / 60:g} minutes, the limit here"
        )
    how = f"status {status}" if status >= 0 else signal.Signals(-status).name
    return (
        f"{where}{function} ended the process that called it, with {how}. It may not exit or "
        "crash, but only give features"
    )


def place_in(told: str, folder: Path, *, last: bool = False) -> str:
    """Name the first, or last, place in a study's folder of those that a text of Python's tells.

    Returns:
        Such as "models/net.py, line 3"; "" where none is told of.
    """
    places = [
        f"{path.relative_to(folder.resolve()).as_posix()}, line {line}"
        for name, line in FRAME.findall(told)
        if (path := Path(name).resolve()).is_relative_to(folder.resolve())
    ]
    return places[-1 if last else 0] if places else ""


# ------------------------------------------------------------------- from a study file to settings


def merged(kept: Mapping[str, Any], given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Merge what a study file gives into the settings of its reference.

    Arguments are merged one by one, unless another function is named with them. Where a network of
    one's own takes the built-in one's place, or the other way round, what only the former reads is
    left behind.

    Raises:
        UserError: a file is not there, or parameters of both kinds of network are given.
    """
    values = {**kept, **given}
    if "model_digests" in given:
        raise UserError("model_digests is worked out from the files. Remove it")
    if not values.get("model"):
        gone = OwnModelSettings.model_fields if "model" in given else ()
        return {name: value for name, value in values.items() if name in given or name not in gone}
    if not _is_well_formed(given):
        return values
    built_in = [name for name in given if name in ModelSettings.model_fields]
    if built_in:
        raise UserError(
            f"{listing(built_in)} beside model {values['model']}: of the built-in network, which "
            "it takes the place of. Remove the one or the other"
        )
    for name in ModelSettings.model_fields:
        values.pop(name, None)
    if "model" in given:
        values |= {name: given.get(name, default) for name, default in _NO_MORE.items()}
    else:
        before = kept.get("model_arguments", {})
        values["model_arguments"] = before | given.get("model_arguments", {})
    return values | {"model_digests": digests(folder, values["model"], values["model_files"])}


def _is_well_formed(given: Mapping[str, Any]) -> bool:
    """Tell whether what is given of a network has the right types; if not, others say so."""
    of_the_network = {key: given[key] for key in OwnModelSettings.model_fields if key in given}
    try:
        OwnModelSettings.model_validate({"model": "file.py:function", **of_the_network})
    except ValidationError:
        return False
    return True


_NO_MORE: dict[str, Any] = {"model_arguments": {}, "model_files": []}
"""What a network is given that names nothing."""


def digests(folder: Path, model: str, further: list[str]) -> dict[str, str]:
    """Hash each file that a network is built from, by its path from the study file.

    That is the file of its function, all of the study's folder that it imports, and the further
    ones that the study names. Comments count: only the bytes say that nothing else changed.

    Raises:
        UserError: one is not there, lies elsewhere, or is no Python.
    """
    file = model.rpartition(":")[0]
    code = _code(folder, _inside(folder, file))
    return {
        **{path.relative_to(folder.resolve()).as_posix(): _sha256(path) for path in code},
        **{name: _sha256(_inside(folder, name)) for name in further},
    }


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if PurePosixPath(name).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise UserError(f"{name} lies outside {folder}, the study's folder, and would not travel")
    if not path.is_file():
        raise UserError(
            f"{name}: there is no such file in {folder}, the study's folder. Put it there, or name "
            "another"
        )
    return path


def _code(folder: Path, first: Path) -> list[Path]:
    """List a file of code and all of the study's folder that it imports, in turn."""
    waiting, needed = [first], []
    while waiting:
        path = waiting.pop()
        if not path.is_relative_to(folder.resolve()):
            raise UserError(f"{path} is imported and lies outside {folder}, the study's folder")
        if path not in needed:
            needed.append(path)
            waiting += _imported(path, (first.parent, folder.resolve()))
    return needed


def _imported(path: Path, folders: tuple[Path, ...]) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path.name}, line {line}" if line else path.name
        raise UserError(f"{where}: {getattr(error, 'msg', error)}. It is no Python") from None
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from _files_of(name, folders)


def _files_of(module: str, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Find the files of a module, and of the packages that it stands in, in the study's folder."""
    parts = module.split(".")
    for folder in folders:
        for length in range(1, len(parts) + 1):
            stem = folder.joinpath(*parts[:length])
            candidates = (stem.with_name(f"{stem.name}.py"), stem / "__init__.py")
            yield from (path.resolve() for path in candidates if path.is_file())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
