"""Loads LanceDB without what nothing here calls.

LanceDB brings a web client for tables elsewhere. While that is imported, pydantic builds a validator for
each of its calls: half a second of processor time, at every start of whatever opens the store.
"""

from importlib import import_module

import pydantic


def load_lancedb() -> None:
    """Import LanceDB; the calls of its web client stay without validators."""
    validate_call = pydantic.validate_call
    pydantic.validate_call = lambda function: function  # type: ignore[assignment]
    try:
        import_module("lancedb")
    finally:
        pydantic.validate_call = validate_call
