"""Faces, holes, and the seeded stream of training items made of them."""
