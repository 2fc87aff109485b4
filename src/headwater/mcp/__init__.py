"""Tools for language models (Model Context Protocol), over the HTTP API and with its rights.

Whoever asks is known to the API by a token; nothing here decides what may be seen.
"""
