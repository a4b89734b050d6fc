"""The example for Kubernetes and the image for it, held against what else says the same."""

import re

import yaml

from cnn_study.data.catalog import DATASETS
from cnn_study.execute import memory
from cnn_study.study.merge import load
from workplace import PROJECT

CLAIM, JOB = yaml.safe_load_all((PROJECT / "examples/kubernetes.yaml").read_text("utf-8"))
POD = JOB["spec"]["template"]["spec"]
README = (PROJECT / "README.md").read_text("utf-8")
DOCKERFILE = (PROJECT / "Dockerfile").read_text("utf-8")


def test_the_pods_share_a_volume_that_many_may_write_to():
    assert CLAIM["spec"]["accessModes"] == ["ReadWriteMany"]
    (volume,), (container,) = POD["volumes"], POD["containers"]
    assert volume["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]
    (mount,) = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    assert mount["mountPath"] == re.search(r"^WORKDIR (\S+)$", DOCKERFILE, re.M)[1]


def test_the_image_is_the_one_that_the_readme_builds():
    (container,) = POD["containers"]
    assert f"`docker build --tag {container['image']} .`" in README
    assert "`kubectl apply --filename examples/kubernetes.yaml`" in README
    assert re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.M)[1] == '["cnn-study"]'
    assert container["args"][0] == "work"


def test_a_pod_has_the_memory_of_a_published_training():
    study = load(PROJECT / "experiments/cifar10.yaml")
    most = max(memory.needed(each, DATASETS["cifar10"]) for each in study.experiments.values())
    (container,) = POD["containers"]
    assert container["resources"]["limits"] == {"memory": "2Gi"}
    assert most * 1.25 < 2 * 2**30


def test_each_pod_ends_as_one_of_those_that_are_wanted():
    """Else the first that finds nothing left would keep Kubernetes from replacing another."""
    assert JOB["spec"]["completions"] == JOB["spec"]["parallelism"]


def test_the_image_is_given_what_setup_carries_and_the_sources():
    setup = (PROJECT / "setup.py").read_text("utf-8")
    carried = re.findall(r'"([\w.-]+)"', re.search(r"^CARRIED = \((.*?)^\)", setup, re.M | re.S)[1])
    lines = (PROJECT / ".dockerignore").read_text("utf-8").splitlines()
    assert len(carried) > 5
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(["src", *carried])
