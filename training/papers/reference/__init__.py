"""Reference Guided Face Inpainting using Facial Attributes, Yoon et al. 2021."""
