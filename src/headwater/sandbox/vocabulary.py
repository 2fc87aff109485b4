"""Words for made-up documentation, and a rare word for every number."""

SYSTEMS = (
    "billing",
    "checkout",
    "identity",
    "search",
    "inventory",
    "notification",
    "reporting",
    "scheduler",
    "gateway",
    "ledger",
    "catalogue",
    "telemetry",
    "archive",
    "pricing",
    "routing",
    "onboarding",
    "licensing",
    "translation",
    "payment",
    "dispatch",
)
TOPICS = (
    "runbook",
    "architecture",
    "retention policy",
    "release checklist",
    "incident review",
    "capacity plan",
    "migration guide",
    "access model",
    "data model",
    "test strategy",
    "support handbook",
    "interface reference",
    "cost report",
    "threat model",
    "service levels",
)
COMPONENTS = (
    "queue",
    "worker",
    "cache",
    "replica",
    "load balancer",
    "certificate",
    "scheduler job",
    "message broker",
    "index",
    "dashboard",
    "feature flag",
    "webhook",
    "rate limiter",
    "backup",
    "schema",
    "client library",
    "connection pool",
    "health check",
    "deployment pipeline",
    "proxy",
)
ACTIONS = (
    "restarts",
    "drains",
    "validates",
    "rejects",
    "retries",
    "replicates",
    "rotates",
    "throttles",
    "publishes",
    "rebuilds",
    "compresses",
    "verifies",
    "escalates",
    "reconciles",
    "suspends",
)
QUALITIES = (
    "stale",
    "encrypted",
    "regional",
    "idempotent",
    "overdue",
    "read-only",
    "signed",
    "partial",
    "nightly",
    "redundant",
    "customer-facing",
    "internal",
    "experimental",
    "deprecated",
    "cold",
)
CONDITIONS = (
    "after a failed deployment",
    "during the maintenance window",
    "when traffic doubles",
    "before the audit",
    "once the quota is used up",
    "while a region is down",
    "if the primary does not answer",
    "at the end of each quarter",
    "under sustained load",
    "as soon as an alert fires",
    "unless an operator objects",
    "in the staging environment",
)
TEAMS = ("platform", "security", "finance", "support", "data", "mobile", "research", "operations")
HEADINGS = ("Overview", "Procedure", "Limits", "Ownership", "Known problems", "History", "Checks")
LABELS = (
    "runbook",
    "policy",
    "reference",
    "howto",
    "draft-idea",
    "incident",
    "quarterly",
    "legacy",
)

_ONSETS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_SYLLABLES = tuple(onset + vowel for onset in _ONSETS for vowel in _VOWELS)
_WORD_SYLLABLES = 5
_WORDS = len(_SYLLABLES) ** _WORD_SYLLABLES
_STRIDE = 1_000_000_007
"""A prime that does not divide the number of words: different numbers get different words."""


def make_rare_word(seed: int, number: int) -> str:
    """Return a pronounceable word that no other number has under this seed."""
    rest = (number * _STRIDE + seed * 7_919) % _WORDS
    letters = []
    for _ in range(_WORD_SYLLABLES):
        rest, syllable = divmod(rest, len(_SYLLABLES))
        letters.append(_SYLLABLES[syllable])
    return "".join(letters)
