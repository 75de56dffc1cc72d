"""Asynchronous jobs: accepted by the API, kept in Redis, run by `python -m service.worker`.

Everything that must outlive a process lies in Redis. RQ carries nothing but ids; `store.py` says what is true of a job.
"""
