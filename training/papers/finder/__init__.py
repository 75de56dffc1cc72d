"""A face finder of our own: faces at any roll, also half erased."""
