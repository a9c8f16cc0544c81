"""What the window says: `words` for a state, `reasons` for what goes wrong, `i18n` for other languages."""
