"""The web console: pages over the same services as the API, for the person who connects a wiki."""
