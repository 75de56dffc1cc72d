"""One contract, two engines: every test here runs against the embedded engine and against a real Triton core."""
