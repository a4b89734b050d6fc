"""Training throughput of the base CNN: our trainer on every core, against a plain `model.fit`.

    python benchmarks/throughput.py [--data data/cifar10.npz] [--images 45000] [--rounds 3]

Plain: one process, images scaled to [0, 1] as in most tutorials, `fit(x, y, epochs, batch_size=32)`
with everything at default, all cores. Ours: one process a core, one thread each, as the workflow
runs them. The two take turns; the first epoch of each, in which the backend compiles, is not
counted.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

PLAIN = """
import json, sys, time
import numpy as np
with np.load(sys.argv[1]) as arrays:
    x = arrays["training_images"][: int(sys.argv[2])] / 255.0
    y = arrays["training_labels"][: int(sys.argv[2])]
import keras
layers = keras.layers
model = keras.Sequential([
    keras.Input((32, 32, 3)),
    layers.Conv2D(4, 7, padding="same", activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(8, 7, padding="same", activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(16, 7, padding="same", activation="relu"), layers.Flatten(),
    layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None): self.start = time.perf_counter()
    def on_epoch_end(self, epoch, logs=None): times.append(time.perf_counter() - self.start)
times = []
model.fit(x, y, epochs=3, batch_size=32, verbose=0, callbacks=[Clock()])
print(json.dumps(times[1:]))
"""

OURS = """
import json, sys
from pathlib import Path
from dataclasses import replace
from cnn_study.data.arrays import load_prepared
from cnn_study.data.catalog import DATASETS
from cnn_study.study.merge import load
from cnn_study.train import machine
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import take_parts
machine.one_thread()
images = load_prepared(DATASETS["cifar10"], Path(sys.argv[1]))
with machine.own_core():
    machine.import_keras()
    from cnn_study.train import keras_one
    base = load(Path("experiments/cifar10.yaml")).experiments["base"].settings
    settings = base.model_copy(update={"epochs": 3, "validation_fraction": 0.0})
    parts = take_parts(images, settings)
    pixels, labels = (array[: int(sys.argv[2])] for array in parts.training)
    parts = replace(parts, training=(pixels, labels))
    model = keras_one.start(settings, parts, 10, 1)
    learned = keras_one.learn(model, settings, parts, 1, Stopwatch())
    times = [epoch.training_seconds for epoch in learned]
print(json.dumps(times[1:]))
"""


def main() -> None:
    """Measure in turns and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/cifar10.npz"))
    parser.add_argument("--images", type=int, default=45_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    plain, ours = [], []
    for _ in range(options.rounds):
        plain.append(_images_a_second(PLAIN, 1, options))
        ours.append(_images_a_second(OURS, cores, options))
    print(f"| round | plain fit, images/s | ours on {cores} cores, images/s | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    for number, (slow, fast) in enumerate(zip(plain, ours, strict=True), start=1):
        print(f"| {number} | {slow:.0f} | {fast:.0f} | {fast / slow:.2f} |")
    ratios = [fast / slow for slow, fast in zip(plain, ours, strict=True)]
    print(f"| median | {median(plain):.0f} | {median(ours):.0f} | {median(ratios):.2f} |")


def _images_a_second(code: str, processes: int, options: argparse.Namespace) -> float:
    command = [sys.executable, "-c", code, str(options.data), str(options.images)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(processes)
    ]
    total = 0.0
    for process in started:
        times = json.loads(process.communicate()[0])
        total += options.images * len(times) / sum(times)
    time.sleep(1)
    return total


if __name__ == "__main__":
    main()
