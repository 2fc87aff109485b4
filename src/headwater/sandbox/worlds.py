"""Which world a sandbox serves, and what the demo asks of it."""

import json
from importlib.resources import files
from pathlib import Path

from headwater.sandbox.generator import Recipe, generate_world
from headwater.sandbox.loading import load_folder, load_wiki
from headwater.sandbox.world import World


def make_world(*, pages: int = 0, folder: Path | None = None) -> World:
    """Return a generated world, one loaded from a folder, or the sample wiki by default."""
    if folder:
        return load_folder(folder)
    return generate_world(Recipe(pages=pages)) if pages else load_wiki()


def demo_questions() -> list[str]:
    """Return the questions that the demo asks of the sample wiki's IT space."""
    text = (files("headwater.sandbox") / "wiki" / "questions.json").read_text(encoding="utf-8")
    return [entry["question"] for entry in json.loads(text) if entry.get("demo")]
