"""The pages of the settings: `overview` leads to the others."""
