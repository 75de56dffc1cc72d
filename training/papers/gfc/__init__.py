"""GFC: Generative Face Completion, Li et al. 2017."""
