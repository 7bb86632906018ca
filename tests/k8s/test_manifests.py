"""What no schema sees: that the manifests fit each other, the image and the program."""

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from chaterload import __version__
from chaterload.chater.settings import Settings, is_secret, variable
from chaterload.exits import Exit
from chaterload.web import login

from .conftest import (
    EXAMPLES,
    OVERLAYS,
    ROOT,
    Document,
    Pod,
    command_line,
    documents,
    instructions,
    of_kind,
    operator_command_lines,
    options_of,
    pods,
    variables,
)

every_source = pytest.mark.parametrize("source", [*OVERLAYS, *EXAMPLES])
every_overlay = pytest.mark.parametrize("source", OVERLAYS)

LOGIN = {login.USERNAME, login.PASSWORD}
OWN_CODES = {Exit.NEVER_STARTED, Exit.MISSED, Exit.INVALID}


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a label selector (matchLabels, and matchExpressions with In) selects `labels`."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        expression["operator"] == "In" and labels.get(expression["key"]) in expression["values"]
        for expression in selector.get("matchExpressions", ())
    )


def runs_locust(pod: Pod) -> bool:
    return "command" not in pod.container


def settings_file() -> dict[str, str]:
    """Every variable of settings.env, commented out or not, with its value."""
    text = (ROOT / "k8s/base/settings.env").read_text()
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))


def parts(source: str) -> Iterator[tuple[str, dict[str, str], list[Document], list[Document], dict[str, Any]]]:
    """Of each process that runs Locust: its part, given, volumes, mounts and options."""
    for pod in filter(runs_locust, pods(source)):
        given = {env["name"]: env.get("value", "") for env in pod.container.get("env", ())}
        mounts = pod.container.get("volumeMounts", [])
        yield pod.component, given, pod.spec.get("volumes", []), mounts, options_of(command_line(pod))
    for test in of_kind(source, "LocustTest"):
        given = {env["name"]: env.get("value", "") for env in test["spec"]["env"]["variables"]}
        for part, line in zip(("master", "worker"), operator_command_lines(), strict=True):
            mounts = [mount for mount in test["spec"]["volumeMounts"] if mount["target"] in (part, "both")]
            yield part, given, test["spec"]["volumes"], mounts, options_of(line)


def optional_files(source: str) -> set[tuple[str, str]]:
    """The ConfigMaps and Secrets that are mounted when they are there: kind of volume, and name."""
    return {
        (kind, volume[kind]["name" if kind == "configMap" else "secretName"])
        for _, _, volumes, _, _ in parts(source)
        for volume in volumes
        for kind in ("configMap", "secret")
        if kind in volume
    }


@every_source
def test_selectors_match_labels(source: str) -> None:
    """Every selector of a Deployment, a spread or a disruption budget selects pods that are there."""
    labels = [pod.labels for pod in pods(source)]
    for pod in pods(source):
        own = pod.workload["spec"].get("selector") if pod.workload["kind"] == "Deployment" else None
        spreads = [spread["labelSelector"] for spread in pod.spec.get("topologySpreadConstraints", ())]
        for selector in [*([own] if own else []), *spreads]:
            assert selects(selector, pod.labels), pod.name
            assert sum(selects(selector, other) for other in labels) == 1, pod.name
    for budget in of_kind(source, "PodDisruptionBudget"):
        assert sum(selects(budget["spec"]["selector"], other) for other in labels) == 1


@every_source
def test_services_reach_container_ports(source: str) -> None:
    """Every Service selects one workload, and each of its ports is a port of that one's container."""
    for service in of_kind(source, "Service"):
        (pod,) = [p for p in pods(source) if selects({"matchLabels": service["spec"]["selector"]}, p.labels)]
        ports: list[Document] = pod.container["ports"]
        names = {port["name"]: port["containerPort"] for port in ports if "name" in port}
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            assert names.get(target, target) in {p["containerPort"] for p in ports}
            assert names.get(target, target) == port["port"]


@every_source
def test_references_exist(source: str) -> None:
    """Every ConfigMap, Secret key, claim, account, scaled workload and master's name that is referred to exists."""
    rendered = documents("base" if source == "results" else source)
    known = {(document["kind"], document["metadata"]["name"]) for document in rendered}
    secret = yaml.safe_load((ROOT / "k8s/base/secret.example.yaml").read_text())
    keys = {(secret["metadata"]["name"], key) for key in secret["stringData"]}
    for pod in pods(source):
        spec, container = pod.spec, pod.container
        wanted = [("ConfigMap", given["configMapRef"]["name"]) for given in container.get("envFrom", ())]
        for volume in spec.get("volumes", ()):
            if "persistentVolumeClaim" in volume:
                wanted.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        if "serviceAccountName" in spec:
            wanted.append(("ServiceAccount", spec["serviceAccountName"]))
        for env in container.get("env", ()):
            reference = env.get("valueFrom", {}).get("secretKeyRef")
            assert reference is None or (reference["name"], reference["key"]) in keys
        master = re.search(r"--master-host[ =](\S+)", " ".join(container.get("args", ())))
        if master:
            wanted.append(("Service", master.group(1)))
        assert set(wanted) <= known, pod.name
        volumes = {volume["name"] for volume in spec.get("volumes", ())}
        assert {mount["name"] for mount in container.get("volumeMounts", ())} == volumes
    page = (ROOT / "k8s/README.md").read_text()
    for kind, name in optional_files(source):
        assert f"create {'configmap' if kind == 'configMap' else 'secret generic'} {name} --from-file=" in page
    for scaler in of_kind(source, "HorizontalPodAutoscaler"):
        scaled = scaler["spec"]["scaleTargetRef"]
        (pod,) = [p for p in pods(source) if (p.workload["kind"], p.name) == (scaled["kind"], scaled["name"])]
        assert pod.workload["spec"]["replicas"] == scaler["spec"]["minReplicas"]


@every_source
def test_command_lines_parse(source: str) -> None:
    """Each container's args, after the image's ENTRYPOINT, are a command line that Locust's parser takes whole."""
    for pod in filter(runs_locust, pods(source)):
        options = options_of(command_line(pod))
        assert bool(options["worker"]) == ("worker" in pod.name)
        assert bool(options["master"]) == ("master" in pod.name)
        if pod.workload["kind"] == "Job" and not options["worker"]:
            assert options["headless"]
            assert options["run_time"] == 300


def test_documented_job() -> None:
    """The Job is the documented one: 50 users, 5 more each second, for 5 minutes, without the web UI."""
    (job,) = pods("job")
    options = options_of(command_line(job))
    assert (options["num_users"], options["spawn_rate"], options["run_time"]) == (50, 5, 300)
    assert options["headless"]


@every_source
def test_texts_are_texts(source: str) -> None:
    """Nothing that has to be a text is one of YAML's numbers or booleans."""
    for document in documents(source):
        metadata = document["metadata"]
        texts = [metadata["name"], *metadata.get("labels", {}).values(), *document.get("data", {}).values()]
        assert all(isinstance(text, str) for text in texts), document
    for pod in pods(source):
        values = [env["value"] for env in pod.container.get("env", ()) if "value" in env]
        texts = [*pod.labels.values(), *pod.container.get("args", ()), *values]
        assert all(isinstance(text, str) for text in texts), pod.name


@every_source
def test_variables_are_known(source: str) -> None:
    """Every variable that is set is a setting or an option, or is used by an argument."""
    known = {variable(name, field) for name, field in Settings.model_fields.items()} | variables()
    known |= LOGIN
    for pod in pods(source):
        for env in pod.container.get("env", ()):
            assert env["name"] in known or f"$({env['name']})" in " ".join(pod.container["args"])
    for given in of_kind(source, "ConfigMap"):
        assert given["data"].keys() <= known


@every_overlay
def test_secrets_come_from_secrets(source: str) -> None:
    """No secret setting has its value in a manifest."""
    secret = {variable(name, field) for name, field in Settings.model_fields.items() if is_secret(field)}
    for pod in pods(source):
        assert not [env for env in pod.container.get("env", ()) if env["name"] in secret and "value" in env]
    for test in of_kind(source, "LocustTest"):
        given = {env["name"]: env for env in test["spec"]["env"]["variables"] if env["name"] in secret}
        assert (
            given["TEST_USER_TOKEN"]["valueFrom"]["secretKeyRef"].items()
            >= {
                "name": "load-test-secrets",
                "key": "jwt-token",
            }.items()
        )
        assert not [env for env in given.values() if "value" in env]


@every_source
def test_token_is_where_requests_are_made(source: str) -> None:
    """Workers and single runs get the token from the Secret, masters do not."""
    for pod in pods(source):
        if runs_locust(pod):
            names = {env["name"] for env in pod.container.get("env", ())}
            assert ("TEST_USER_TOKEN" in names) == ("master" not in pod.name)


@pytest.mark.parametrize("source", ["job", "distributed", "distributed-job", "operator"])
def test_own_objectives_and_accounts(source: str) -> None:
    """Objectives are mounted where a run is judged, and accounts where requests are sent, when they are there."""
    for part, given, volumes, mounts, options in parts(source):
        where = {mount["name"]: mount["mountPath"] for mount in mounts}
        objectives = options["objectives"] or given.get("TEST_OBJECTIVES")
        assert where.get("objectives") == (objectives if part in ("single", "master") else None)
        assert ("objectives" in where) == (part in ("single", "master"))
        assert given.get("TEST_ACCOUNTS_FILE") == where.get("accounts")
        assert "accounts" in where or part == "master"
        held = {volume["name"]: volume for volume in volumes}
        for name in {"objectives", "accounts"} & where.keys():
            (source_of,) = (held[name][kind] for kind in ("configMap", "secret") if kind in held[name])
            assert source_of["optional"] is True
    assert optional_files(source) == {("configMap", "load-test-objectives"), ("secret", "load-test-accounts")}


@pytest.mark.parametrize("source", ["job", "distributed", "distributed-job", "operator"])
def test_results_are_kept_with_their_history(source: str) -> None:
    """Whoever judges keeps each run's folder, and the index of all, on the volume that outlives the pods."""
    for part, _, volumes, mounts, options in parts(source):
        claims = {volume["name"]: volume.get("persistentVolumeClaim", {}).get("claimName") for volume in volumes}
        kept = [mount["mountPath"] for mount in mounts if claims[mount["name"]] == "load-test-results"]
        assert kept == ([options["results"]] if part != "worker" else [])


@every_overlay
def test_exit_codes_are_ours(source: str) -> None:
    """A Job fails for good on just the exit codes that say so, its only container's, and forgives disruptions first."""
    for job in of_kind(source, "Job"):
        rules = job["spec"]["podFailurePolicy"]["rules"]
        (codes,) = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]
        assert set(codes["values"]) == OWN_CODES
        assert codes["operator"] == "In"
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert codes["containerName"] == container["name"]
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
        if job["spec"]["backoffLimit"]:
            assert rules[0]["action"] == "Ignore"
            assert rules[0]["onPodConditions"][0]["type"] == "DisruptionTarget"


@every_overlay
def test_deadlines_let_the_run_end(source: str) -> None:
    """A Job's deadline is longer than its waits and its load, and its grace than the end of its users."""
    jobs = [pod for pod in pods(source) if pod.workload["kind"] == "Job"]
    every = [options_of(command_line(job)) for job in jobs]
    longest = max(((options["run_time"] or 0) + options["expect_workers_max_wait"] for options in every), default=0)
    for job in jobs:
        assert job.workload["spec"]["activeDeadlineSeconds"] > longest + 120
        assert job.workload["spec"]["ttlSecondsAfterFinished"] >= 3600
        assert job.spec["terminationGracePeriodSeconds"] >= 30


def test_master_expects_its_workers() -> None:
    """The headless master waits for as many workers as their Job starts, and not for ever."""
    by_component = {pod.component: pod for pod in pods("distributed-job")}
    options = options_of(command_line(by_component["master"]))
    workers = by_component["worker"].workload["spec"]
    assert options["expect_workers"] == workers["parallelism"] == workers["completions"]
    assert options["expect_workers_max_wait"] > 0
    assert options["enable_rebalancing"]


def test_the_web_ui_listens_where_it_says() -> None:
    """A master with the web UI says that it listens beyond loopback, and has a login when the Secret has one."""
    (master,) = [pod for pod in pods("distributed") if pod.component == "master"]
    assert options_of(command_line(master))["web_host"] == "*"
    secret = [env["valueFrom"]["secretKeyRef"] for env in master.container["env"] if env["name"] in LOGIN]
    assert [reference["optional"] for reference in secret] == [True, True]
    assert "LOCUST_WEB_HOST=*" in instructions()["ENV"]


def test_web_ui_is_probed() -> None:
    """The master that has the web UI is probed on its port, and given longer to be alive than to be ready."""
    (master,) = [pod for pod in pods("distributed") if pod.component == "master"]
    ports = {port["name"]: port["containerPort"] for port in master.container["ports"]}
    ready, alive = (master.container[f"{kind}Probe"] for kind in ("readiness", "liveness"))
    assert {ports[probe["httpGet"]["port"]] for probe in (ready, alive)} == {8089}
    assert alive["periodSeconds"] * alive["failureThreshold"] >= 60 > ready["periodSeconds"]


@every_overlay
def test_pods_are_confined(source: str) -> None:
    """Every pod of ours has requests, limits, no token of Kubernetes', no links, no root, no way to get more."""
    for pod in pods(source):
        spec, container = pod.spec, pod.container
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() == {"cpu", "memory"}
        user = f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"
        assert user == instructions()["USER"]


@every_overlay
def test_labels_are_the_recommended_ones(source: str) -> None:
    """Everything carries the labels by which Kubernetes' tools group things."""
    for document in documents(source):
        assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "chater-load-test"
    for pod in pods(source):
        assert pod.labels["app.kubernetes.io/name"] == "chater-load-test"
        assert pod.component in {"single", "master", "worker", "results"}


@every_overlay
def test_image_is_this_version(source: str) -> None:
    """The images entry names this version, and reaches every container and the operator's resource."""
    images = [pod.container["image"] for pod in pods(source)]
    images += [test["spec"]["image"] for test in of_kind(source, "LocustTest")]
    assert images
    assert set(images) == {f"chater-load-test:{__version__}"}


@every_source
def test_services_set_no_variable_of_locusts(source: str) -> None:
    """No Service has a name out of which Kubernetes would make a variable that Locust or we read."""
    names = [service["metadata"]["name"] for service in of_kind(source, "Service")]
    for test in of_kind(source, "LocustTest"):
        names += [f"{test['metadata']['name']}-{part}" for part in ("master", "webui")]
    read = variables() | {variable(name, field) for name, field in Settings.model_fields.items()}
    for name in names:
        stem = name.upper().replace("-", "_")
        made = {f"{stem}_{end}" for end in ("HOST", "PORT", "SERVICE_HOST", "SERVICE_PORT")}
        assert not made & read


@every_overlay
def test_network_policies_cover_each_pod(source: str) -> None:
    """Each pod that runs Locust is shut in, and let out to DNS and, by its part, the target or the master."""
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("base", "NetworkPolicy")}
    parts = {"single": {"load-test", "load-test-target"}, "master": {"load-test", "load-test-master"}}
    parts["worker"] = {"load-test", "load-test-target", "load-test-worker"}
    ours = [(pod.component, pod.labels) for pod in pods(source) if runs_locust(pod)]
    for test in of_kind(source, "LocustTest"):
        ours += [(part, test["spec"][part]["labels"]) for part in ("master", "worker")]
    for component, labels in ours:
        assert {n for n, p in policies.items() if selects(p["podSelector"], labels)} == parts[component]


def test_network_policies_name_the_target_and_the_workers() -> None:
    """Out to the namespace and port of the target as configured; into the master's port 5557 from workers alone."""
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("base", "NetworkPolicy")}
    host = urllib.parse.urlsplit(settings_file()["TARGET_HOST"])
    (out,) = policies["load-test-target"]["egress"]
    (peer,) = out["to"]
    assert host.hostname is not None
    assert peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == host.hostname.split(".")[1]
    assert [port["port"] for port in out["ports"]] == [host.port]
    web, workers = policies["load-test-master"]["ingress"]
    assert [port["port"] for port in web["ports"]] == [8089]
    (scraper,) = web["from"]
    assert scraper == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert [port["port"] for port in workers["ports"]] == [5557]
    assert [selects(peer["podSelector"], pod.labels) for peer in workers["from"] for pod in pods("distributed")] == [
        pod.component == "worker" for pod in pods("distributed")
    ]
    assert "ingress" not in policies["load-test"]
    assert "Ingress" in policies["load-test"]["policyTypes"]


def test_the_operators_resource() -> None:
    """Its commands parse, start and end by themselves, and its pods are as shut in as ours."""
    (test,) = of_kind("operator", "LocustTest")
    spec = test["spec"]
    assert test["apiVersion"] == "locust.io/v2"
    assert not spec["master"]["autostart"]
    assert not spec["master"]["autoquit"]["enabled"]
    master, worker = map(options_of, operator_command_lines())
    assert master["headless"]
    assert master["expect_workers"] == spec["worker"]["replicas"]
    assert worker["worker"]
    assert {options["locustfile"] for options in (master, worker)} == {"/app/locustfile.py"}
    assert master["user_classes"] == worker["user_classes"] == []
    (settings,) = of_kind("operator", "ConfigMap")
    assert spec["env"]["configMapRefs"] == [{"name": settings["metadata"]["name"]}]
    ours = next(pod for pod in pods("distributed-job") if runs_locust(pod))
    assert spec["security"]["podSecurityContext"] == ours.spec["securityContext"]
    assert spec["security"]["containerSecurityContext"] == ours.container["securityContext"]


def test_image_is_what_the_manifests_expect() -> None:
    """ENTRYPOINT is locust with the locustfile, CMD what replaces no more than --headless, and the rest agrees."""
    assert instructions()["ENTRYPOINT"] == '["locust", "-f", "/app/locustfile.py"]'
    assert instructions()["CMD"] == '["--headless"]'
    ports = {port["containerPort"] for pod in pods("distributed") for port in pod.container.get("ports", ())}
    assert {int(port) for port in instructions()["EXPOSE"].split()} == ports
    assert f'image.version="{__version__}"' in instructions()["LABEL"]
    mounts = [m["mountPath"] for pod in pods("distributed") for m in pod.container["volumeMounts"]]
    assert instructions()["WORKDIR"] in mounts


@pytest.mark.parametrize("source", ["distributed", "distributed-job"])
def test_master_and_workers_share_a_key(source: str) -> None:
    """Each has the key of the cluster when the Secret holds one, and runs without."""
    for pod in pods(source):
        (key,) = [env["valueFrom"]["secretKeyRef"] for env in pod.container["env"] if env["name"] == "TEST_CLUSTER_KEY"]
        assert key == {"name": "load-test-secrets", "key": "cluster-key", "optional": True}
