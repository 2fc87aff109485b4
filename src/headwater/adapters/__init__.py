"""One module per outside system; the only room that imports its SDK."""
