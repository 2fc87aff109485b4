"""A local Confluence for the demo and the tests; nothing imports it but the command line and tests."""
