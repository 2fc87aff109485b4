"""Attachments become text in processes of their own; nothing here is imported by the service but the door.

The service's side is :class:`~.pool.ProcessExtractor` with ``worker_process`` and ``frames``. The
worker's side is ``worker``: it gives up rights (``confinement``), then sniffs, checks and reads one
file at a time (``sniffing``, ``preflight``, ``readers``, ``ocr``). Only a worker imports a reader of
files: they are native code that meets hostile input, and they take seconds to load.
"""
