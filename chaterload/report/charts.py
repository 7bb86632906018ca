"""Charts of a run as SVG, self-contained."""

from collections.abc import Callable, Iterable, Sequence
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

from chaterload.judge.curve import Curve
from chaterload.judge.history import Sample
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Objective

MOST_POINTS = 120
"""In a line; a chart is 800 px wide."""

MOST_DOTS = 40
"""Points in a line that get a dot with a tooltip each; more would hide the line, and double the page."""

_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    font_family="system-ui, sans-serif",
    colors=("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"),
)


_DASHED = {"dasharray": "6, 4"}
_OPTIONS = {
    "style": _STYLE,
    "js": [],  # nothing from the network
    "width": 800,
    "height": 320,
    "dots_size": 1.5,
    "legend_at_bottom": True,
    "include_x_axis": True,
    "x_value_formatter": lambda value: f"{value:.0f}",
    "no_data_text": "no data",
    "disable_xml_declaration": True,
}


def thin(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Every n-th sample, so many as a chart can show; the last one always."""
    step = -(-len(samples) // MOST_POINTS) or 1
    return [*samples[: len(samples) - 1 : step], *samples[-1:]]


def _without_scripts(svg: Element) -> Element:
    """Leave out what pygal's tooltips would read: the page has no scripts."""
    for parent in svg.findall(".//script/.."):
        for script in parent.findall("script"):
            parent.remove(script)
    return svg


def _empty_chart(**titles: str) -> pygal.XY:
    chart = pygal.XY(**_OPTIONS, **titles)
    chart.add_xml_filter(_without_scripts)
    return chart


def _chart(title: str, unit: str, lines: Iterable[tuple[str, Sequence[tuple[float, float]], bool]]) -> str:
    """An inline SVG. A line is (name, points, dashed)."""
    chart = _empty_chart(title=title, x_title="seconds since the start", y_title=unit)
    for name, points, dashed in lines:
        chart.add(
            name,
            list(points),
            show_dots=not dashed and len(points) <= MOST_DOTS,
            stroke_style=_DASHED if dashed else {},
        )
    svg: str = chart.render(is_unicode=True)
    return svg


def response_times(samples: Sequence[Sample], endpoint: Endpoint, objectives: Iterable[Objective]) -> str:
    """Median and 95th percentile of one endpoint over time, with its time limits as dashed lines."""
    points = [(sample.at, sample.percentiles[endpoint]) for sample in thin(samples) if endpoint in sample.percentiles]
    lines = [
        ("median", [(at, times[0]) for at, times in points], False),
        ("p95", [(at, times[1]) for at, times in points], False),
    ]
    ends = (points[0][0], points[-1][0]) if points else (0.0, 1.0)
    lines += [
        (f"limit of {objective.measure}", [(at, objective.limit) for at in ends], True)
        for objective in objectives
        if objective.endpoint == endpoint and objective.is_time
    ]
    return _chart(str(endpoint), "ms", lines)


def over_time(samples: Sequence[Sample], title: str, unit: str, read: Callable[[Sample], float]) -> str:
    """One figure over time."""
    return _chart(title, unit, [(unit, [(sample.at, read(sample)) for sample in thin(samples)], False)])


def against_users(curve: Curve) -> str:
    """Throughput and 95th percentile against users, the knee marked."""
    chart = _empty_chart(title="Throughput and p95 against users", x_title="users", y_title="req/s")
    chart.add("req/s", [(point.users, point.requests_per_second) for point in curve.points])
    if curve.knee_users is not None and curve.plateau_rps is not None:
        knee = [(curve.knee_users, 0), (curve.knee_users, curve.plateau_rps)]
        chart.add("knee", knee, stroke_style=_DASHED)
    chart.add("p95 ms", [(point.users, point.p95_ms) for point in curve.points], secondary=True)
    svg: str = chart.render(is_unicode=True)
    return svg


def all_charts(samples: Sequence[Sample], objectives: Sequence[Objective], curve: Curve | None) -> list[str]:
    """The curve where there is one, throughput, failures, users, each endpoint with a time limit, all requests."""
    limited = dict.fromkeys(objective.endpoint for objective in objectives if objective.is_time)
    return [
        *((against_users(curve),) if curve else ()),
        over_time(samples, "Throughput", "requests per second", lambda s: s.requests_per_second),
        over_time(samples, "Failures", "failures per second", lambda s: s.failures_per_second),
        over_time(samples, "Users", "users", lambda s: float(s.users)),
        *(response_times(samples, endpoint, objectives) for endpoint in limited),
        *(() if ALL in limited else (response_times(samples, ALL, objectives),)),
    ]
