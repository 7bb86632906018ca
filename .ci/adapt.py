"""Fits a manifest, from stdin to stdout, to one machine that plays it: python adapt.py FOLDER TOKEN.

Arguments, variables and confinement stay. What changes: the Secret is made, five minutes are twenty seconds, users are
ten and do not sign in, and what podman does not do is done for it: the names of Services, out of FOLDER/hosts, as
many pods as a workload has, and optional volumes, out of folders in FOLDER.
"""

import copy
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

WORKERS = 2
"""As many as there are cores."""


def adapt(document: dict[str, Any], folder: str) -> Iterator[dict[str, Any]]:
    """What to play in the place of `document`."""
    if document["kind"] not in ("Job", "Deployment"):
        yield document
        return
    workload = document["spec"]
    spec = workload["template"]["spec"]
    (container,) = spec["containers"]
    container.pop("ports", None)  # the network is the machine's: there is nothing to map
    arguments = " ".join(container["args"])
    arguments = re.sub(r"--users \d+", "--users 10", arguments.replace("--run-time 5m", "--run-time 20s"))
    container["args"] = re.sub(r"--expect-workers \d+", f"--expect-workers {WORKERS}", arguments).split()
    for volume in spec.get("volumes", []):
        kind = "configMap" if "configMap" in volume else "secret"
        if volume.get(kind, {}).get("optional"):
            del volume[kind]
            volume["hostPath"] = {"path": f"{folder}/{volume['name']}", "type": "DirectoryOrCreate"}
    hosts = {"name": "hosts", "hostPath": {"path": f"{folder}/hosts", "type": "File"}}
    spec.setdefault("volumes", []).append(hosts)
    container.setdefault("volumeMounts", []).append({"name": "hosts", "mountPath": "/etc/hosts"})
    if "worker" not in document["metadata"]["name"]:
        container["args"] += ["--exclude-tags", "auth"]  # a sign-in needs an ID token, which the target knows
        yield document
        return
    for number in range(WORKERS):
        one = copy.deepcopy(document)
        one["metadata"]["name"] += f"-{number}"
        if "replicas" in workload:
            one["spec"]["replicas"] = 1
        yield one


if __name__ == "__main__":
    folder, token = sys.argv[1:]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "load-test-secrets"}}
    adapted = [made for document in yaml.safe_load_all(sys.stdin) for made in adapt(document, folder)]
    yaml.safe_dump_all([{**secret, "stringData": {"jwt-token": token}}, *adapted], sys.stdout)
