"""The dashboard and the alerts ask for metrics that exist, by labels and values that they have."""

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from headwater.adapters import metrics
from headwater.domain.jobs import ChunkCounts, DocumentCounts, JobStatus

OPS = Path(__file__).parents[2] / "ops"
DASHBOARD = json.loads((OPS / "grafana" / "headwater.json").read_text("utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((OPS / "prometheus" / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]

FROM_PROMETHEUS = frozenset({"job", "instance"})
NOT_OURS: dict[str, frozenset[str]] = {
    "up": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    "process_cpu_seconds_total": frozenset(),
}
"""Prometheus's own, and its Python library's, with their labels."""

VALUES = {
    ("headwater_jobs_open", "status"): {"queued", "running"},
    ("headwater_jobs_ended_total", "status"): {item.value for item in JobStatus if item.is_final},
    ("headwater_documents_total", "outcome"): set(DocumentCounts.__slots__),
    ("headwater_chunks_total", "work"): set(ChunkCounts.__slots__),
}


def list_series():
    """Return every series that we offer, with its labels."""
    series = dict(NOT_OURS)
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name, labels = metric._name, frozenset(metric._labelnames)
            match metric._type:
                case "counter":
                    series[f"{name}_total"] = labels
                case "histogram":
                    series |= {f"{name}_count": labels, f"{name}_sum": labels}
                    series[f"{name}_bucket"] = labels | {"le"}
                case _:
                    series[name] = labels
    return series


SERIES = list_series()


def list_targets():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield pytest.param(target["expr"], id=f"{panel['id']}-{target['refId']}")


def parse(query):
    """Return a query's selectors and groupings; what Grafana fills in is filled in."""
    filled = query.replace("$__rate_interval", "5m").replace("$job", "headwater")
    found: dict[str, list[Any]] = {"VectorSelector": [], "AggregateExpr": []}

    def note(node):
        found.get(type(node).__name__, []).append(node)

    promql_parser.walk(promql_parser.parse(filled), note)
    return found["VectorSelector"], found["AggregateExpr"]


def check(query):
    selectors, aggregations = parse(query)
    assert selectors
    known = set(FROM_PROMETHEUS)
    for selector in selectors:
        assert selector.name in SERIES
        known |= SERIES[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in SERIES[selector.name] | FROM_PROMETHEUS
            check_value(selector.name, matcher)
    for aggregation in aggregations:
        assert set(aggregation.modifier.labels if aggregation.modifier else ()) <= known


def check_value(name, matcher):
    """Every value that a matcher names is one that the label can have."""
    possible = VALUES.get((name, matcher.name))
    if possible is not None:
        assert set(matcher.value.split("|")) <= possible


@pytest.mark.parametrize("query", list(list_targets()))
def test_every_query_of_the_dashboard_asks_for_what_exists(query):
    check(query)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_exists_and_says_what_to_do(rule):
    check(rule["expr"])
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "action"}
    assert rule["annotations"]["action"].endswith(".")
    assert re.fullmatch(r"Headwater[A-Z]\w+", rule["alert"])


@pytest.mark.parametrize(
    "query",
    [
        "headwater_no_such_thing_total",
        'headwater_jobs_open{tenant="x"}',
        'headwater_jobs_open{status="ended"}',
        "sum by (space) (headwater_jobs_open)",
    ],
)
def test_a_query_for_what_does_not_exist_is_noticed(query):
    with pytest.raises(AssertionError):
        check(query)


def test_the_dashboard_shows_every_metric_of_ours():
    shown = {selector.name for target in list_targets() for selector in parse(*target.values)[0]}
    ours = {
        metric._name for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)
    }
    assert [name for name in ours if not any(item.startswith(name) for item in shown)] == []


def test_panels_have_ids_and_places_of_their_own():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"].values()) for panel in panels]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_alerts_have_names_of_their_own():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
