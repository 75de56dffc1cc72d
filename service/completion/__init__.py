"""The use case: a picture and a mask become the completed picture. It knows nothing of HTTP, Redis or settings."""
