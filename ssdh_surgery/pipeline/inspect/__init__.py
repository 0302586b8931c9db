"""Reading commands: a net as a table, the choice of a head explained, the cost of hashing."""
