"""Creating, copying, moving and syncing records, each exactly once even if responses are lost."""
