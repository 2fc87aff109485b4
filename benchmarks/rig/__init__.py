"""What the benchmarks of whole syncs share: a service in a process of its own, and embedders that are watched."""
