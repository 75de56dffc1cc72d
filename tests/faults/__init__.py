"""Faults on the synchronous path: hostile files, slow and leaving clients, an engine that dies, a full disk."""
