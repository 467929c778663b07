-- What the session reaches WhatsApp through: a URL, which may have a password, so it is encrypted as tokens are.
ALTER TABLE sessions ADD COLUMN proxy BLOB;
