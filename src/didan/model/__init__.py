"""Model: a network with what it takes to use it on new recordings, and its directory, card and place on a hub."""
