"""Behind a reverse proxy: a real nginx where there is one, and a stand-in everywhere."""
