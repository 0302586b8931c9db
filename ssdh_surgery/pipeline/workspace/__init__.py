"""The workspace `ssdh.toml`: what was decided for each net, for later commands."""
