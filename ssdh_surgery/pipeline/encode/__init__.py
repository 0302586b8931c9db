"""From images to codes: the items, the net and its engine, and the file of codes."""
