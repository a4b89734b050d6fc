"""The engine `batched` on an accelerator: speed, separate processes beside it, equality, agreement.

    PYTHONPATH=src python benchmarks/gpu.py [--minutes 9] [--data FILE] [--images N] [--only ID ...]
    PYTHONPATH=src python benchmarks/gpu.py --quarter data/cifar10.npz quarter.npz

One call, at most as long as it is told, prints each result when it is there, and says what it had
no time for. It needs JAX, Keras and the study file, no TensorFlow, no network and no dataset: times
are those of random images. On a machine without Keras, five wheels that were carried there do
(`pip download --no-deps keras optree namex pydantic pydantic-core ruamel.yaml annotated-types
typing-inspection` for its Python, then `pip install --no-index --no-deps FOLDER/*.whl`).

1. All runs of `experiments/cifar10.yaml` in groups of one program. Compiled from nothing, in as
   many threads as there are cores ("cold"), and again from the cache that this left ("warm"). Of
   each group one epoch is timed, the second, with its scoring; the whole is compiling and epochs.
2. Separate processes: base and enhanced by `model.fit` as anybody would write it, each in a process
   of its own; what 300 runs would take so, one after the other.
3. Groups of 1, 5 and 20 members of the base.
4. Convolutions of a group, forwards and backwards, in two ways: as they are, which makes grouped
   convolutions of stacked weights, and as products of matrices with patches of the images. The
   engine takes the first; the second is for it if it is much faster here.
5. Equality: the losses of a group against `fit`, run by run, of 200 images.
6. Agreement: runs with their published scores (Welch). With the quarter of CIFAR-10 that
   `--quarter` writes, 45 MB: training-fraction-0-25, by validation scores. With all of it: five
   experiments.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean

import numpy as np

from cnn_study.data.images import Images
from cnn_study.runs.wanted import wanted
from cnn_study.study.architecture import layers
from cnn_study.study.merge import load
from cnn_study.train.engine import Group, Member, program_of
from cnn_study.train.machine import import_keras, processor
from cnn_study.train.parts import Parts, take_parts

PROJECT = Path(__file__).resolve().parents[1]
STUDY = PROJECT / "experiments" / "cifar10.yaml"
PUBLISHED = PROJECT / "results" / "cifar10" / "tables" / "runs.csv"
QUARTER = "training-fraction-0-25"
COMPARED = ("base", "batch-normalization", "dense-dropout", "flip-and-shift")

STOCK = """
import sys, time
import numpy as np, keras
layers = keras.layers
filters, kernel, images = eval(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
x = random.random((images, 32, 32, 3), "float32")
y = random.integers(0, 10, images)
stack = [keras.Input((32, 32, 3))]
for place, count in enumerate(filters):
    stack += [layers.MaxPooling2D()] * (place > 0)
    stack += [layers.Conv2D(count, kernel, padding="same", activation="relu")]
stack += [layers.Flatten(), layers.Dense(64, activation="relu")]
model = keras.Sequential([*stack, layers.Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
for _ in range(2):
    model.fit(x, y, epochs=1, batch_size=32, verbose=0)
    print(time.time(), flush=True)
"""


class Clock:
    """Tells how much of the time that was given is left."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


def main() -> None:
    """Read the command line and measure, or write the quarter."""
    options = _options()
    if options.quarter:
        write_quarter(*options.quarter)
        return
    clock = Clock(options.minutes)
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # two processes share it
    import_keras()
    import jax

    kind = jax.devices()[0].device_kind
    say(f"device: {kind}; JAX {jax.__version__}; {processor()}; {os.cpu_count()} cores")
    study = load(STUDY)
    images = random_images(options.images)
    ids = options.only or study.experiments
    chosen = [run for run in wanted(study) if run.experiment.id in ids]
    with tempfile.TemporaryDirectory() as folder:
        from cnn_study.train import batched

        batched.keep_programs(Path(folder))
        measure(study, chosen, images, clock, options)


def measure(study, chosen: list, images: Images, clock: Clock, options) -> None:
    """Measure one thing after the other, as long as there is time."""
    total = all_runs(chosen, images, clock, options.patient)
    steps: list[tuple[str, float, Callable[[], object]]] = [
        ("separate processes", 60, lambda: stock(options.images, chosen, total)),
        ("sizes of groups", 60, lambda: sizes(study, images)),
        ("convolutions", 30, lambda: convolutions(study)),
        ("equality", 60, lambda: equality(study)),
        ("agreement", 40, lambda: agreement(study, options.data)),
    ]
    for name, least, step in steps:
        if clock.left < least and not options.patient:
            say(f"{name}: left out, {_too_short(clock, least)}")
            continue
        began = time.monotonic()
        step()
        say(f"  ({name}: {time.monotonic() - began:.0f} s, {clock.left:.0f} s left)")


def _too_short(clock: Clock, least: float) -> str:
    return f"{max(0.0, clock.left):.0f} s are left and it takes {least:.0f} (--minutes, --patient)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--patient", action="store_true", help="do everything, however long")
    parser.add_argument("--images", type=int, default=50_000, help="of which a tenth is held out")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these experiments")
    parser.add_argument("--data", type=Path, help="CIFAR-10's arrays, or the quarter of them")
    parser.add_argument("--quarter", type=Path, nargs=2, metavar=("ARRAYS", "OUTPUT"))
    return parser.parse_args()


def random_images(count: int) -> Images:
    """Make images and labels of the size of CIFAR-10's."""
    random = np.random.default_rng(0)

    def some(number: int) -> tuple[np.ndarray, np.ndarray]:
        pixels = random.integers(0, 256, (number, 32, 32, 3), "uint8")
        return pixels, (np.arange(number) % 10).astype("uint8")

    return Images(*some(count), *some(max(count // 5, 10)))


# ----------------------------------------------------------------------------------- all runs


def groups_of(chosen: list, images: Images) -> list[Group]:
    """Put runs together by their programs; images are divided once for each fraction."""
    parts: dict[tuple[float, float], Parts] = {}
    together = []
    by_program: dict[str, list] = {}
    for run in chosen:
        by_program.setdefault(program_of(run.experiment.settings), []).append(run)
    for runs in by_program.values():
        settings = runs[0].experiment.settings
        key = settings.validation_fraction, settings.training_fraction
        parts.setdefault(key, take_parts(images, settings))
        members = tuple(Member(run.experiment.settings, run.seed) for run in runs)
        together.append(Group(members, parts[key], 10))
    return together


def all_runs(chosen: list, images: Images, clock: Clock, patient: bool) -> float | None:
    """Say what all runs take, cold and warm; give the seconds of the cold ones."""
    from cnn_study.train import batched

    together = groups_of(chosen, images)
    say(f"1. {len(chosen)} runs in {len(together)} groups")
    cold = compiled(together, "cold")
    epochs = 0.0
    for number, group in enumerate(together, start=1):
        if clock.left < 60 and not patient:
            left_out = f"groups {number} to {len(together)} left out, so there is no sum"
            say(f"  {left_out}: {_too_short(clock, 60)}")
            return None
        seconds = second_epoch(group)
        settings = group.members[0].settings
        steps = -(-len(group.parts.training[1]) // settings.batch_size)
        epochs += seconds * settings.epochs
        say(
            f"  group {number}: {len(group.members)} runs, {seconds:.2f} s an epoch, "
            f"{1000 * seconds / steps:.3f} ms a step; epochs so far {epochs:.0f} s"
        )
    say(f"  cold: {cold:.0f} + {epochs:.0f} = {(cold + epochs) / 60:.1f} min (goal 8)")
    if patient or clock.left > 1.5 * cold:
        import jax

        jax.clear_caches()
        warm = compiled(groups_of(chosen, images), "warm")
        batched._PREPARED.clear()
        say(f"  warm: {warm:.0f} + {epochs:.0f} = {(warm + epochs) / 60:.1f} min (goal 3)")
    return cold + epochs


def compiled(together: list[Group], how: str) -> float:
    """Have all programs compiled, and say how long it took."""
    from cnn_study.train import batched

    began = time.monotonic()
    batched.prepare(together, batched.Scanned)
    traced = time.monotonic() - began
    for training in batched._PREPARED.values():
        for compiled_ in training.ready:
            compiled_.result()
    seconds = time.monotonic() - began
    said = f"{traced:.0f} s of it beginning networks and tracing"
    say(f"  {how}: the programs of {len(together)} groups in {seconds:.0f} s, {said}")
    return seconds


def second_epoch(group: Group) -> float:
    """Train a group for two epochs, and give the seconds of the second with its scoring."""
    times = [time.monotonic() for _ in epochs_of(group, 2)]
    return times[-1] - times[len(group.members) - 1]


def epochs_of(group: Group, count: int) -> Iterator[tuple[int, object]]:
    """Give so many epochs of each member, and stop."""
    from cnn_study.train import batched

    progress = batched.fit(group, lambda model: None)
    for _ in range(count * len(group.members)):
        yield next(progress)


# ------------------------------------------------------------------------------ what it is beside


def stock(images: int, chosen: list, total: float | None) -> None:
    """Time `fit` in a process of its own, and say how many times longer all runs take so."""
    say("2. separate processes, plain fit")
    starts, epochs = [], []
    for name, filters, kernel in (("base", "4,8,16", 7), ("enhanced", "16,32,64", 3)):
        command = [sys.executable, "-c", STOCK, filters, str(kernel), str(images * 9 // 10)]
        began = time.time()
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        first, second = map(float, printed.split())
        starts.append(first - began - (second - first))
        epochs.append(second - first)
        say(f"  {name}: {starts[-1]:.1f} s to start and compile, {epochs[-1]:.2f} s an epoch")
    number = sum(run.experiment.settings.epochs for run in chosen)
    whole = len(chosen) * mean(starts) + number * mean(epochs)
    say(f"  all {len(chosen)} runs so, each as the mean of these two: {whole / 60:.0f} min")
    if total:
        say(f"  that is {whole / total:.0f} times the time of the groups, cold (goal 50)")


def sizes(study, images: Images) -> None:
    """Time groups of one to twenty members."""
    say("3. sizes of groups, base")
    settings = study.experiments["base"].settings
    parts = take_parts(images, settings)
    for count in (1, 5, 20):
        group = Group(tuple(Member(settings, seed) for seed in range(count)), parts, 10)
        seconds = second_epoch(group)
        speed = count * len(parts.training[1]) / seconds
        say(f"  {count} members: {seconds:.2f} s an epoch, {speed:,.0f} images a second")


def plainly(images, kernel):
    """Convolve images (batch, height, width, channels); vmapped, JAX groups it by members."""
    from jax import lax

    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=layout)


def by_patches(images, kernel):
    """Do the same by a product of matrices (im2col)."""
    from jax import lax

    height, width, channels, filters = kernel.shape
    layout = ("NHWC", "HWIO", "NHWC")
    patches = lax.conv_general_dilated_patches(
        images, (height, width), (1, 1), "SAME", dimension_numbers=layout
    )
    # A patch has its channels first.
    return patches @ kernel.transpose(2, 0, 1, 3).reshape(height * width * channels, filters)


def convolutions(study, repeats: int = 20) -> None:
    """Time both ways for the convolutions of base and enhanced, and say how far they are apart."""
    import jax

    say("4. convolutions of a group, forwards and backwards, batches of 32")
    if jax.default_backend() == "cpu":
        say("  left out on a processor, where patches take many times as long")
        return
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    for id_ in ("base", study.file.enhanced):
        inside = shape
        for layer in layers(study.experiments[id_].settings, shape, classes):
            if layer.kind == "convolution":
                kernel = (layer.window, layer.window, inside[-1], layer.shape[-1])
                for members in (5, 20):
                    (plain, first), (patched, second) = (
                        _timed(way, (members, 32, *inside), (members, *kernel), repeats)
                        for way in (plainly, by_patches)
                    )
                    apart = max(float(np.abs(a - b).max() / np.abs(a).max())
                                for a, b in zip(first, second, strict=True))  # fmt: skip
                    say(
                        f"  {id_} {layer.name}, {members} members: {1000 * plain:.3f} ms, "
                        f"by patches {1000 * patched:.3f} ms; {apart:.0e} apart"
                    )
            inside = layer.shape


def _timed(way: Callable, images: tuple[int, ...], kernels: tuple[int, ...], repeats: int):
    """Give the seconds of the gradients of a group's convolution, and these."""
    import jax

    random = np.random.default_rng(0)
    given = [random.normal(size=size).astype("float32") for size in (images, kernels)]
    gradients = jax.jit(
        jax.vmap(jax.grad(lambda x, kernel: (way(x, kernel) ** 2).mean(), argnums=(0, 1)))
    )
    given = [jax.device_put(array) for array in given]
    came = jax.block_until_ready(gradients(*given))
    began = time.perf_counter()
    for _ in range(repeats):
        last = gradients(*given)
    jax.block_until_ready(last)
    return (time.perf_counter() - began) / repeats, list(map(np.asarray, came))


def equality(study) -> None:
    """Hold the losses of a group against those of fit."""
    from cnn_study.train import keras_one
    from cnn_study.train.meter import Stopwatch

    say("5. equality, 200 images")
    images = random_images(200)
    for id_ in ("base", "flip-shift-normalization-cosine-epochs-20"):
        settings = study.experiments[id_].settings.model_copy(
            update={"epochs": 2, "validation_fraction": 0.0}
        )
        parts = take_parts(images, settings)
        members = tuple(Member(settings, seed) for seed in (1, 2))
        losses: dict[int, list[float]] = {0: [], 1: []}
        for place, epoch in epochs_of(Group(members, parts, 10), 2):
            losses[place].append(epoch.training_loss)
        model = keras_one.start(settings, parts, 10, 1)
        learned = keras_one.learn(model, settings, parts, 1, Stopwatch())
        apart = max(
            abs(ours - epoch.training_loss) for ours, epoch in zip(losses[0], learned, strict=True)
        )
        say(f"  {id_}: losses {apart:.1e} apart (on a CPU 2.4e-7)")


# --------------------------------------------------------------------------------- agreement


def write_quarter(arrays: Path, output: Path) -> None:
    """Keep the images that training-fraction-0-25 is trained on and those held out."""
    with np.load(arrays) as given:
        names = ("training_images", "training_labels", "test_images", "test_labels")
        images = Images(*(given[name] for name in names))
    parts = take_parts(images, load(STUDY).experiments[QUARTER].settings)
    kept = {
        f"{name}_{what}": np.asarray(values)
        for name, part in (("training", parts.training), ("validation", parts.validation))
        for what, values in zip(("images", "labels"), part, strict=True)
    }
    np.savez_compressed(output, **kept)
    say(f"{output}: {output.stat().st_size / 1e6:.0f} MB")


def agreement(study, data: Path | None) -> None:
    """Train runs whose scores are published, and hold these against them."""
    if data is None:
        say("6. agreement: no --data")
        return
    with np.load(data) as given:
        arrays = dict(given)
    score, ids = "validation_accuracy", (QUARTER,)
    if "test_images" in arrays:
        score, ids = "test_accuracy", (*COMPARED, study.file.enhanced)
    say(f"6. agreement, {score}")
    for id_ in ids:
        settings = study.experiments[id_].settings
        members = tuple(Member(settings, seed) for seed in study.seeds)
        ours = scores_of(Group(members, parts_of(arrays, settings), 10), score)
        say(f"  {id_}: {_compared(ours, published(id_, score))}")


def parts_of(arrays: dict[str, np.ndarray], settings) -> Parts:
    """Divide all images, or take the quarter as it was divided."""
    if "test_images" in arrays:
        names = ("training_images", "training_labels", "test_images", "test_labels")
        return take_parts(Images(*(arrays[name] for name in names)), settings)
    training = arrays["training_images"], arrays["training_labels"]
    held_out = arrays["validation_images"], arrays["validation_labels"]
    return Parts(training, held_out, (held_out[0][:0], held_out[1][:0]))


def scores_of(group: Group, score: str) -> list[float]:
    """Train a group to its end; give its members' accuracies in the last epoch, or the test."""
    from cnn_study.train import batched
    from cnn_study.train.engine import Trained

    last: dict[int, float] = {}
    for place, ended in batched.fit(group, lambda model: None):
        if not isinstance(ended, Trained):
            last[place] = ended.validation_accuracy
        elif score == "test_accuracy":
            answers = ended.tested().argmax(axis=1)
            last[place] = float((answers == group.parts.test[1]).mean())
    return list(last.values())


def published(id_: str, score: str) -> list[float]:
    """Read the published scores of an experiment."""
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        return [float(row[score]) for row in csv.DictReader(file) if row["experiment"] == id_]


def _compared(ours: list[float], theirs: list[float]) -> str:
    from scipy import stats

    welch = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = welch.confidence_interval()
    return (
        f"{100 * mean(ours):.2f} against {100 * mean(theirs):.2f} %, difference "
        f"{100 * low:+.2f} to {100 * high:+.2f} points, p = {welch.pvalue:.2f}"
    )


if __name__ == "__main__":
    main()
