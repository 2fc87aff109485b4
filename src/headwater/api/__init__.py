"""HTTP: translate request to call to response; the contract's error vocabulary lives here."""
