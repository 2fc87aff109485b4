"""One module per family of formats; each turns bytes into a :class:`~..reading.Reading`."""
