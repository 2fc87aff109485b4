"""Confluence over its REST API."""
