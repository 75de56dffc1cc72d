"""Figures of completed pictures. The error of landmarks, `nme`, stands with their order in training.data.landmarks."""
