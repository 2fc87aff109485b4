"""Bringing the index to a space's present state: gather, bring in, reconcile, end."""
