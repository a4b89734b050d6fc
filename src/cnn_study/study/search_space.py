"""A search as it is meant: which models it may try, within which budgets, with which seeds.

Knows neither keras-tuner nor any score. The study's reader makes a `Search` from the block of a
study file; what cannot be searched is refused there, before anything trains.
"""

import contextlib
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.data.catalog import Dataset
from cnn_study.study import architecture
from cnn_study.study.seconds import seconds
from cnn_study.study.settings import (
    TRAINING_VERSION,
    ModelSettings,
    Settings,
    fingerprint,
    passes,
    value_text,
)

SEARCH_VERSION = 1
"""Raised by one when the same block would be searched in another way."""

UNSEEN = ("title", "goal")
"""What a budget has for readers only: no trial depends on it."""

DRAWN = 5_000
"""Models drawn to see whether any fits a budget."""

DIGITS = 4
"""Significant digits of a number from a range: what a person would write."""

SETTLED = 0.05
"""A value so near to the end of a range, as a share of it, counts as its end."""


@dataclass(frozen=True)
class Parameter:
    """One parameter that is varied; either `values` or `low` and `high` are given.

    Attributes:
        when: (name, values) of parameters further up, with which this one is varied.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    scale: str = "linear"
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest number of a range. A list of values has none."""
        if self.low is None or self.high is None:
            raise ValueError(f"{self.name} has a list of values, and no range")
        return self.low, self.high

    @property
    def is_whole(self) -> bool:
        """Whether a range holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def is_active(self, values: dict[str, Any]) -> bool:
        """Tell whether it is varied beside these values of others."""
        return all(name in values and values[name] in allowed for name, allowed in self.when)

    def tidy(self, value: Any) -> Any:
        """Write a number of a range as a person would; a value from a list stays as it is."""
        if self.values:
            return value
        return round(value) if self.is_whole else float(f"{value:.{DIGITS}g}")

    def draw(self, generator: random.Random) -> Any:
        """Draw a value at random."""
        if self.values:
            return generator.choice(self.values)
        low, high = self.ends
        if self.scale == "log":
            drawn = math.exp(generator.uniform(math.log(low), math.log(high)))
            return self.tidy(drawn)
        step = self.step or (1 if self.is_whole else None)
        if step is None:
            return self.tidy(generator.uniform(low, high))
        return self.tidy(low + step * generator.randint(0, self.steps(step)))

    def steps(self, step: float) -> int:
        """Count the steps from low to high."""
        low, high = self.ends
        return math.floor((high - low) / step + 1e-9)

    def place(self, value: Any) -> float | None:
        """Give the place of a number between the smallest, 0, and the largest, 1; else None."""
        if self.values:
            if not all(_is_number(other) for other in self.values):
                return None
            low, high = min(self.values), max(self.values)
        else:
            low, high = self.ends
        if self.scale == "log":
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)

    def place_in_space(self, value: Any) -> float:
        """Give the place of a value between 0 and 1: `place`, or else that in the list."""
        place = self.place(value)
        if place is None:
            place = self.values.index(value) / (len(self.values) - 1)
        return min(max(place, 0.0), 1.0)


@dataclass(frozen=True)
class Budget:
    """What a model may cost; None sets no limit.

    Attributes:
        least: share of the limit on MACs, else on parameters, that it must cost.
        goal: mean test score hoped for, a share.
    """

    id: str
    title: str
    trials: int
    winner_epochs: int
    macs: int | None = None
    parameters: int | None = None
    training_seconds: float | None = None
    least: float = 0.0
    goal: float | None = None

    @property
    def of_use(self) -> tuple[int | None, int | None]:
        """Give the limits on what a model costs in use: on MACs and on parameters."""
        return self.macs, self.parameters

    def allows(self, macs: int, parameters: int) -> bool:
        """Tell whether a model is within these limits; without any, none is."""
        known = [
            cost <= most
            for cost, most in zip((macs, parameters), self.of_use, strict=True)
            if most is not None
        ]
        return bool(known) and all(known)


@dataclass(frozen=True)
class Round:
    """Trials that compare: as many epochs each."""

    epochs: int
    trials: int


def rounds_of(trials: int, epochs: int, rounds: int, factor: int) -> tuple[Round, ...]:
    """Lay out rounds: each has one trial of `factor` of the one before, for so many times longer.

    Args:
        trials: in the first round.
        epochs: of the last round.
    """
    laid = []
    for left in reversed(range(rounds)):
        laid.append(Round(round(epochs / factor**left), trials))
        trials = -(-trials // factor)
    return tuple(laid)


@dataclass(frozen=True)
class Model:
    """One model of the space: what the search varies, and what follows from it."""

    values: dict[str, Any]
    settings: Settings
    fingerprint: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class Search:
    """A checked search.

    Attributes:
        base: every parameter of a trial that is not varied.
        smallest_improvement: of the mean validation score, a share.
        rounds, factor, rising: of successive halving; others have one round.
        metric: of the study, by which it chooses.
    """

    dataset: Dataset
    base: dict[str, Any]
    space: tuple[Parameter, ...]
    budgets: tuple[Budget, ...]
    algorithm: str
    epochs: int
    seeds: tuple[int, ...]
    seed: int
    together: int
    finalists: int
    finalist_seeds: tuple[int, ...]
    winner_seeds: tuple[int, ...]
    smallest_improvement: float
    rounds: int = 1
    factor: int = 3
    rising: float = 0.25
    metric: str = "accuracy"

    def drawn(self, budget: Budget) -> int:
        """Count the trials that Bayesian optimization draws at random before it proposes any.

        As many as there are parameters, at most half.
        """
        return max(2, min(len(self.space), budget.trials // 2))

    @property
    def has_rounds(self) -> bool:
        """Whether trials are trained in rounds, of which only those of one compare."""
        return self.algorithm == "halving"

    def rounds_at(self, budget: Budget) -> tuple[Round, ...]:
        """Lay out the rounds at a budget; hyperband's, which are many, count as one."""
        return rounds_of(budget.trials, self.epochs, self.rounds, self.factor)

    def trials_at(self, budget: Budget) -> int:
        """Count the trials of all rounds at a budget."""
        return sum(each.trials for each in self.rounds_at(budget))

    def drawn_at(self, budget: Budget) -> list[Model]:
        """Draw different models that are within a budget: so many as it has trials, or fewer.

        The same ones whenever it is asked, and others at another price. There are fewer where
        `DRAWN` draws on end find none that is new.
        """
        generator = random.Random(f"{self.seed} {budget.id}")
        models: dict[str, Model] = {}
        misses = 0
        while len(models) < budget.trials and misses < DRAWN:
            model = self.fits(self.draw(generator), budget)
            misses += 1
            if model and model.fingerprint not in models:
                models[model.fingerprint] = model
                misses = 0
        return list(models.values())

    def typical_training_macs(self, budget: Budget) -> int:
        """Give the mean MACs of training with an image, over models that are within a budget."""
        if budget.id not in self._typical:
            macs = [model.macs // passes(model.settings) for model in self.drawn_at(budget)]
            self._typical[budget.id] = round(sum(macs) / len(macs)) if macs else 0
        return self._typical[budget.id]

    @cached_property
    def _typical(self) -> dict[str, int]:
        return {}

    @property
    def fingerprint(self) -> str:
        """Name what the search means; another meaning is another search. 16 hexadecimal digits."""
        meaning = asdict(self)
        meaning["dataset"] = self.dataset.digest
        # What is as in the schema is left out: a new parameter leaves old searches what they are.
        default = Settings().model_dump()
        meaning["base"] = {
            name: value for name, value in self.base.items() if value != default[name]
        }
        if self.metric == "accuracy":
            del meaning["metric"]  # what old searches went by, without a word of it
        if self.algorithm != "bayesian":
            del meaning["together"]
        if not self.has_rounds:
            for name in ("rounds", "factor", "rising"):
                del meaning[name]
        # Under the name that budgets had when the first searches were done.
        meaning["limits"] = [
            {key: value for key, value in budget.items() if key not in UNSEEN}
            for budget in meaning.pop("budgets")
        ]
        meaning["versions"] = [SEARCH_VERSION, TRAINING_VERSION]
        return hash_meaning(meaning)

    def model(self, values: dict[str, Any], epochs: int | None = None) -> Model:
        """Make the model that has these values.

        Args:
            values: of the varied parameters; those that are not active are left out.
            epochs: instead of those of a trial; a warm-up keeps its share of them.

        Raises:
            ValidationError: the values do not go together.
            UserError: the network cannot be built, or no image is left to train on.
        """
        kept = self.active(values)
        given = {**self.base, **kept, "epochs": epochs or self.epochs}
        given["warmup_epochs"] = given["warmup_epochs"] * given["epochs"] / self.epochs
        settings = Settings.model_validate(given)
        fractions = settings.validation_fraction, settings.training_fraction
        if fault := self.dataset.split_fault(*fractions):
            raise UserError(": ".join(fault))
        cost = architecture.cost(settings, self.dataset.image_shape, len(self.dataset.class_names))
        return Model(kept, settings, fingerprint(settings, self.dataset.digest), *cost)

    def own_networks(self) -> list[Settings]:
        """Give settings of each network of the study's own that a trial may have."""
        varied = [each.values for each in self.space if each.name == "model_arguments"]
        base = Settings.model_validate(self.base)
        return [
            base.model_copy(update={"model_arguments": value})
            for values in varied
            for value in values
        ]

    def active(self, values: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is not varied beside the other values, and write numbers tidily."""
        kept: dict[str, Any] = {}
        for parameter in self.space:
            if parameter.name in values and parameter.is_active(kept):
                kept[parameter.name] = parameter.tidy(values[parameter.name])
        return kept

    def fits(self, values: dict[str, Any], budget: Budget) -> Model | None:
        """Give the model of these values, if it can be built and is within the budget."""
        try:
            model = self.model(values)
        except (ValidationError, UserError):
            return None
        return model if self._is_within(model, budget) else None

    def _is_within(self, model: Model, budget: Budget) -> bool:
        costs = (
            (model.macs, budget.macs),
            (model.parameters, budget.parameters),
            (self._seconds(model), budget.training_seconds),
        )
        missing = next((budget.least * most - cost for cost, most in costs if most is not None), 0)
        return missing <= 0 and all(most is None or cost <= most for cost, most in costs)

    def _seconds(self, model: Model) -> float:
        settings = model.settings
        sizes = self.dataset.sizes(settings.validation_fraction, settings.training_fraction)
        return seconds(sizes.training, settings.epochs, model.macs // passes(settings))

    def faults(self) -> list[tuple[tuple[str, ...], str]]:
        """Say what makes the search impossible: (place in the study file, message)."""
        cheapest: Model | None = None
        unmet = {budget.id: budget for budget in self.budgets}
        for values in self._some():
            try:
                model = self.model(values)
            except (ValidationError, UserError):
                continue
            if cheapest is None or model.macs < cheapest.macs:
                cheapest = model
            for budget in list(unmet.values()):
                if self._is_within(model, budget):
                    del unmet[budget.id]
            if not unmet:
                return []
        if cheapest is None:
            return [(("search", "space"), self._no_model())]
        return [
            (("search", "prices", id_), _does_not_fit(budget, cheapest))
            for id_, budget in unmet.items()
        ]

    def _no_model(self) -> str:
        return (
            "no model of the space can be built: the settings never go together. For instance: "
            f"{self._complaint()}"
        )

    def _complaint(self) -> str:
        values = next(self._some())
        try:
            self.model(values)
        except ValidationError as error:
            return error.errors()[0]["msg"].removeprefix("Value error, ")
        except UserError as error:
            return str(error)
        raise AssertionError("the model can be built")

    def _some(self) -> Iterator[dict[str, Any]]:
        """Draw models; then go through all that differ in cost or, of too many, to cheap ones."""
        generator = random.Random(0)
        for _ in range(DRAWN):
            yield self.draw(generator)
        grid = [
            parameter for parameter in self.space if parameter.name in ModelSettings.model_fields
        ]
        if math.prod(len(_grid(parameter)) for parameter in grid) <= DRAWN:
            yield from self._combinations(grid, self.draw(generator))
        else:
            yield {parameter.name: self.base[parameter.name] for parameter in self.space}
            yield from self._cheaper(grid, self.draw(generator))

    def _cheaper(self, grid: list[Parameter], values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Go from a model to cheaper ones, one parameter at a time."""
        least = math.inf
        for parameter in grid * 2:
            for value in _grid(parameter):
                tried = {**values, parameter.name: value}
                yield tried
                with contextlib.suppress(ValidationError, UserError):
                    if (cost := self.model(tried).macs) < least:
                        values, least = tried, cost

    def draw(self, generator: random.Random) -> dict[str, Any]:
        """Draw a value for each active parameter."""
        values: dict[str, Any] = {}
        for parameter in self.space:
            if parameter.is_active(values):
                values[parameter.name] = parameter.draw(generator)
        return values

    def _combinations(
        self, grid: list[Parameter], values: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if not grid:
            yield values
            return
        for value in _grid(grid[0]):
            yield from self._combinations(grid[1:], {**values, grid[0].name: value})

    def edges(self, values: dict[str, Any]) -> list[str]:
        """Name the parameters whose value is the smallest or largest that they may take here.

        Left out are those that could not be smaller or larger anyway, those that are no numbers,
        and lists of two, which are nothing but ends.
        """
        names = []
        for parameter in self.space:
            value = values.get(parameter.name) if len(parameter.values) != 2 else None
            place = None if value is None else parameter.place(value)
            if place is None or SETTLED < place < 1 - SETTLED:
                continue
            if not _is_natural_end(parameter.name, value):
                names.append(parameter.name)
        return names


def _grid(parameter: Parameter) -> tuple[Any, ...]:
    """List the values that may differ in cost; of a range of fractions, which costs nothing, one.

    Such are shares of values set to zero.
    """
    if parameter.values:
        return parameter.values
    low, high = parameter.ends
    if not parameter.is_whole:
        return (low,)
    return tuple(range(int(low), int(high) + 1, int(parameter.step or 1)))


def _does_not_fit(budget: Budget, cheapest: Model) -> str:
    limits = {
        "MACs": budget.macs,
        "parameters": budget.parameters,
        "training seconds": budget.training_seconds,
    }
    least = f" and at least {budget.least:g} of that" if budget.least else ""
    most = " and ".join(f"{value:,} {name}" for name, value in limits.items() if value is not None)
    values = ", ".join(f"{name} {value_text(value)}" for name, value in cheapest.values.items())
    return (
        f"no model of the space fits {most}{least}. The one with the fewest MACs found has "
        f"{cheapest.macs:,} MACs and {cheapest.parameters:,} parameters ({values}). Raise the "
        "limit, or give the space models that fit"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_natural_end(name: str, value: Any) -> bool:
    """Tell whether the study schema allows nothing beyond a value that is an end of the space."""
    schema = Settings.model_json_schema()["properties"][name]
    number = schema.get("oneOf", [schema])[0]
    ends = {number.get(key) for key in ("minimum", "maximum")} - {None}
    return any(math.isclose(value, end) for end in ends)
