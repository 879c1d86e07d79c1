-- Whether workers may ask this tenant for the plain text of encrypted values. Granted by a person,
-- apart from the credential, and audited; off unless they did.
ALTER TABLE provider_connections
    ADD COLUMN secret_reading boolean NOT NULL DEFAULT false;
