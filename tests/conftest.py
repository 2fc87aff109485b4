"""How tests run: what takes minutes first; property tests without deadlines, and longer on demand.

The machine is shared: nobody knows how long an example may take. The normal suite tries the same
examples every time, so that what it says is about the change; the long one looks for new ones.
"""

from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
LENGTHY = (TESTS / "integration/sync/test_model.py", TESTS / "integration/sync/test_storms.py")
PROCESSES = TESTS / "e2e"

settings.register_profile("default", deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "long",
    parent=settings.get_profile("default"),
    max_examples=2000,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_collection_modifyitems(items):
    """Let what takes minutes come first, so that no worker is left alone with it at the end."""
    items.sort(key=rank)


def rank(item):
    if item.path in LENGTHY:
        return 0
    return 1 if PROCESSES in item.path.parents else 2
