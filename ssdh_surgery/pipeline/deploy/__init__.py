"""The story of `ssdh deploy`: a deploy net gets the hash layer of its train net."""
