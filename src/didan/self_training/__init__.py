"""Self-training: the target's scores become pseudo-labels that the network is fitted to."""
