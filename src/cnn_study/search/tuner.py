"""keras-tuner's part: it proposes trials, and is told their scores.

A search is a function of its block and of the scores: its trials are the same however many
workers train them, whichever ends first, and however often it was stopped and begun again. So
keras-tuner's own files are never written; what is trained already is found by its record.
"""

import json
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

with warnings.catch_warnings():
    # Keras 3.15 and protobuf 7 deprecate what keras-tuner 1.4.8 imports.
    warnings.simplefilter("ignore", DeprecationWarning)
    import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine.conditions import Parent
from keras_tuner.src.engine.hyperparameters.hp_types import Choice, Float, Int
from sklearn.exceptions import ConvergenceWarning

from cnn_study.study.search_space import Budget, Model, Parameter, Search

OBJECTIVE = "validation_score"
DRAWS = 2_000
"""Draws of a model that fits and is new, before the space counts as exhausted."""

CANDIDATES = 1_000
"""Models drawn, of which the one that the Gaussian process likes best among those that fit."""

NO_LIMIT = 2**31


def hyperparameters(search: Search) -> keras_tuner.HyperParameters:
    """Write the space in keras-tuner's words; a list of values becomes a choice of texts."""
    space = keras_tuner.HyperParameters()
    conditions: dict[str, list[Parent]] = {}
    for parameter in search.space:
        # keras-tuner's own `conditional_scope` takes no parent that has other conditions itself.
        above = [Parent(name, [encoded(value) for value in values])
                 for name, values in parameter.when]  # fmt: skip
        inherited = [parent for name, _ in parameter.when for parent in conditions[name]]
        conditions[parameter.name] = [*inherited, *above]
        space.merge([_declared(parameter, conditions[parameter.name])])
    return space


def _declared(parameter: Parameter, conditions: list[Parent]) -> Choice | Float | Int:
    if parameter.values:
        values = [encoded(value) for value in parameter.values]
        return Choice(parameter.name, values, ordered=False, conditions=conditions)
    kind = Int if parameter.is_whole else Float
    step = parameter.step or (1 if parameter.is_whole and parameter.scale == "linear" else None)
    return kind(
        parameter.name, parameter.low, parameter.high, step=step, sampling=parameter.scale,
        conditions=conditions,
    )  # fmt: skip


def encoded(value: Any) -> str:
    """Write a value of a list as the text that keras-tuner chooses among."""
    return json.dumps(value)


def decoded(search: Search, values: dict[str, Any]) -> dict[str, Any]:
    """Read what keras-tuner chose: active parameters only, numbers written tidily."""
    names = {parameter.name: parameter for parameter in search.space}
    plain = {
        name: json.loads(value) if names[name].values else value
        for name, value in values.items()
        if name in names
    }
    return search.active(plain)


class Oracle(keras_tuner.Oracle):
    """What every oracle here does in its own way: no trial twice, none that costs too much.

    It proposes all trials that hang on no score that is still to come, and is then told all of
    their scores. So nothing hangs on which trial ends first.
    """

    def __init__(self, search: Search, budget: Budget, **options: Any) -> None:
        self.search, self.budget = search, budget
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            hyperparameters=hyperparameters(search),
            allow_new_entries=False,
            seed=search.seed,
            max_consecutive_failed_trials=NO_LIMIT,
            **options,
        )
        self.verbose = 0
        self._max_collisions = DRAWS  # keras-tuner's 20 would leave out models of a small space

    def propose(self) -> list[tuple[dict[str, Any], int]]:
        """Give values and epochs of the next trials; none where the search is over."""
        with _without_deprecations():
            while len(self.trials) < self.budget.trials:
                if self.create_trial(str(len(self.trials))).status != TrialStatus.RUNNING:
                    break
        proposed = [trial.hyperparameters.values for trial in self.running]
        return [
            (decoded(self.search, values), epochs_of(self.search, values)) for values in proposed
        ]

    def tell(self, scores: Sequence[float | None], curves: Sequence[Sequence[float]] = ()) -> None:
        """Take the scores of what was proposed, in that order; None for a trial without one.

        Args:
            curves: keras-tuner has no use for them.
        """
        with _without_deprecations():
            for trial, score in zip(self.running, scores, strict=True):
                trial.status = TrialStatus.FAILED
                if score is not None:
                    self.update_trial(trial.trial_id, {OBJECTIVE: score})
                    trial.status = TrialStatus.COMPLETED
                self.end_trial(trial)

    @property
    def running(self) -> list[Trial]:
        """Trials that are proposed and have no score yet."""
        return [trial for trial in self.trials.values() if trial.status == TrialStatus.RUNNING]

    def save(self) -> None:
        """Write nothing: a search goes on from its records."""

    def _save_trial(self, trial: Trial) -> None:
        """Write nothing."""

    def model(self, values: dict[str, Any]) -> Model | None:
        """Give the model of proposed values if it is within the budget."""
        return self.search.fits(decoded(self.search, values), self.budget)

    def _is_new(self, model: Model) -> bool:
        return all(
            model.values != decoded(self.search, trial.hyperparameters.values)
            for trial in self.trials.values()
        )

    def _is_good(self, values: dict[str, Any]) -> bool:
        model = self.model(values)
        return model is not None and self._is_new(model)

    def _random_values(self) -> dict[str, Any] | None:
        for _ in range(DRAWS):
            values = super()._random_values()
            if values is None:
                return None
            if self._is_good(values):
                return values
        return None


@contextmanager
def _without_deprecations() -> Generator[None]:
    with warnings.catch_warnings():
        # Of Python's threading, at each of keras-tuner's calls: deprecated names.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class Random(Oracle, keras_tuner.oracles.RandomSearchOracle):
    """Draws each trial; scores change nothing."""

    def __init__(self, search: Search, budget: Budget) -> None:
        # How many trials there are, `propose` knows; keras-tuner's own default is ten.
        super().__init__(search, budget, max_trials=None)


class Bayesian(Oracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Proposes by a Gaussian process, `together` trials at a time."""

    def __init__(self, search: Search, budget: Budget) -> None:
        first = search.drawn(budget)
        super().__init__(search, budget, num_initial_points=first, max_trials=None)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next trial, or none yet where those before it have no scores."""
        if not len(self.trials) % self.search.together and self.running:
            return {"status": TrialStatus.IDLE}
        with warnings.catch_warnings():
            # Few scores can make the process see no pattern at all; it then proposes widely.
            warnings.simplefilter("ignore", ConvergenceWarning)
            proposal = super().populate_space(trial_id)
        if proposal["status"] != TrialStatus.RUNNING or self._is_good(proposal["values"]):
            return proposal
        drawn = [values for values in self._drawn() if self._is_good(values)]
        if not drawn:
            return self._random_populate_space()
        mean, deviation = self.gpr.predict([self._vector(values) for values in drawn], True)
        best = int((mean - self.beta * deviation).argmin())  # scores are negated
        return {"status": TrialStatus.RUNNING, "values": drawn[best]}

    def _drawn(self) -> list[dict[str, Any]]:
        """Draw models to choose from where the best by the Gaussian process costs too much."""
        size = len(self.hyperparameters.space)
        return [
            self._vector_to_values(self._random_state.uniform(size=size)) for _ in range(CANDIDATES)
        ]

    def _vector(self, values: dict[str, Any]) -> list[float]:
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._nonfixed_space()]


class Hyperband(Oracle, keras_tuner.oracles.HyperbandOracle):
    """Trains many for few epochs and fewer for more; each begins anew, with its own schedule."""

    def __init__(self, search: Search, budget: Budget) -> None:
        super().__init__(search, budget, max_epochs=search.epochs)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next trial, or none yet where a round waits for the one before it."""
        if self._must_wait():
            return {"status": TrialStatus.IDLE}
        return super().populate_space(trial_id)

    def _must_wait(self) -> bool:
        """Tell whether a round is to be filled whose candidates still run."""
        running = {trial.trial_id for trial in self.running}
        for bracket in self._brackets:
            number, rounds = bracket["bracket_num"], bracket["rounds"]
            for round_, before in enumerate([None, *rounds[:-1]]):
                if len(rounds[round_]) < self._get_size(number, round_):
                    return before is not None and any(info["id"] in running for info in before)
        return False


def oracle(search: Search, budget: Budget) -> Oracle:
    """Make the oracle that a search asks for."""
    kinds = {"random": Random, "bayesian": Bayesian, "hyperband": Hyperband}
    return kinds[search.algorithm](search, budget)


def epochs_of(search: Search, values: dict[str, Any]) -> int:
    """Give the epochs of a proposed trial: hyperband gives fewer to most."""
    return int(values.get("tuner/epochs", search.epochs))
