"""Bearer tokens: what makes one valid, and who its bearer is."""
