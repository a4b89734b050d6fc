"""Where a run came from: versions, device, processor, commit."""

import platform
from datetime import datetime
from functools import cache
from importlib.metadata import version

from cnn_study import __version__
from cnn_study.base.checkout import git, refusal
from cnn_study.base.places import PACKAGE
from cnn_study.runs import records
from cnn_study.runs.heartbeat import log
from cnn_study.train.engine import Engine
from cnn_study.train.machine import backend as chosen_backend
from cnn_study.train.machine import gpu_names, gpus, processor


def provenance(
    started: datetime,
    *more_packages: str,
    engine: Engine = "processes",
    trained_together: int = 1,
) -> records.Provenance:
    """Say where a result comes from: versions, backend, machine, commit.

    Args:
        started: when, UTC.
        more_packages: that computed it too, beside Keras, its backend and NumPy.
        engine: what trained it.
        trained_together: runs that it trained side by side.
    """
    import keras

    backend = keras.backend.backend()
    where = _of(started, backend, _device(backend), more_packages)
    return where.model_copy(update={"engine": engine, "trained_together": trained_together})


def provenance_without_training(started: datetime) -> records.Provenance:
    """Say the same of what came to no end, for want of memory perhaps: imports no backend."""
    device = gpu_names()[0] if gpus() else "CPU"
    return _of(started, chosen_backend(), device, ())


def _of(
    started: datetime, backend: str, device: str, more_packages: tuple[str, ...]
) -> records.Provenance:
    packages = ("keras", backend, "numpy", *more_packages)
    recorded, changed = _commit()
    return records.Provenance(
        versions={
            "python": platform.python_version(),
            "cnn-study": __version__,
            **{package: version(package) for package in packages},
        },
        backend=backend,
        device=device,
        processor=processor(),
        system=f"{platform.system()} {platform.machine()}",
        threads=1,
        commit=recorded,
        changed_since_commit=changed,
        started=started.isoformat(timespec="seconds"),
    )


def _commit() -> tuple[str | None, bool | None]:
    """Give the project's commit, and whether the package's files differ from it.

    Installed into an environment that lies in another project's checkout, this file is not in
    that project's repository, whose commit says nothing of it.
    """
    if not git(PACKAGE, "ls-files", "--error-unmatch", __file__):
        _tell_of_refusal()
        return None, None
    head = git(PACKAGE, "rev-parse", "HEAD")
    return head or None, bool(git(PACKAGE, "status", "--porcelain", ".")) if head else None


@cache
def _tell_of_refusal() -> None:
    """Say, once, that git keeps the commit to itself, since the checkout is another user's."""
    if said := refusal(PACKAGE):
        log(f"records say no commit: git says: {said}")


def _device(backend: str) -> str:
    """Name what the backend computes on. Only told, never decided by."""
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind.replace("cpu", "CPU")
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tensorflow.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
