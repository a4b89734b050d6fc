"""Final accuracy of our trainer against plain Keras code with the same settings, over seeds.

    python benchmarks/agreement.py [--seeds 10]

Both train the base of `experiments/digits.yaml`. The plain code shuffles by itself, so the two
see other orders of images and their scores differ run by run; their means should not differ
beyond chance (Welch's t test).
"""

import argparse
import tempfile
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from scipy import stats

from cnn_study.data import arrays
from cnn_study.data.catalog import DATASETS
from cnn_study.study.merge import load
from cnn_study.study.settings import Settings
from cnn_study.train import machine
from cnn_study.train.parts import Parts, take_parts


def main() -> None:
    """Train both ways and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    machine.one_thread()
    from cnn_study.train import training

    chosen = load(Path("experiments/digits.yaml"))
    base = chosen.experiments["base"]
    ours, plain = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        arrays.prepare(DATASETS["digits"], path)
        images = arrays.load_prepared(DATASETS["digits"], path)
        parts = take_parts(images, base.settings)
        for seed in range(1, options.seeds + 1):
            record = training.train(base, seed, chosen.dataset, images, Path(folder))
            ours.append(record.tested.accuracy)
            plain.append(_plain(parts, base.settings, seed))
    print("| trainer | seeds | mean test accuracy, % | standard deviation |")
    print("| --- | ---: | ---: | ---: |")
    for name, scores in (("ours", ours), ("plain Keras", plain)):
        print(f"| {name} | {len(scores)} | {100 * mean(scores):.2f} | {100 * stdev(scores):.2f} |")
    difference = 100 * (mean(ours) - mean(plain))
    p = stats.ttest_ind(ours, plain, equal_var=False).pvalue
    print(f"\ndifference {difference:+.2f} percentage points, p = {p:.2f} (Welch)")


def _plain(parts: Parts, settings: Settings, seed: int) -> float:
    import keras

    keras.utils.set_random_seed(seed)
    layers, first, second = keras.layers, *settings.filters
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(first, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(second, 3, padding="same", activation="relu"), layers.Flatten(),
        layers.Dense(settings.dense_units, activation="relu"), layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(seed)
    pixels, labels = np.asarray(parts.training[0]) / 255.0, parts.training[1]
    for _ in range(settings.epochs):
        order = random.permutation(len(labels))
        model.fit(pixels[order], labels[order], batch_size=settings.batch_size, verbose=0)
    accuracy = model.evaluate(np.asarray(parts.test[0]) / 255.0, parts.test[1], verbose=0)[1]
    keras.backend.clear_session()
    return float(accuracy)


if __name__ == "__main__":
    main()
