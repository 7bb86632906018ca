"""Charts of a run as SVG, self-contained."""

from collections.abc import Callable, Iterable, Sequence

import pygal
from pygal.style import Style

from chaterload.history import Sample
from chaterload.measure import ALL, Endpoint
from chaterload.objectives import Objective

MOST_POINTS = 200
"""In a line; a chart is 800 px wide."""

_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    font_family="system-ui, sans-serif",
    colors=("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"),
)


def thin(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Every n-th sample, so many as a chart can show; the last one always."""
    step = -(-len(samples) // MOST_POINTS) or 1
    return [*samples[: len(samples) - 1 : step], *samples[-1:]]


def _chart(title: str, unit: str, lines: Iterable[tuple[str, Sequence[tuple[float, float]], bool]]) -> str:
    """An inline SVG. A line is (name, points, dashed)."""
    chart = pygal.XY(
        title=title,
        x_title="seconds since the start",
        y_title=unit,
        style=_STYLE,
        js=[],  # no scripts: the page needs no network
        width=800,
        height=320,
        dots_size=1.5,
        legend_at_bottom=True,
        include_x_axis=True,
        x_value_formatter=lambda seconds: f"{seconds:.0f}",
        no_data_text="no data",
        disable_xml_declaration=True,
    )
    for name, points, dashed in lines:
        chart.add(name, list(points), show_dots=not dashed, stroke_style={"dasharray": "6, 4"} if dashed else {})
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


def all_charts(samples: Sequence[Sample], objectives: Sequence[Objective]) -> list[str]:
    """The run's charts: throughput, failures, users, then each endpoint that has a time limit, then all requests."""
    limited = dict.fromkeys(objective.endpoint for objective in objectives if objective.is_time)
    return [
        over_time(samples, "Throughput", "requests per second", lambda s: s.requests_per_second),
        over_time(samples, "Failures", "failures per second", lambda s: s.failures_per_second),
        over_time(samples, "Users", "users", lambda s: float(s.users)),
        *(response_times(samples, endpoint, objectives) for endpoint in limited),
        *(() if ALL in limited else (response_times(samples, ALL, objectives),)),
    ]
