"""Records in LanceDB, embedded: one folder, one table for each namespace, no server.

A table handle is a snapshot: every operation opens its own, so that it sees the newest commit of any
process and nothing that comes after. A batch is one commit. See :class:`~.store.LanceStore`.

LanceDB takes some bounds from the process's environment alone, the first time that it needs them.
They are set here, before it is loaded: it would read ahead 2 GiB, 8192 rows at a time, and index words
in one shard for each core, so that tidying a table took five times its own size in memory.
"""

import os
from typing import Final

BOUNDS: Final = {
    "LANCE_DEFAULT_BATCH_SIZE": "256",  # rows
    "LANCE_DEFAULT_IO_BUFFER_SIZE": str(16 << 20),  # bytes
    "LANCE_FTS_NUM_SHARDS": "1",
    # Without it, whoever asks how many parts an index has gets a warning that they come with centroids.
    "LANCE_INCLUDE_VECTOR_CENTROIDS": "false",
}

for name, value in BOUNDS.items():
    os.putenv(name, value)
