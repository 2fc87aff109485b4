"""Traces with OpenTelemetry; nothing of it is imported while they are off (ADR 21)."""
