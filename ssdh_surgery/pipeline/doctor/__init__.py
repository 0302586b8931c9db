"""`ssdh doctor`: what is installed, and which engines work."""
