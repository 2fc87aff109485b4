"""What was probed of a Confluence, in plain words."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from headwater.ports import Capability


class Finding(NamedTuple):
    """One thing that was tried: what it is for, whether it works, what follows if not, what to do."""

    title: str
    ok: bool
    consequence: str
    detail: str


class _Meaning(NamedTuple):
    title: str
    without: str


_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "Confluence": _Meaning("It answers", ""),
    "current user": _Meaning(
        "It tells who the account is",
        "Nothing can be trusted that an unknown caller is shown, so nothing can be brought in.",
    ),
    "spaces": _Meaning("It shows spaces and pages", "Nothing can be listed or brought in."),
    "search": _Meaning(
        "It finds attachments and comments space by space",
        "The lists of the whole site are read instead: a sync takes more requests.",
    ),
    "names of people": _Meaning("It tells people's names", "Texts name people by their ids."),
    "restrictions": _Meaning(
        "It tells who may read a page",
        "What cannot be read closes: under Confluence's own restrictions such pages are found by nobody.",
    ),
    "names of groups": _Meaning(
        "It names the groups that may view a space",
        "Under Confluence's own restrictions only tokens that carry the groups' ids find its pages.",
    ),
    "folders": _Meaning(
        "It shows the folders above pages",
        "What cannot be read closes: under Confluence's own restrictions pages in folders are found"
        " by nobody.",
    ),
    "files": _Meaning("It hands out attached files", "Attachments fail; pages come in."),
    "scan": _Meaning("It lists large spaces in one go", "They are listed in parts instead."),
    "space permissions": _Meaning(
        "It tells who may view a space",
        "What cannot be read closes: under Confluence's own restrictions the space is found by nobody.",
    ),
}


def explain_capabilities(capabilities: Iterable[Capability]) -> tuple[Finding, ...]:
    """Return the findings, what is missing first."""
    findings = map(_explain, capabilities)
    return tuple(sorted(findings, key=lambda finding: finding.ok))


def _explain(capability: Capability) -> Finding:
    name = capability.name.partition(" (")[0]
    meaning = _MEANINGS.get(name, _Meaning(capability.name, ""))
    consequence = "" if capability.ok else meaning.without
    return Finding(meaning.title, capability.ok, consequence, capability.detail)
