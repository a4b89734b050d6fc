"""All networks of a study's own, built once, so that planning and reading need not build them."""

from contextlib import suppress
from pathlib import Path

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.words import counted
from cnn_study.data.catalog import Dataset
from cnn_study.study import own_networks
from cnn_study.study.merge import load
from cnn_study.study.own_networks import Built, Description, OwnNetwork
from cnn_study.train.machine import import_keras


def tried(study: Path, dataset: Dataset | None, output: Path) -> None:
    """Build each network of a study, and write what came of it, whatever else is wrong with it.

    Args:
        output: a file that also names the function that is called, while it is: should it end this
            process, whoever waits knows it.
    """
    known, faults = own_networks.read(study), {}

    def write(building: str = "") -> None:
        built = Built(networks=known, faults=faults, building=building)
        text = built.model_dump_json().encode()
        files.write_whole(output, lambda file: file.write(text))

    def describe(network: OwnNetwork) -> Description:
        if network.name not in {**known, **faults}:
            write(building=network.settings.model)
            try:
                known[network.name] = _built(network)
            except UserError as error:
                faults[network.name] = str(error)
        if network.name in faults:
            raise UserError(faults[network.name])
        return known[network.name]

    with suppress(UserError):  # told to whoever reads the study with what comes of it here
        load(study, dataset=dataset, describe=describe)
    write()


def written(study: Path, dataset: Dataset | None, source: str = "") -> str:
    """Build each network of a study that is not known, keep what is known, and say so.

    A process of its own builds them: should the code of others end it, this one says so.

    Raises:
        UserError: something is wrong with the study, or a network cannot be built.
    """
    known_or_built = own_networks.known_or_built(study, source, shown=True)
    before, needed = own_networks.read(study), {}

    def describe(network: OwnNetwork) -> Description:
        return needed.setdefault(network.name, known_or_built(network))

    load(study, dataset=dataset, describe=describe)
    if not needed:
        return f"{study} has no network of its own"
    if needed != before:
        own_networks.write(study, needed)
    return f"{own_networks.place(study)}: {counted(len(needed), 'network')}"


def _built(network: OwnNetwork) -> Description:
    import_keras()
    from cnn_study.train.own_network import describe

    return describe(network)
