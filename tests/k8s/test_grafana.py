"""The dashboard, and what lets Prometheus find the master."""

import json

from .conftest import OVERLAYS, documents, pods


def test_the_dashboard_is_where_grafana_looks() -> None:
    """One ConfigMap with the label that Grafana's sidecar looks for, in the namespace that kubectl is told."""
    (document,) = documents("grafana")
    assert document["kind"] == "ConfigMap"
    assert document["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert "namespace" not in document["metadata"]
    (text,) = document["data"].values()
    assert json.loads(text)["title"] == "Chater load test"


def test_panels_do_not_overlap() -> None:
    """Each panel has its own number and its own place on the grid of 24 columns, and asks the chosen data source."""
    (document,) = documents("grafana")
    (text,) = document["data"].values()
    board = json.loads(text)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert {x for x, _ in taken} == set(range(24))
    (variable,) = board["templating"]["list"]
    assert {panel["datasource"]["uid"] for panel in panels} == {f"${{{variable['name']}}}"}


def test_prometheus_finds_the_web_ui() -> None:
    """The master that has the web UI says where its metrics are, and nobody else does."""
    for source in OVERLAYS:
        for pod in pods(source):
            template = pod.workload["spec"].get("template", pod.workload)["metadata"]
            found = {k: v for k, v in template.get("annotations", {}).items() if k.startswith("prometheus.io/")}
            if (source, pod.component) != ("distributed", "master"):
                assert found == {}, (source, pod.name)
                continue
            (web,) = [port["containerPort"] for port in pod.container["ports"] if port["name"] == "web"]
            where = {"prometheus.io/port": str(web), "prometheus.io/path": "/metrics"}
            assert found == {"prometheus.io/scrape": "true", **where}
