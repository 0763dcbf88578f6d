"""Running many calls: threads, progress, locks, and continuing after an error."""
