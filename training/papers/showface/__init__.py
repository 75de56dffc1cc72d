"""ShowFace: Coordinated Face Inpainting with Memory-Disentangled Refinement Networks (Wu et al. 2022)."""
