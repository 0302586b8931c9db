"""An index as a table of PostgreSQL with pgvector: for what outgrows the memory of a machine."""
