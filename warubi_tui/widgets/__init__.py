"""Parts that screens are made of. They draw and report; they fetch nothing."""
