"""didan: speech emotion recognition that adapts to recordings nobody has labelled."""
