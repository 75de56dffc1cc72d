"""The page in a real browser, Debian's chromium: a real server, Redis and task, and an engine in memory."""
