"""The pages of the diagnostics: `overview` leads to the others."""
