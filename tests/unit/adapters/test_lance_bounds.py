"""What LanceDB may take: of memory, as far as only the environment can tell it, and of a start."""

import json
import subprocess
import sys

from headwater.adapters.lance import BOUNDS

LOADS = """
import pydantic
from headwater.adapters.lance.loading import load_lancedb
load_lancedb()
from headwater.adapters.lance.store import LanceStore
from lance_namespace_urllib3_client import TagApi
checked = pydantic.validate_call(TagApi.create_table_tag)
print(*(hasattr(call, "raw_function") for call in (TagApi.create_table_tag, checked)))
"""


def test_lancedb_is_told_how_much_to_read_ahead() -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    environment = json.loads(found.stdout)
    assert {name: environment.get(name) for name in BOUNDS} == BOUNDS


def test_lancedb_is_loaded_without_validators_of_what_nobody_calls() -> None:
    found = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, check=True)
    assert found.stdout.split() == [b"False", b"True"]
