"""From pictures to codes: the items, the net and its engine, the file that results."""
