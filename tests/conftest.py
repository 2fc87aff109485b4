"""How property tests run: without deadlines, since the machine is shared; longer on demand."""

from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile(
    "long",
    parent=settings.get_profile("default"),
    max_examples=2000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")
