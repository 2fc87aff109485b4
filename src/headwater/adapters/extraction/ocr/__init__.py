"""Text from pixels: which pages need it, in which order lines are read, how sure the engine is."""
