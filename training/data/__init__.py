"""Pictures, landmarks, parsing maps and holes that trainings read."""
