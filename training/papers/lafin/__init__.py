"""LaFIn: Generative Landmark Guided Face Inpainting, Yang et al. 2019."""
