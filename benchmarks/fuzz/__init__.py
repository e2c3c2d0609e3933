"""Damaged and malicious files of every kind that didan reads, and what its readers make of them."""
