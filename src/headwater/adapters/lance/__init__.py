"""Records in LanceDB, embedded: one folder, one table for each namespace, no server.

A table handle is a snapshot: every operation opens its own, so that it sees the newest commit of any
process and nothing that comes after. A batch is one commit. See :class:`~.store.LanceStore`.
"""
