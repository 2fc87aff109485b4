"""Backup and restore of the data dir: one archive, taken while the service runs (ADR 21)."""
