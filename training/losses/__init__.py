"""Losses that more than one room needs; each function is one equation of a paper."""
