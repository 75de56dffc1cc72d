"""Published data sets, one file each: their folders and formats become faces that `training.prepare` writes."""
