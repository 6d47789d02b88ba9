"""Numbers about languages: arrays and strings in, values out; no files, no models, no printing."""
