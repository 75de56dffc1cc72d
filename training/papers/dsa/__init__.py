"""Learning Oracle Attention for High-fidelity Face Completion, Zhou et al. 2020."""
