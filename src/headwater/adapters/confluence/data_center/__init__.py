"""Confluence Data Center over its REST API: one interface, paged by offset or by cursor."""
