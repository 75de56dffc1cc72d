"""Everything that can be set from outside: `service.py` holds the settings, `jobs.py` those of jobs, `files.py` reads
values from files. No other module of the service reads the environment."""

from service.settings.service import (
    BadSettings,
    Settings,
    is_loopback,
    load_settings,
    redacted,
    shown,
    traces_endpoint,
)

__all__ = ["BadSettings", "Settings", "is_loopback", "load_settings", "redacted", "shown", "traces_endpoint"]
