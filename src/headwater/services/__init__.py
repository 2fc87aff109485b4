"""Use cases: read through ports, call the pipeline, write through ports."""
