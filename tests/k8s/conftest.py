"""The manifests, as Kubernetes gets them, and what Locust's parser says of a command line."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("job", "distributed", "distributed-job", "operator", "results")
EXAMPLES = ("examples/job.yaml", "examples/distributed.yaml")

Document = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """What a workload makes: the labels and the spec of its pods."""

    workload: Document
    labels: dict[str, str]
    spec: Document

    @property
    def name(self) -> str:
        name: str = self.workload["metadata"]["name"]
        return name

    @property
    def component(self) -> str:
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def container(self) -> Document:
        """The only one."""
        (container,) = self.spec["containers"]
        found: Document = container
        return found


@functools.cache
def documents(source: str) -> list[Document]:
    """All that an overlay renders to, or that an example's file holds."""
    if source in EXAMPLES:
        text = (Path(__file__).parent / source).read_text()
    else:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            pytest.skip("kubectl, which renders the manifests, is not installed")
        render = [kubectl, "kustomize", str(ROOT / "k8s" / source)]
        text = subprocess.run(render, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(text))


def of_kind(source: str, kind: str) -> list[Document]:
    """The documents of one kind."""
    return [document for document in documents(source) if document["kind"] == kind]


def pods(source: str) -> Iterator[Pod]:
    """The pods of a source's workloads."""
    for document in documents(source):
        if document["kind"] == "Pod":
            yield Pod(document, document["metadata"]["labels"], document["spec"])
        elif document["kind"] in ("Deployment", "Job"):
            template = document["spec"]["template"]
            yield Pod(document, template.get("metadata", {}).get("labels", {}), template["spec"])


@functools.cache
def instructions() -> dict[str, str]:
    """The last of each of the Dockerfile's instructions, with its continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {word: rest for word, _, rest in (line.partition(" ") for line in lines)}


def command_line(pod: Pod) -> list[str]:
    """What follows `locust` when the pod's container runs: ENTRYPOINT, then args in the place of CMD."""
    entrypoint, command = (json.loads(instructions()[word]) for word in ("ENTRYPOINT", "CMD"))
    return [*entrypoint[1:], *pod.container.get("args", command)]


def operator_command_lines() -> list[list[str]]:
    """What the operator makes of its resource's commands, for the master and for the workers: args of the image."""
    entrypoint, lines = json.loads(instructions()["ENTRYPOINT"])[1:], []
    for test in of_kind("operator", "LocustTest"):
        master, worker = test["spec"]["master"], test["spec"]["worker"]
        host, port = f"{test['metadata']['name']}-master", "--master-port=5557"
        added = ["--master", port, f"--expect-workers={worker['replicas']}", "--enable-rebalancing", "--only-summary"]
        joined = ["--worker", port, f"--master-host={host}"]
        lines += [
            [*entrypoint, *master["command"].split(), *added, *master["extraArgs"]],
            [*entrypoint, *worker["command"].split(), *joined, *worker.get("extraArgs", [])],
        ]
    return lines


_PARSE = """
import json, sys
import locust
import chaterload.wiring
from locust.argument_parser import get_parser

parser = get_parser(default_config_files=[])
options = [vars(parser.parse_args(arguments)) for arguments in json.load(sys.stdin)]
json.dump({"options": options, "variables": [a.env_var for a in parser._actions if a.env_var]}, sys.stdout, default=str)
"""


@functools.cache
def _parsed() -> tuple[dict[tuple[str, ...], dict[str, Any]], frozenset[str]]:
    """The options of every command line, all in one process, for Locust takes a second to import."""
    every = [command_line(pod) for source in (*OVERLAYS, *EXAMPLES) for pod in pods(source)] + operator_command_lines()
    env = {key: value for key, value in os.environ.items() if not key.startswith(("TEST_", "LOCUST_"))}
    run = subprocess.run(
        [sys.executable, "-c", _PARSE],
        input=json.dumps(every),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,  # where no .env is
        env={**env, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    return dict(zip(map(tuple, every), answer["options"], strict=True)), frozenset(answer["variables"])


def options_of(command_line: list[str]) -> dict[str, Any]:
    """What Locust's own parser, with our options, makes of a command line."""
    return _parsed()[0][tuple(command_line)]


def variables() -> frozenset[str]:
    """The variables that this parser reads."""
    return _parsed()[1]
