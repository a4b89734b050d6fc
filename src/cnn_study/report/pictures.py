"""The figures of one study, and what is said of each."""

from dataclasses import dataclass
from itertools import chain, count, takewhile
from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_json
from cnn_study.evidence.cells import FIGURE, Cell

REMEDY = "Draw the figures first: python -m cnn_study figures STUDY."


@dataclass(frozen=True)
class Figure:
    """A picture: its path from the study's results folder, and what is said of it.

    Attributes:
        count: end of the caption, which says how many runs are behind it; may be empty.
        experiments: of these runs.
    """

    id: str
    path: str
    caption: str
    count: str
    alt: str
    experiments: tuple[str, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What the receipt of the picture is looked up by."""
        experiment = self.experiments[0] if len(self.experiments) == 1 else None
        return (Cell(f"{FIGURE}{self.id}", 0, "runs", experiment),)


def read_figures(folder: Path) -> dict[str, Figure]:
    """Read the list of a study's figures.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = folder / "figures.json"
    index = read_json(path, REMEDY)
    try:
        return {
            id_: Figure(
                id_,
                f"{folder.name}/{entry['file']}",
                *(entry[part] for part in ("caption", "count", "alt")),
                tuple(entry["runs"]),
            )
            for id_, entry in index.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no list of figures: {error}. {REMEDY}") from None


def pages_of(figures: dict[str, Figure], id_: str) -> list[Figure]:
    """Give the pages of a figure, which are called id, id-2, id-3, …; none if it was not drawn."""
    ids = chain([id_], (f"{id_}-{number}" for number in count(2)))
    return [figures[page] for page in takewhile(figures.__contains__, ids)]
