"""keras-tuner's part: it proposes trials, and hands them to workers.

A search is a function of its block and of the scores: its trials are the same however many
workers train them, and however often it was stopped and begun again. So keras-tuner's own files
are never read; what is trained already is found by its record.
"""

import json
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import grpc

with warnings.catch_warnings():
    # Keras 3.15 and protobuf 7 deprecate what keras-tuner 1.4.8 imports.
    warnings.simplefilter("ignore", DeprecationWarning)
    import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.distribute.oracle_client import OracleClient
from keras_tuner.src.engine.conditions import Parent
from keras_tuner.src.engine.hyperparameters.hp_types import Choice, Float, Int
from sklearn.exceptions import ConvergenceWarning

from cnn_study.base.errors import UserError
from cnn_study.search import calls
from cnn_study.study.search_space import Budget, Model, Parameter, Search

OBJECTIVE = "validation_score"
DRAWS = 2_000
"""Draws of a model that fits and is new, before the space counts as exhausted."""

CANDIDATES = 1_000
"""Models drawn, of which the one that the Gaussian process likes best among those that fit."""

NO_LIMIT = 2**31
PAUSE_SECONDS = 0.05
"""What a worker waits before it asks for a trial; asked too early, the chief says so."""


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

    An oracle proposes in an order that hangs on nothing but scores. Where it would hang on which
    trial ends first, it waits.
    """

    def __init__(self, search: Search, budget: Budget, **options: Any) -> None:
        self.search, self.budget = search, budget
        self._stopped = False
        self.ended: Callable[[int, float | None], None] = lambda number, score: None
        self.check: Callable[[int, dict[str, Any], int, float | None], None] = lambda *claim: None
        self.refusal: UserError | None = None
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

    @property
    def running(self) -> list[Trial]:
        """Trials that a worker has and has not ended."""
        return [trial for trial in self.trials.values() if trial.status == TrialStatus.RUNNING]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next trial, or say that there is none, or none yet."""
        if self._stopped:
            return {"status": TrialStatus.STOPPED}
        if len(self.trials) >= self.budget.trials:
            # Told to stop only when nothing runs: the last one then closes the search.
            return {"status": TrialStatus.IDLE if self.running else TrialStatus.STOPPED}
        return self._next(trial_id)

    def end_trial(self, trial: Trial) -> None:
        """End a trial, and tell its number and its score, None if it has none, to `ended`.

        What the worker claims is checked before anything is made of it: by number, values, epochs
        and score. A claim that `check` refuses is not used, and no more trials are proposed.
        """
        own = self.trials[trial.trial_id]
        trial.hyperparameters = own.hyperparameters  # what was proposed, whatever was tried
        number, values = list(self.trials).index(trial.trial_id) + 1, own.hyperparameters.values
        try:
            self.check(
                number, decoded(self.search, values), epochs_of(self.search, values),
                _claimed(own, trial.status),
            )  # fmt: skip
        except UserError as error:
            self.refusal, trial.status = error, TrialStatus.FAILED
            self.stop()
        super().end_trial(trial)
        if self.refusal is None:
            self.ended(number, own.score)

    def stop(self) -> None:
        """Propose no more trials."""
        self._stopped = True

    def _next(self, trial_id: str) -> dict[str, Any]:
        return super().populate_space(trial_id)

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


def _claimed(trial: Trial, status: str) -> float | None:
    """Give the score that a worker has said of a trial; None where it says that there is none."""
    if status != TrialStatus.COMPLETED or not trial.metrics.exists(OBJECTIVE):
        return None
    return float(trial.metrics.get_best_value(OBJECTIVE))


class Random(Oracle, keras_tuner.oracles.RandomSearchOracle):
    """Draws each trial; scores change nothing."""

    def __init__(self, search: Search, budget: Budget) -> None:
        # How many trials there are, `populate_space` knows; keras-tuner's own default is ten.
        super().__init__(search, budget, max_trials=None)


class Bayesian(Oracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Proposes by a Gaussian process, `together` trials at a time."""

    def __init__(self, search: Search, budget: Budget) -> None:
        first = search.drawn(budget)
        super().__init__(search, budget, num_initial_points=first, max_trials=None)

    def _next(self, trial_id: str) -> dict[str, Any]:
        number = len(self.trials)
        begun = number % self.search.together
        if not begun and self.running:
            return {"status": TrialStatus.IDLE}
        with self._as_if_running(list(self.trials.values())[number - begun :]):
            return self._proposed(trial_id)

    @contextmanager
    def _as_if_running(self, same: list[Trial]) -> Generator[None]:
        """Hide what trials proposed together with the next one gave, if they have ended."""
        ended = {trial.trial_id: trial.status for trial in same}
        ongoing = self.ongoing_trials
        self.ongoing_trials = {trial.trial_id: trial for trial in same}
        for trial in same:
            trial.status = TrialStatus.RUNNING
        try:
            yield
        finally:
            self.ongoing_trials = ongoing
            for trial in same:
                trial.status = ended[trial.trial_id]

    def _proposed(self, trial_id: str) -> dict[str, Any]:
        with warnings.catch_warnings():
            # Few scores can make the process see no pattern at all; it then proposes widely.
            warnings.simplefilter("ignore", ConvergenceWarning)
            proposal = super()._next(trial_id)
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

    def _next(self, trial_id: str) -> dict[str, Any]:
        return {"status": TrialStatus.IDLE} if self._must_wait() else super()._next(trial_id)

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


JOINED = "joined-"
"""How the names of workers begin that no chief has started."""


class Servicer(OracleServicer):
    """Answers for an oracle, and for another one when it is given that.

    Who joined is never told to stop: there may be another budget. The chief's own workers are.
    """

    def CreateTrial(self, request: Any, context: Any) -> Any:
        """Give a worker the next trial."""
        response = super().CreateTrial(request, context)
        status = protos.get_proto().TrialStatus
        if request.tuner_id.startswith(JOINED) and response.trial.status == status.STOPPED:
            response.trial.status = status.IDLE
        return response


def serve(server: grpc.Server, oracle: Oracle) -> Servicer:
    """Begin to answer for an oracle."""
    servicer = Servicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    server.start()
    return servicer


def epochs_of(search: Search, values: dict[str, Any]) -> int:
    """Give the epochs of a proposed trial: hyperband gives fewer to most."""
    return int(values.get("tuner/epochs", search.epochs))


Fatal = keras_tuner.errors.FatalError


class Failed(Exception):
    """A trial that has no score: a run of it diverged or had not enough memory."""


class Tuner(BaseTuner):
    """A worker: asks for trials, has them trained, and tells their mean score.

    Args:
        train: trains the model of some values for some epochs; gives the mean validation
            accuracy of its seeds, or raises Failed.
    """

    def __init__(
        self, search: Search, folder: str, train: Callable[[dict[str, Any], int], float]
    ) -> None:
        self.asked, self.train = search, train
        # Of any budget: the chief's own is asked, and takes its place.
        own = oracle(search, search.budgets[0])
        super().__init__(own, directory=folder, project_name="search")
        if isinstance(self.oracle, OracleClient):
            calls.mark(self.oracle.stub, search.fingerprint)

    def pre_create_trial(self) -> None:
        """Wait a little, so that waiting for others costs no processor."""
        time.sleep(PAUSE_SECONDS)

    def run_trial(self, trial: Trial) -> dict[str, float]:
        """Train a trial. What is no outcome of a training ends the search."""
        values = trial.hyperparameters.values
        try:
            score = self.train(decoded(self.asked, values), epochs_of(self.asked, values))
        except Failed as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from None
        except Exception as error:
            raise Fatal(str(error)) from error
        return {OBJECTIVE: score}
