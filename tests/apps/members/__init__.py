"""An app with people of its own: who signs in does so by an e-mail address."""
