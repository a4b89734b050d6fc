"""Mean scores of an experiment, epoch by epoch."""

from dataclasses import dataclass

from cnn_study.base.inference import Turn, loss_turn
from cnn_study.evidence.cells import Cell, derived
from cnn_study.evidence.read import Tables


@dataclass(frozen=True)
class Curve:
    """Mean scores over the complete runs of an experiment, epoch by epoch.

    Attributes:
        training, validation: accuracies, shares.
        validation: empty where no images are held out.
        turn: of the validation loss; None where no images are held out.
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]
    turn: Turn | None

    @property
    def generalization_gap(self) -> float:
        """Training less validation accuracy in the last epoch."""
        ends = self.training[-1], self.validation[-1]
        return derived(ends[0] - ends[1], "difference of the means of", *ends)

    @property
    def best_epoch(self) -> int:
        """The epoch with the highest mean validation accuracy; 1 is the first."""
        return 1 + max(range(len(self.validation)), key=self.validation.__getitem__)

    @property
    def falls(self) -> bool:
        """Whether the mean validation loss is lowest in the last epoch."""
        return self.turn is not None and self.turn.lowest == self.turn.last


def curve_of(tables: Tables, id_: str) -> Curve | None:
    """Average the epochs; None without a complete run."""
    epochs = tables.epochs[tables.epochs["experiment"] == id_]
    if epochs.empty:
        return None
    names = ["training_accuracy", "validation_accuracy"]
    means = epochs.groupby("epoch")[names].mean()
    rows = epochs.groupby("epoch").groups

    def curve(name: str) -> tuple[float, ...]:
        return tuple(
            derived(value, "mean of", cells=[Cell("epochs", row, name, id_) for row in rows[epoch]])
            for epoch, value in means[name].items()
        )

    losses = epochs.pivot(index="seed", columns="epoch", values="validation_loss").dropna()
    return Curve(
        *(() if means[name].isna().any() else curve(name) for name in names),
        loss_turn(losses.to_numpy().tolist()),
    )
