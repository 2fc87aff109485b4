"""How property tests run: without deadlines, since the machine is shared; longer on demand.

The normal suite tries the same examples every time, so that what it says is about the change; the long
one looks for new ones.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "long",
    parent=settings.get_profile("default"),
    max_examples=2000,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")
