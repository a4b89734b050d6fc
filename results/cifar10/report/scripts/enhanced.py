"""Trains a network on CIFAR-10: enhanced.

    python enhanced.py cifar-10-python.tar.gz  # or without, to download the images
    python enhanced.py --epochs 1 --save weights.npz  # stop early; keep the weights

Needs keras, tensorflow and numpy. Written by cnn-study from the layers and the settings
of the run filters-16-32-64-kernel-size-3/seed-1:
the same images in the same order, and the same first weights.
With Keras 3.15.1 on tensorflow 2.21.0,
on the same model of processor, the losses are the same too, bit for bit.
"""

import argparse
import hashlib
import math
import os
import pickle
import tarfile

os.environ["KERAS_BACKEND"] = "tensorflow"
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")  # one thread, so that each time gives the same weights

import keras
import numpy as np
import tensorflow
from keras import layers

SEED = 1
EPOCHS = 10
BATCH_SIZE = 32
VALIDATION_FRACTION = 0.1
BATCHES = {  # the MD5 of each file, as published
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


def load_images(archive=None):
    """Give training images, their classes, test images and theirs; all uint8."""
    if archive is None:
        (images, labels), (test_images, test_labels) = keras.datasets.cifar10.load_data()
        return images, labels[:, 0], test_images, test_labels[:, 0]
    if not tarfile.is_tarfile(archive):
        raise SystemExit(f"{archive} is no archive; give cifar-10-python.tar.gz")
    batches = {}
    with tarfile.open(archive) as members:
        for member in members:
            name = member.name.split("/")[-1]
            content = members.extractfile(member).read() if name in BATCHES else b""
            if content and hashlib.md5(content).hexdigest() == BATCHES[name]:
                batch = pickle.loads(content, encoding="bytes")
                rows = batch[b"data"].reshape(-1, 3, 32, 32)  # red, green and blue apart
                labels = np.array(batch[b"labels"], dtype="uint8")
                batches[name] = rows.transpose(0, 2, 3, 1), labels
    if missing := [name for name in BATCHES if name not in batches]:
        raise SystemExit(f"{archive} lacks, as published: {', '.join(missing)}")
    parts = [batches[f"data_batch_{number}"] for number in range(1, 6)]
    images, labels = (np.concatenate(part) for part in zip(*parts))
    return images, labels, *batches["test_batch"]


def stratified_order(labels):
    """Order images so that the first ones of any number hold all classes in their shares."""
    random = np.random.default_rng(0)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[random.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, place))


def split(images, labels):
    """Divide the training images into those trained on and those held out for validation."""
    order = stratified_order(labels)
    held_out = round(len(order) * VALIDATION_FRACTION)
    training, validation = np.sort(order[held_out:]), np.sort(order[:held_out])
    return (images[training], labels[training]), (images[validation], labels[validation])


def epoch_images(images, labels, epoch):
    """Shuffle the images, in each epoch in its own way."""
    order = np.random.default_rng([SEED, epoch, 0]).permutation(len(images))
    return images[order], labels[order]


def build_model():
    """Build the network: 286,442 parameters, 3,064,448 MACs for an image."""
    model = keras.Sequential([
        keras.Input(shape=(32, 32, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    return model


def train(model, training, validation, last_epoch=EPOCHS):
    """Train epoch by epoch; give the mean training loss of each."""
    images, labels = training
    steps = math.ceil(len(images) / BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=min(32, steps),  # quicker, and otherwise the same
    )
    losses = []
    for epoch in range(1, last_epoch + 1):
        images, labels = epoch_images(*training, epoch)
        fitted = model.fit(
            images, labels, batch_size=BATCH_SIZE, shuffle=False, verbose=0
        )
        history = fitted.history
        losses.append(history["loss"][0])
        print(
            f"epoch {epoch}: training loss {losses[-1]:.4f}, "
            f"training accuracy {history['accuracy'][0]:.2%}, "
            f"validation accuracy {accuracy(model, *validation):.2%}",
            flush=True,
        )
    return losses


def accuracy(model, images, labels):
    """Give the share of images that the network classifies correctly; NaN without images."""
    if not len(images):
        return math.nan
    probabilities = model.predict(images, batch_size=500, verbose=0)
    return (probabilities.argmax(axis=1) == labels).mean()


def main(given=None):
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archive", nargs="?", help="cifar-10-python.tar.gz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"stop after so many ({EPOCHS})")
    parser.add_argument("--save", help="a file for the weights, .npz")
    options = parser.parse_args(given)
    images, labels, test_images, test_labels = load_images(options.archive)
    training, validation = split(images, labels)
    # Float32 with all its bits, on GPUs too.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    keras.utils.set_random_seed(SEED)
    model = build_model()
    losses = train(model, training, validation, options.epochs)
    print(f"test accuracy {accuracy(model, test_images, test_labels):.2%}")
    if options.save:
        np.savez(options.save, **{weight.path: np.asarray(weight) for weight in model.weights})
    return losses


if __name__ == "__main__":
    main()
