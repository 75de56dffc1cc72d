"""Feature networks trained elsewhere, loaded from files that the user names, never trained here."""
