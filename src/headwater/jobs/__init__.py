"""Durable execution; the only room that imports the job engine."""
