"""What to do about a failed call, in the words of this command line."""

from typing import Final

from headwater.client import ClientError, RefusalError

HINTS: Final = {
    "authentication_error": "pass a token that this server accepts with --token",
    "permission_error.confluence": "check --user and the API token; doctor --site tries each call",
    "not_found_error.content": "copy the link from a search result or from Confluence",
    "not_found_error": "headwater jobs lists the tenant's jobs",
    "conflict_error.job_state": "headwater jobs shows how jobs stand",
    "conflict_error": "choose another --job-id, or leave it out",
    "value_error.space": "headwater spaces lists what the account may see",
    "source_error": "check --site; headwater doctor --site tries each call",
}
"""By the beginning of a refusal's code; the first that fits counts."""


def find_hint(error: ClientError) -> str:
    """Return what to do: as this command line says it, or as the client does."""
    code = error.code if isinstance(error, RefusalError) else ""
    return next((hint for start, hint in HINTS.items() if code.startswith(start)), error.next_step)
