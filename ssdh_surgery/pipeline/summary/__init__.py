"""`ssdh show` of files other than nets: what each holds, in a few lines or as JSON."""
