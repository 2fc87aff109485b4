"""What Prometheus reads: well-formed, named by its rules, and about nobody."""

import re
from collections import Counter as Count

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from headwater.adapters import metrics
from headwater.adapters.metrics import observe_lag, observe_request, timing_extraction

OURS = {
    name: metric for name, metric in vars(metrics).items() if isinstance(metric, MetricWrapperBase)
}
LABELS = {"method", "route", "status", "kind", "outcome", "work", "type", "version"}
"""Each has a small, closed set of values; ``docs/reference/metrics.md`` says which."""

UNIT = re.compile(
    r"_(ms|millis\w*|minutes?|hours?|kb|mb|kilobytes|percent|count|sum|total|bucket)$"
)


@pytest.fixture
def shown():
    observe_request("GET", "/v2/confluence/jobs/{job_id}", 200, 0.1)
    observe_lag([12.5])
    with timing_extraction("a.pdf"):
        pass
    return generate_latest().decode()


def test_every_series_stands_once_under_help_and_type(shown):
    lines = shown.splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert [name for name, times in Count(series).items() if times > 1] == []
    for kind in ("HELP", "TYPE"):
        named = [line.split()[2] for line in lines if line.startswith(f"# {kind} ")]
        assert [name for name, times in Count(named).items() if times > 1] == []
    for family in text_string_to_metric_families(shown):
        assert family.documentation
        assert family.type in {"counter", "gauge", "histogram", "summary", "info"}


def test_buckets_grow_and_end_at_infinity(shown):
    for family in text_string_to_metric_families(shown):
        if family.type == "histogram" and family.name.startswith("headwater_"):
            buckets: dict[tuple[str, ...], list[tuple[str, float]]] = {}
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    key = tuple(text for name, text in sample.labels.items() if name != "le")
                    buckets.setdefault(key, []).append((sample.labels["le"], sample.value))
            for rows in buckets.values():
                assert [float(edge) for edge, _ in rows] == sorted(float(edge) for edge, _ in rows)
                assert [value for _, value in rows] == sorted(value for _, value in rows)
                assert rows[-1][0] == "+Inf"


@pytest.mark.parametrize("name", sorted(OURS))
def test_names_and_labels_follow_the_rules_and_name_nobody(name):
    metric = OURS[name]
    assert re.fullmatch(r"headwater_[a-z]+(_[a-z]+)*", metric._name)
    assert not UNIT.search(metric._name), "base units only; the library adds the endings"
    assert metric._documentation.endswith(".")
    assert set(metric._labelnames) <= LABELS
    if metric._type == "histogram":
        assert metric._name.endswith(("_seconds", "_bytes"))
