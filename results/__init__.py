"""Results on real corpora: run records, and the table made of them."""
