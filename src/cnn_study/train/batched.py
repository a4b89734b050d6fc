"""The engine `batched`: one program of JAX trains a group of runs side by side.

On JAX Keras's `train_step` is a pure function of the model's state and a batch. So one step is
compiled for a whole group: an accelerator goes through an epoch in one call, all members at once; a
CPU, on which that takes two to five times as long, is handed one step after the other.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import keras
import numpy as np

from cnn_study.base.cores import cores
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.runs.records import Epoch
from cnn_study.study import architecture
from cnn_study.study.settings import Settings
from cnn_study.train import epoch_images, keras_one
from cnn_study.train.averaging import averages
from cnn_study.train.engine import Built, Group, Progress, Trained
from cnn_study.train.epoch_images import Draws
from cnn_study.train.machine import MATMUL_PRECISION, is_want_of_memory, processor
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Pixels, scoring_batch

State = Any
"""A network in training: trainable, other, optimizer's and metrics' arrays, in Keras's order."""

States = Any
"""Those of several members: as a state, each array with one more axis in front."""


class Data(NamedTuple):
    """What all steps read; arguments of a program, or they would be compiled into it.

    Attributes:
        pixels, labels: of the images trained on.
        weights: (classes,) what the loss of an image is multiplied with; None for nothing.
        mean_colour: (channels,) uint8.
    """

    pixels: jax.Array
    labels: jax.Array
    weights: jax.Array | None
    mean_colour: jax.Array

    @classmethod
    def of(cls, part: tuple[Pixels, np.ndarray], settings: Settings) -> "Data":
        """Put the training images where JAX computes."""
        pixels, labels = np.asarray(part[0]), part[1]
        balanced = settings.class_weight == "balanced"
        return cls(
            jnp.asarray(pixels),
            jnp.asarray(labels.astype("int32")),
            jnp.asarray(keras_one.class_weights(labels)) if balanced else None,
            jnp.asarray(epoch_images.mean_colour(pixels)),
        )


class Program:
    """One step of a network in training, and its answers, as pure functions.

    Attributes:
        batch_size: images in a step.
    """

    def __init__(self, model: keras.Model, settings: Settings) -> None:
        """Take a compiled model, whose own weights are not read."""
        self._model, self._settings = model, settings
        self.batch_size = settings.batch_size
        # Here too: by now the network of another group may have been begun.
        exactly = settings.precision != "tensorfloat32"
        self._multiplied = partial(jax.default_matmul_precision, MATMUL_PRECISION[exactly])

    def step(self, state: State, data: Data, draws: Draws) -> tuple[State, dict[str, jax.Array]]:
        """Train on the images drawn; give the means over the epoch so far, too."""
        images = epoch_images.apply(
            data.pixels[draws.order], draws, self._settings, data.mean_colour, jnp
        )
        labels = data.labels[draws.order]
        targets = labels
        if self._settings.label_smoothing:
            targets = jax.nn.one_hot(labels, self._model.output_shape[-1])
        weights = () if data.weights is None else (data.weights[labels],)
        with self._multiplied():
            logs, state = self._model.train_step(state, (images, targets, *weights))
        return state, logs

    def answer(self, state: State, images: jax.Array) -> jax.Array:
        """Give the probabilities (images, classes)."""
        with self._multiplied():
            answers = self._answer(state, images)
            if self._settings.test_time_flip:
                answers = (answers + self._answer(state, images[:, :, ::-1])) / 2
            return answers

    def _answer(self, state: State, images: jax.Array) -> jax.Array:
        return self._model.stateless_call(state[0], state[1], images, training=False)[0]

    def answering(self, state: State) -> State:
        """Give the state with the weights that answer: their moving averages, where they have some.

        Of several members as of one.
        """
        if not self._settings.weight_averaging:
            return state
        places = {id(variable): at for at, variable in enumerate(self._model.optimizer.variables)}
        averaged = [state[2][places[id(variable)]] for variable in averages(self._model)]
        return (averaged, *state[1:])


class Driver(Protocol):
    """How a device is led through a program. States and draws are of several members."""

    def epoch(self, states: States, data: Data, draws: Draws) -> tuple[States, Any]:
        """Train all for an epoch; give the means over it, each (members,)."""
        ...

    def answer(self, states: States, images: np.ndarray) -> np.ndarray:
        """Give the probabilities (members, images, classes)."""
        ...

    def compiling(
        self, states: States, data: Data, draws: Draws, batches: list[jax.ShapeDtypeStruct]
    ) -> list[Callable[[], None]]:
        """Give what compiles an epoch, and answers to batches, in other threads perhaps.

        That is no part of the time that a training takes.
        """
        ...


class Scanned:
    """An epoch in one call, all members at once: for accelerators."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._all = jax.jit(jax.vmap(self._epoch, in_axes=(0, None, 0)))
        self._answers = jax.jit(jax.vmap(program.answer, in_axes=(0, None)))
        self._compiled: dict[tuple, Any] = {}

    def epoch(self, states: States, data: Data, draws: Draws) -> tuple[States, Any]:
        """Train all for an epoch; give the means over it, each (members,)."""
        return self._compiled.get((_count(states),), self._all)(states, data, draws)

    def compiling(
        self, states: States, data: Data, draws: Draws, batches: list[jax.ShapeDtypeStruct]
    ) -> list[Callable[[], None]]:
        """Trace the programs of an epoch and of answers, and give what compiles each."""
        count = _count(states)
        traced = {(count,): self._all.lower(states, data, draws)} | {
            (count, *images.shape): self._answers.lower(states, images) for images in batches
        }

        def compile_it(key: tuple) -> None:
            self._compiled[key] = traced[key].compile()

        return [partial(compile_it, key) for key in traced]

    def answer(self, states: States, images: np.ndarray) -> np.ndarray:
        """Give the probabilities (members, images, classes)."""
        answers = self._compiled.get((_count(states), *images.shape), self._answers)
        return np.asarray(answers(states, images))

    def _epoch(self, state: State, data: Data, draws: Draws) -> tuple[State, dict[str, jax.Array]]:
        size, count = self._program.batch_size, len(draws.order)
        whole = count // size * size
        state, logs = _begun(state), {}

        def step(state: State, drawn: Draws) -> tuple[State, dict[str, jax.Array]]:
            return self._program.step(state, data, drawn)

        if whole:
            stacked = jax.tree.map(
                lambda drawn: drawn.reshape(-1, size, *drawn.shape[1:]), draws.of(slice(whole))
            )
            state, each = jax.lax.scan(step, state, stacked)
            logs = jax.tree.map(lambda values: values[-1], each)
        if whole < count:  # a batch of fewer images
            state, logs = step(state, draws.of(slice(whole, None)))
        return state, logs


class Looped:
    """One step after the other, one member after the other: for CPUs."""

    def __init__(self, program: Program) -> None:
        self._size = program.batch_size
        self._step, self._answer = jax.jit(program.step), jax.jit(program.answer)
        self._compiled: dict[int, Any] = {}

    def epoch(self, states: States, data: Data, draws: Draws) -> tuple[States, Any]:
        """Train all for an epoch; give the means over it, each (members,)."""
        ended = [
            self._epoch(_taken(states, place), data, _taken(draws, place))
            for place in range(_count(states))
        ]
        return _stacked(ended)

    def _epoch(self, state: State, data: Data, draws: Draws) -> tuple[State, Any]:
        state, logs = _begun(state), {}
        for start in range(0, len(draws.order), self._size):
            drawn = draws.of(slice(start, start + self._size))
            step = self._compiled.get(len(drawn.order), self._step)
            state, logs = step(state, data, drawn)
        return state, logs

    def compiling(
        self, states: States, data: Data, draws: Draws, batches: list[jax.ShapeDtypeStruct]
    ) -> list[Callable[[], None]]:
        """Give what compiles a step of a whole batch, and that of what is left behind the last."""
        state, drawn = _begun(_taken(states, 0)), _taken(draws, 0)
        count = len(drawn.order)

        def compile_it() -> None:
            for size in _sizes(count, self._size):
                step = self._step.lower(state, data, drawn.of(slice(size)))
                self._compiled[size] = step.compile()

        return [compile_it]

    def answer(self, states: States, images: np.ndarray) -> np.ndarray:
        """Give the probabilities (members, images, classes)."""
        members = range(_count(states))
        return np.stack([self._answer(_taken(states, place), images) for place in members])


def _begun(state: State) -> State:
    """Begin an epoch: the means over it start at 0, as `reset_state` of Keras's metrics has it."""
    return (*state[:3], jax.tree.map(jnp.zeros_like, state[3]))


def _stacked(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *trees)


def _taken(tree: Any, some: int | slice) -> Any:
    """Take members of a tree of arrays; of one the arrays lose their first axis."""
    return jax.tree.map(lambda array: array[some], tree)


def _sizes(count: int, batch: int) -> set[int]:
    """Give the sizes of the batches into which so many images are divided."""
    return {min(batch, count), count % batch} - {0}


def _count(states: States) -> int:
    return len(jax.tree.leaves(states)[0])


MakeDriver = Callable[[Program], Driver]


def driver_of(program: Program) -> Driver:
    """Take the driver that is the faster one on the device at hand."""
    return Looped(program) if jax.default_backend() == "cpu" else Scanned(program)


class Training:
    """A group in training."""

    def __init__(
        self,
        group: Group,
        built: Built,
        make_driver: MakeDriver = driver_of,
        put: dict[tuple, Data] | None = None,
    ) -> None:
        """Draw the first weights of all members; compiles nothing.

        Args:
            built: told of each network before it learns.
            make_driver: gives the driver of a program.
            put: images that were put where JAX computes, of other groups too.
        """
        self.group = group
        models = [self._start(member.settings, member.seed, built) for member in group.members]
        self.states = _stacked([_state_of(model) for model in models])
        self.model, self.settings = models[0], group.members[0].settings
        put, images = {} if put is None else put, (id(group.parts), self.settings.class_weight)
        if images not in put:
            put[images] = Data.of(group.parts.training, self.settings)
        self.data = put[images]
        self.program = Program(self.model, self.settings)
        self.driver = make_driver(self.program)
        self.ready: list[Future[None]] = []

    def compile_in(self, threads: Executor) -> None:
        """Have its programs compiled in threads; `fit` waits for them."""
        self.ready = [threads.submit(compile_it) for compile_it in self._compiling()]

    def _compiling(self) -> list[Callable[[], None]]:
        draws = self._draws(list(range(len(self.group.members))), 1)
        parts = self.group.parts
        batches = dict.fromkeys(
            (size, *pixels.shape[1:])
            for pixels in (parts.validation[0], parts.test[0])
            for size in _sizes(len(pixels), scoring_batch(pixels.shape[1:]))
        )
        images = [jax.ShapeDtypeStruct(shape, np.uint8) for shape in batches]
        return self.driver.compiling(self.states, self.data, draws, images)

    def _start(self, settings: Settings, seed: int, built: Built) -> keras.Model:
        group = self.group
        model = keras_one.start(settings, group.parts, group.classes, seed)
        built(model)
        model.optimizer.build(model.trainable_variables)
        targets = group.parts.training[1][:2].astype("int32")
        if settings.label_smoothing:
            targets = np.eye(group.classes, dtype="float32")[targets]
        # Makes the variables of the metrics, as `fit` does before its first step.
        model._symbolic_build(data_batch=(group.parts.training[0][:2], targets))
        return model

    def fit(self) -> Iterator[Progress]:
        """Train all members to their ends."""
        # What fails here for want of memory fails again, where the group is halved.
        for compiled in self.ready:
            compiled.exception()
        if not self.ready:
            try:
                for compile_it in self._compiling():
                    compile_it()
            except Exception as error:
                if not is_want_of_memory(error):
                    raise
        members = list(range(len(self.group.members)))
        return self._learn(self.states, members, set(members), 1)

    def _learn(
        self, states: States, members: list[int], alive: set[int], first: int
    ) -> Iterator[Progress]:
        """Train some members from an epoch on; where memory is short, one half after the other.

        Args:
            alive: those of whom more is to be given. Others, whose loss is no longer finite, are
                computed on, since their places cannot be taken out of a program.
        """
        alive = alive.intersection(members)
        for number in range(first, self.settings.epochs + 1):
            if not alive:
                return
            epochs = None
            try:
                states, epochs = self._epoch(states, members, alive, number)
            except Exception as error:  # which holds, as long as it is there, what took the memory
                if len(members) == 1 or not is_want_of_memory(error):
                    raise
            if epochs is None:
                half = len(members) // 2
                for some in (slice(half), slice(half, None)):
                    yield from self._learn(_taken(states, some), members[some], alive, number)
                return
            yield from epochs.items()
            last = number == self.settings.epochs
            ended = {at for at, epoch in epochs.items() if last or epoch.training_loss is None}
            yield from self._trained(states, members, ended)
            alive -= ended

    def _epoch(
        self, states: States, members: list[int], alive: set[int], number: int
    ) -> tuple[States, dict[int, Epoch]]:
        """Train members for an epoch, each with its share of the time, and score those alive."""
        clock, epochs = Stopwatch(), {}
        with clock:
            states, logs = self.driver.epoch(states, self.data, self._draws(members, number))
            losses, accuracies = (np.asarray(logs[name]) for name in ("loss", "accuracy"))
        parts = self.group.parts
        held_out = self._answers(states, parts.validation[0])
        watched = [member for member in alive if self.group.members[member].settings.watch_test]
        answers = self._answers(states, parts.test[0]) if watched else None
        for place, member in enumerate(members):
            if member not in alive:
                continue
            self.group.members[member].seconds.add(clock, len(members))
            scores = keras_one.scores("validation", held_out[place], parts.validation[1])
            if answers is not None and member in watched:
                scores |= keras_one.scores("watched_test", answers[place], parts.test[1])
            epochs[member] = keras_one.epoch_of(
                number,
                float(losses[place]),
                float(accuracies[place]),
                clock.last / len(members),
                scores,
            )
        return states, epochs

    def _trained(
        self, states: States, members: list[int], ended: set[int]
    ) -> Iterator[tuple[int, Trained]]:
        """Give the networks of members that have come to their end."""
        tested = cache(partial(self._answers, states, self.group.parts.test[0]))
        for place, member in enumerate(members):
            if member in ended:
                network = partial(self._network, states, place)
                yield member, Trained(network, lambda place=place: tested()[place])

    def _draws(self, members: list[int], number: int) -> Draws:
        pixels, labels = self.group.parts.training
        seeds = [self.group.members[member].seed for member in members]
        drawn = [
            epoch_images.draw(len(labels), pixels.shape[1:3], self.settings, seed, number)
            for seed in seeds
        ]
        return jax.tree.map(lambda *arrays: np.stack(arrays), *drawn)

    def _answers(self, states: States, pixels: Pixels) -> np.ndarray:
        """Let all members answer, batch by batch: (members, images, classes)."""
        size, states = scoring_batch(pixels.shape[1:]), self.program.answering(states)
        answers = [
            np.asarray(self.driver.answer(states, pixels[start : start + size]))
            for start in range(0, len(pixels), size)
        ]
        nothing = np.empty((_count(states), 0, self.group.classes), "float32")
        return np.concatenate([nothing, *answers], axis=1)

    def _network(self, states: States, place: int) -> keras.Model:
        """Give the group's one model the weights of a member."""
        trained = _taken(self.program.answering(states), place)
        model = self.model
        for variables, arrays in zip(
            (model.trainable_variables, model.non_trainable_variables), trained, strict=False
        ):
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array)
        return model


def _state_of(model: keras.Model) -> State:
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return tuple([jnp.asarray(variable.value) for variable in some] for some in variables)


def keep_programs(folder: Path) -> None:
    """Let compiled programs be kept in a folder, by versions, processor and device.

    JAX tells programs apart by versions and device, too; but not the processors of machines that
    share a folder, of which one may lack the instructions of another.
    """
    kind = jax.devices()[0].device_kind
    here = {"jax": jax.__version__, "device": kind, "processor": processor()}
    jax.config.update("jax_compilation_cache_dir", str(folder / hash_meaning(here)))
    # What draws first weights are many programs of a moment each.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


_PREPARED: dict[tuple, Training] = {}
"""Groups whose programs are compiled, or being compiled, by their members."""


def prepare(groups: Iterable[Group], make_driver: MakeDriver | None = None) -> None:
    """Have the programs of groups compiled side by side, in as many threads as there are cores.

    Args:
        make_driver: as `Training` takes it; None for the device's, which on a CPU is not worth it.
    """
    if make_driver is None and jax.default_backend() == "cpu":
        return
    threads, put, groups = ThreadPoolExecutor(cores()), dict[tuple, Data](), list(groups)
    _draw_once(groups, threads)
    for group in groups:
        training = Training(group, lambda model: None, make_driver or driver_of, put)
        training.compile_in(threads)
        _PREPARED[_key(group)] = training
    threads.shutdown(wait=False)


def _draw_once(groups: list[Group], threads: Executor) -> None:
    """Draw weights of every shape once, side by side: of each a program is compiled for a second.

    Networks are begun one after the other, since Keras draws their seeds from Python's generator.
    """
    drawn = {
        (member.settings.initializer, shape)
        for group in groups
        for member in group.members
        for shape in architecture.kernels(
            member.settings, group.parts.training[0].shape[1:], group.classes
        )
    }
    list(threads.map(lambda each: keras.initializers.get(each[0])(each[1]), drawn))


def _key(group: Group) -> tuple:
    return tuple((member.settings.model_dump_json(), member.seed) for member in group.members)


def fit(group: Group, built: Built) -> Iterator[Progress]:
    """Train all members of a group side by side; what was prepared of it is made use of."""
    training = _PREPARED.pop(_key(group), None)
    if training is None:
        return Training(group, built).fit()
    training.group = group
    built(training.model)
    return training.fit()
