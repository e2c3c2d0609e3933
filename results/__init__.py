"""Results: plans, run records, and the README's table made of them."""
