"""The command `inpaint`: files in, files out, many at once."""
