"""What LanceDB may take of memory, as far as only the environment can tell it."""

import json
import subprocess
import sys

from headwater.adapters.lance import BOUNDS


def test_lancedb_is_told_how_much_to_read_ahead() -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    environment = json.loads(found.stdout)
    assert {name: environment.get(name) for name in BOUNDS} == BOUNDS
