"""Scripts for whoever works on Headwater; nothing of the service needs them."""
