"""Mean scores of an experiment, epoch by epoch."""

from dataclasses import dataclass

from cnn_study.base.inference import Turn, loss_turn
from cnn_study.base.power import share_interval, surely_above
from cnn_study.evidence.cells import Cell, derived
from cnn_study.evidence.read import Tables


@dataclass(frozen=True)
class Curve:
    """Mean scores over the complete runs of an experiment, epoch by epoch.

    Attributes:
        training, validation: accuracies, shares.
        validation: empty where no images are held out.
        turn: of the validation loss; None where no images are held out.
        trained_on, held_out: images that these are shares of; each run has the same.
        witnesses: how many of those held out are independent witnesses: one of each set.
        chance: what answers get that look at no image.
        improving: whether the mean training loss is lowest in the last epoch, or there is but one.
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]
    turn: Turn | None
    trained_on: int
    held_out: int
    witnesses: int
    chance: float
    improving: bool

    @property
    def epochs(self) -> int:
        """How many there are."""
        return len(self.training)

    @property
    def level(self) -> bool:
        """Whether more than one epoch has the highest mean validation accuracy."""
        return self.validation.count(max(self.validation, default=0.0)) > 1

    @property
    def fits(self) -> bool:
        """Whether in the last epoch surely more training images are right than by guessing."""
        return surely_above(self.training[-1], self.chance, self.trained_on)

    @property
    def generalizes(self) -> bool:
        """Whether in the last epoch surely more images held out are right than by guessing."""
        return bool(self.validation) and surely_above(
            self.validation[-1], self.chance, self.witnesses
        )

    @property
    def overfits(self) -> bool:
        """Whether more of the images trained on are right than the choice of others explains."""
        if not self.validation or self.training[-1] <= self.validation[-1]:
            return False
        return self.training[-1] > share_interval(self.validation[-1], self.witnesses)[1]

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
    training_losses = epochs.groupby("epoch")["training_loss"].mean()
    runs, dataset = tables.complete_by_experiment[id_], tables.study.dataset
    held_out = max(run["validation_images"] for run in runs)
    return Curve(
        *(() if means[name].isna().any() else curve(name) for name in names),
        loss_turn(losses.to_numpy().tolist()),
        trained_on=max(run["training_images"] for run in runs),
        held_out=held_out,
        witnesses=dataset.validation_witnesses(held_out),
        chance=dataset.chance(),
        improving=bool(training_losses.idxmin() == training_losses.index[-1]),
    )
