"""An index as a table of PostgreSQL with pgvector, for sets that outgrow memory."""
