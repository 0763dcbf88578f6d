"""One record: its loaded values, local changes, parent and children, and finding it."""
