"""Embedders: one module per implementation of :class:`headwater.ports.Embedder`."""
